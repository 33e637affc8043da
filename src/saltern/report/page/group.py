"""What is stuck, and projects, in groups that a reader can take in."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

ALIKE = 3
"""More steps than this that fail with the same words are shown as one."""
NAMES = 300
"""Most names listed for one of them; all are in status.json."""


@dataclass(frozen=True)
class Alike:
    """Steps that are stuck for the same reason, the first of them on the list first."""

    rows: tuple[Mapping[str, Any], ...]

    @property
    def first(self) -> Mapping[str, Any]:
        """Return the one that has been stuck longest."""
        return self.rows[0]

    @property
    def names(self) -> tuple[str, ...]:
        """Return the names to list."""
        return tuple(row["name"] for row in self.rows[:NAMES])

    @property
    def more(self) -> int:
        """Return how many are not listed."""
        return max(0, len(self.rows) - NAMES)


def gathered(rows: Iterable[Mapping[str, Any]], by: Sequence[str]) -> list[Alike]:
    """Return ``rows`` in their order, those that agree in ``by`` as one when they are many."""
    groups: dict[tuple[str, ...], list[Mapping[str, Any]]] = {}
    for row in rows:
        groups.setdefault(tuple(row[name] for name in by), []).append(row)
    parts: list[Alike] = []
    for same in groups.values():
        parts += [Alike(tuple(same))] if len(same) > ALIKE else [Alike((row,)) for row in same]
    return parts


def alike(stuck: Iterable[Mapping[str, Any]]) -> tuple[list[Alike], list[Alike]]:
    """Return what failed by itself, and what only waits for something that did."""
    parts = gathered(stuck, ("kind", "state", "code", "reason"))
    parts.sort(key=lambda part: part.first["since"])
    causes = [part for part in parts if part.first["state"] != "skipped"]
    return causes, [part for part in parts if part.first["state"] == "skipped"]


def by_organisation(
    projects: Iterable[Mapping[str, Any]],
) -> list[tuple[str, list[Mapping[str, Any]]]]:
    """Return projects by what stands before the first slash, those without one under ``""``."""
    found: dict[str, list[Mapping[str, Any]]] = {}
    for project in projects:
        head, slash, _ = project["name"].partition("/")
        found.setdefault(head if slash else "", []).append(project)
    return sorted(found.items())


def by_project(
    steps: Iterable[Mapping[str, Any]], kinds: Collection[str]
) -> tuple[dict[str, dict], list[Mapping]]:
    """Return ``{project: {kind: step}}`` for these ``kinds``, and the other steps."""
    table: dict[str, dict[str, Mapping[str, Any]]] = {}
    others = []
    for step in steps:
        if step["kind"] in kinds:
            table.setdefault(step["name"], {})[step["kind"]] = step
        else:
            others.append(step)
    return table, others
