"""What differs between two states of the registry."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields

from saltern.registry.model import Project, Registry

_PLACES = ("position", "acl", "acl_file", "parent_at", "composer")
_COMPARED = (*(f.name for f in fields(Project) if f.name not in _PLACES), "config_digest")


@dataclass(frozen=True)
class Difference:
    """Names of projects by what became of them.

    ``changed``: something else is wanted of them now, new ones included. ``removed``: they
    stand in the file no more (``renamed`` ones included). ``renamed``: old name to new name,
    where one entry left and one came that asks for the same under another name.
    """

    changed: frozenset[str]
    removed: frozenset[str]
    renamed: Mapping[str, str]


def changed(old: Registry, new: Registry) -> Difference:
    """Return what ``new`` asks for that ``old`` did not, and what it no longer asks for."""
    different = {
        name
        for name, project in new.projects.items()
        if _wanted(old, name, old.projects.get(name)) != _wanted(new, name, project)
    }
    removed = old.projects.keys() - new.names
    added = new.projects.keys() - old.names
    return Difference(frozenset(different), frozenset(removed), _renamed(old, new, removed, added))


def _wanted(registry: Registry, name: str, project: Project | None) -> tuple | None:
    """Return everything that decides what is done for a project; its place does not."""
    if project is None:
        return None
    return (registry.blocked.get(name), *(getattr(project, key) for key in _COMPARED))


def _renamed(old: Registry, new: Registry, removed: set[str], added: set[str]) -> dict[str, str]:
    """Pair names that left with names that came: by ``previously``, else by likeness.

    Alike are projects with the same last part of their name and the same description.
    """
    came: dict[tuple[str, str], list[str]] = {}
    for name in sorted(added):
        came.setdefault(_likeness(new.projects[name]), []).append(name)
    pairs = {
        was: name
        for name in sorted(added)
        for was in new.projects[name].previously
        if was in removed
    }
    for name in sorted(removed - pairs.keys()):
        found = came.get(_likeness(old.projects[name]), [])
        if len(found) == 1:
            pairs[name] = found.pop()
    return pairs


def _likeness(project: Project) -> tuple[str, str]:
    return project.name.rpartition("/")[2], project.description
