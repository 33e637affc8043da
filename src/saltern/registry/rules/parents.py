"""Checks of who inherits from whom."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from saltern.registry.acl import AclDocument
from saltern.registry.findings import ACCESS, PROJECT, WARNING, Position
from saltern.registry.normal import ROOT_PROJECT
from saltern.registry.rules.base import REGISTRY, Collected, rule
from saltern.registry.rules.suggest import meant

Found = Iterator[tuple[str | None, Position, str]]

_LONGEST_WAY = 5
"""Projects of a circle that a message names."""


@rule("SLT050", REGISTRY, blocks=PROJECT)
def own_parent(collected: Collected) -> Found:
    """A project inherits from itself.

    Why: Gerrit takes the ACL without a word and the project's rights are then undefined.
    Example: ``inheritFrom = org/name`` in the ACL of org/name
    Instead: another project, or no ``inheritFrom``.
    """
    for name, parent in collected.parents.items():
        if name == parent:
            text = f"{name} inherits from itself; name another project, or none"
            yield name, _place(collected, name), text


@rule("SLT051", REGISTRY, blocks=PROJECT)
def cycle_of_parents(collected: Collected) -> Found:
    """Projects inherit from each other in a circle.

    Why: Gerrit takes it without a word; no order exists in which they could be made.
    Example: a inherits from b, b inherits from a
    Instead: break the circle.
    """
    for cycle in _cycles(collected.parents):
        shown = cycle if len(cycle) <= _LONGEST_WAY else [*cycle[:_LONGEST_WAY], "..."]
        way = " -> ".join([*shown, cycle[0]])
        for name in cycle:
            yield name, _place(collected, name), f"parents form a circle: {way}; change one of them"


@rule("SLT052", REGISTRY, blocks=PROJECT)
def bad_parent_name(collected: Collected) -> Found:
    """A project inherits from a name that Gerrit folds into another.

    Why: Gerrit takes ``org/parent.git`` without a word and does not find the parent by it.
    Example: ``inheritFrom = org/parent.git``
    Instead: ``inheritFrom = org/parent``
    """
    for name, parent in collected.parents.items():
        if parent.endswith((".git", "/")) or parent.startswith("/"):
            plain = parent.strip("/").removesuffix(".git")
            message = f"Gerrit does not find the parent {parent[:60]!r}; write {plain[:60]!r}"
            yield name, _place(collected, name), message


def _cycles(parents: Mapping[str, str]) -> Iterator[list[str]]:
    """Yield each circle of two or more projects once, starting from its first in order."""
    state: dict[str, int] = {}
    for number, start in enumerate(parents, 1):
        path = []
        name = start
        while name in parents and name not in state:
            state[name] = number
            path.append(name)
            name = parents[name]
        if state.get(name) == number:
            cycle = path[path.index(name) :]
            if len(cycle) > 1:
                yield cycle


def _place(collected: Collected, name: str) -> Position:
    document = collected.documents.get(name)
    found = _inherit_from(document) if document else None
    entry = collected.entries[name]
    return found or entry.at("parent" if "parent" in entry.positions else "project")


def _inherit_from(document: AclDocument) -> Position | None:
    entries = document.select("access", None, "inheritFrom")
    return document.place(entries[-1]) if entries else None


@rule("SLT053", REGISTRY, severity=WARNING)
def parent_elsewhere(collected: Collected) -> Found:
    """A project inherits from one that the registry does not have.

    Why: Gerrit refuses the ACL unless somebody else made the parent: "parent does not exist".
    A warning, for that is known only where the server is asked.
    Example: ``inheritFrom = org/bsae``
    Instead: ``inheritFrom = org/base``, or an entry for it.
    """
    server = collected.server
    if server is None or not server.complete:
        for name, parent in _strangers(collected):
            if server and parent in server.projects:
                continue
            message = f"parent {parent[:80]!r} is not in the registry"
            hint = meant(parent, collected.entries) or "; add an entry for it, unless Gerrit has it"
            yield name, _place(collected, name), message + hint


@rule("SLT054", REGISTRY, blocks=ACCESS)
def parent_nowhere(collected: Collected) -> Found:
    """A project inherits from one that neither the registry nor Gerrit has.

    Why: Gerrit refuses the push: "parent does not exist".
    Example: ``inheritFrom = org/bsae``
    Instead: ``inheritFrom = org/base``, or an entry for it.
    """
    if collected.server is not None and collected.server.complete:
        for name, parent in _strangers(collected):
            if parent not in collected.server.projects:
                message = f"parent {parent[:80]!r} is neither in the registry nor on Gerrit"
                hint = meant(parent, collected.entries) or "; add an entry for it"
                yield name, _place(collected, name), message + hint


def _strangers(collected: Collected) -> Iterator[tuple[str, str]]:
    """Yield projects whose parent the registry does not have; the default parent is the site's."""
    own = (ROOT_PROJECT, collected.settings.default_parent)
    for name, parent in collected.parents.items():
        if parent not in collected.entries and parent not in own:
            yield name, parent
