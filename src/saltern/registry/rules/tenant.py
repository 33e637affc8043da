"""The check that every project of a Zuul tenant file is in the registry."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import yaml

from saltern.errors import Refused
from saltern.registry.findings import WARNING, Position
from saltern.registry.rules.base import REGISTRY, Collected, rule
from saltern.registry.rules.suggest import meant

Found = Iterator[tuple[str | None, Position, str]]

_KINDS = ("config-projects", "untrusted-projects")
_DEEPEST = 10


@rule("SLT095", REGISTRY, severity=WARNING)
def tenant_names_stranger(collected: Collected) -> Found:
    """A Zuul tenant file names a project that the registry does not have.

    Why: Zuul reports it as a configuration error of the tenant, and a misspelt name gates
    nothing. ``tenant_file`` is the file's path in the registry, ``tenant_sources`` names the
    sources that mean this Gerrit.
    Example: ``untrusted-projects: [org/nmae]``
    Instead: ``untrusted-projects: [org/name]``
    """
    path = collected.check.tenant_file
    if path is None or collected.source is None:
        return
    try:
        data = collected.source.read(path)
    except Refused as error:
        yield (
            None,
            Position(path, 1, 1),
            f"the tenant file cannot be read ({error.reason}); correct check.tenant_file",
        )
        return
    if data is None:
        yield (
            None,
            Position(path, 1, 1),
            "this file is not there; correct the setting check.tenant_file",
        )
        return
    yield from _judge(collected, path, data)


def _judge(collected: Collected, path: str, data: bytes) -> Found:
    names = {entry.name for entry in collected.order}
    try:
        root = yaml.compose(data, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        mark = getattr(error, "problem_mark", None)
        line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        yield None, Position(path, line, column), "the tenant file is not YAML; correct it here"
        return
    for node in _named(root, collected.check.tenant_sources):
        if node.value not in names:
            start, end = node.start_mark, node.end_mark
            place = Position(path, start.line + 1, start.column + 1, (end.line + 1, end.column + 1))
            message = f"project {node.value[:80]!r} of the tenant is not in the registry"
            hint = meant(node.value, filter(None, names)) or "; add an entry, or remove it here"
            yield None, place, message + hint


def _named(root: Any, sources: tuple[str, ...]) -> Iterator[yaml.ScalarNode]:
    """Yield the nodes that name projects of the tenants' ``sources``."""
    for item in _items(root):
        for tenant in _under(item, ("tenant",)):
            for source in _under(tenant, ("source",)):
                for projects in _under(source, sources):
                    for listed in _under(projects, _KINDS):
                        yield from _projects(listed, _DEEPEST)


def _projects(node: Any, deepest: int) -> Iterator[yaml.ScalarNode]:
    """Yield names of a list: a text, ``NAME: options``, or ``projects:`` with a list below."""
    for item in _items(node) if deepest else ():
        if isinstance(item, yaml.ScalarNode):
            yield item
        elif isinstance(item, yaml.MappingNode):
            grouped = list(_under(item, ("projects",)))
            for each in grouped:
                yield from _projects(each, deepest - 1)
            if not grouped:
                keys = [key for key, _ in item.value[:1]]
                yield from (key for key in keys if isinstance(key, yaml.ScalarNode))


def _items(node: Any) -> list[Any]:
    return node.value if isinstance(node, yaml.SequenceNode) else []


def _under(node: Any, keys: tuple[str, ...]) -> Iterator[Any]:
    if isinstance(node, yaml.MappingNode):
        yield from (v for k, v in node.value if getattr(k, "value", None) in keys)
