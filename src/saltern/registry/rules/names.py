"""Checks of project names."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache

from saltern.registry.findings import PROJECT, WARNING, Position
from saltern.registry.rules.base import ENTRY, REGISTRY, Collected, rule
from saltern.registry.yamlfile import RawEntry
from saltern.settings import RegistrySettings

_ALLOWED = r"[A-Za-z0-9._+/-]+"
_SAFE = re.compile(r"(?:\w[\w+-]{0,99}/){0,6}\w[\w+-]{0,99}", re.ASCII)
"""Names as nearly all are, of which nothing can be wrong but to be one of Gerrit's own."""
_OWN = ("All-Projects", "All-Users")
_LONGEST_PART = 200


@rule("SLT003", ENTRY, blocks=PROJECT)
def bad_name(entry: RawEntry, settings: RegistrySettings) -> Iterator[tuple[Position, str]]:
    """A project name that Gerrit refuses or folds into another, or that is unsafe as a path.

    Why: Gerrit takes ``x/`` and ``x.git`` for ``x``; names become directories and URLs.
    Example: ``project: ../etc`` or ``project: org/name.git``
    Instead: letters, digits and ``. _ + -``, parts separated by one ``/``.
    """
    name = entry.name
    reason = name_problem(name) if name is not None else None
    if name is not None and reason:
        shown = name if len(name) <= 80 else name[:80] + "..."
        yield entry.at("project"), f"project name {shown!r} {reason}"


@lru_cache(maxsize=8192)
def name_problem(name: str) -> str | None:
    """Return what is wrong with a project name, ``None`` when nothing is."""
    if _SAFE.fullmatch(name) and name not in _OWN:
        return None
    if not re.fullmatch(_ALLOWED, name):
        return "may only have letters, digits, '/', '.', '_', '+' and '-'"
    if name in _OWN:
        return "is Gerrit's own, which no registry manages; name another project"
    parts = name.split("/")
    if "" in parts:
        return f"has an empty part; write {_without_blanks(parts)!r}"
    if "." in parts or ".." in parts:
        return "has '.' or '..' as a part; write the name without"
    if any(part.endswith(".git") for part in parts):
        return "has a part that ends in '.git', which Gerrit drops or refuses; leave '.git' out"
    if any(part.startswith("-") for part in parts):
        return "has a part that starts with '-', which commands take for an option; leave it out"
    if any(part.startswith("+") for part in parts):
        return "has a part that starts with '+', which Gerrit refuses; leave it out"
    if any(len(part) > _LONGEST_PART for part in parts) or len(name) > 4 * _LONGEST_PART:
        return f"is too long; shorten each part to {_LONGEST_PART} characters"
    return None


def _without_blanks(parts: list[str]) -> str:
    return "/".join(filter(None, parts))[:80] or "ORGANISATION/NAME"


@rule("SLT002", REGISTRY)
def duplicate_project(collected: Collected) -> Iterator[tuple[str | None, Position, str]]:
    """A project stands twice in the file; the first entry counts.

    Why: the two may ask for different things and only one can be had.
    Example: two entries ``- project: org/name``
    Instead: one entry.
    """
    for entry in collected.repeated:
        first = collected.entries[entry.name or ""].at("project")
        yield entry.name, entry.at("project"), f"{entry.name} already stands at {first}; remove one"


@rule("SLT004", REGISTRY, severity=WARNING)
def names_differ_in_case(collected: Collected) -> Iterator[tuple[str | None, Position, str]]:
    """Two project names differ only in case.

    Why: Gerrit makes both, but not every file system and client can keep them apart.
    Example: ``org/Name`` and ``org/name``
    Instead: one spelling.
    """
    seen: dict[str, str] = {}
    for name, entry in collected.entries.items():
        first = seen.setdefault(name.lower(), name)
        if first != name:
            message = f"{name} differs from {first} only in case, and files would mix; rename one"
            yield name, entry.at("project"), message


@rule("SLT055", REGISTRY, severity=WARNING)
def name_below_another(collected: Collected) -> Iterator[tuple[str | None, Position, str]]:
    """The name of a project is the path of another one's directory.

    Why: Gerrit makes both; a clone of the one stands in the way of the other, and so do
    mirrors and web pages that map names to directories.
    Example: ``org/tools`` beside ``org/tools/lint``
    Instead: names of which none is the beginning of another's path.
    """
    for name, entry in collected.entries.items():
        above = name.rpartition("/")[0]
        while above:
            if above in collected.entries:
                message = (
                    f"{name} lies inside the project {above}, so their clones and mirrors clash"
                )
                yield name, entry.at("project"), f"{message}; begin its name otherwise"
            above = above.rpartition("/")[0]
