"""The notes on merged changes: which steps each one tells of, and its text."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import Any

from saltern.converge import Result
from saltern.errors import RegistryError
from saltern.plan import ANNOUNCE, KINDS, Plan
from saltern.registry.changed import changed
from saltern.registry.history import History
from saltern.registry.registry import Registry
from saltern.registry.source import Source
from saltern.report.note import TAG, note
from saltern.steps import DONE, Step, step_key

_ORDER = {kind.name: number for number, kind in enumerate(KINDS)}
NO_LINKS: Mapping[str, str] = MappingProxyType({})


@dataclasses.dataclass(frozen=True)
class Change:
    """A merged change of the registry: its commit, number, and the projects it touched.

    ``groups`` are those it asks something else of; ``failed``: a note on it tells of a failure,
    so that another is due once all of it is done.
    """

    commit: str
    number: int
    touched: frozenset[str]
    removed: tuple[str, ...]
    problem: str = ""
    groups: frozenset[str] = frozenset()
    failed: bool = False


def describe(
    history: History,
    commit: str,
    number: int,
    registry: Registry,
    load: Callable[[Source], Registry],
    *,
    failed: bool = False,
) -> Change:
    """Return what the merged ``commit`` (change ``number``) changed against its first parent."""
    parent = history.parent(commit)
    try:
        after = registry if commit == registry.commit else load(history.source(commit))
        if parent is None:
            return Change(commit, number, frozenset(after.projects), (), failed=failed)
        before = load(history.source(parent))
    except RegistryError as error:
        # A past state that nobody can read must not hold up the present one.
        problem = f"What it changed cannot be told: {error}"
        return Change(commit, number, frozenset(), (), problem, failed=failed)
    difference = changed(before, after)
    return Change(
        commit,
        number,
        frozenset(difference.changed),
        tuple(sorted(difference.removed)),
        groups=_groups(before, after),
        failed=failed,
    )


def _groups(before: Registry, after: Registry) -> frozenset[str]:
    """Return the groups of the groups file that ``after`` asks something else of."""
    old, new = (_wishes(registry) for registry in (before, after))
    return frozenset(name for name, wish in new.items() if old.get(name) != wish)


def _wishes(registry: Registry) -> dict[str, tuple[Any, ...]]:
    """Return what the groups file asks of each group, without the places where it does."""
    return {
        name: (
            wish.description,
            wish.owner and wish.owner.text,
            wish.members and sorted(member.text for member in wish.members),
            wish.includes and sorted(group.text for group in wish.includes),
        )
        for name, wish in registry.group_wishes.items()
    }


class Announcer:
    """Announcements of a run: their steps, and their texts once the rest has settled."""

    def __init__(
        self,
        changes: Iterable[Change],
        registry: Registry,
        plan: Plan,
        run: str,
        links: Mapping[str, str] = NO_LINKS,
    ):
        self._registry = registry
        self._plan = plan
        self._run = run
        self._links = links
        self._started = time.monotonic()
        self._changes = {str(change.number): change for change in changes if self._examined(change)}

    def _examined(self, change: Change) -> bool:
        """Return whether this run looked at all of the change: else nothing true can be said."""
        names = change.touched & self._registry.projects.keys()
        keys = {step_key("project", name) for name in names}
        keys |= {step_key("group", name) for name in change.groups & self._registry.groups.keys()}
        return keys <= self._plan.examined

    def steps(self) -> list[Step]:
        """Return one step for each change that wants its first note."""
        return [self._step(change) for change in self._changes.values() if not change.failed]

    def follow_ups(self, results: Mapping[str, Result]) -> list[Step]:
        """Return a step for each change that a note calls failed and of which all is done now."""
        return [
            self._step(change)
            for change in self._changes.values()
            if change.failed and all(results[key].state == DONE for key in self._keys(change))
        ]

    def _step(self, change: Change) -> Step:
        return Step(
            ANNOUNCE,
            str(change.number),
            "the change wants its note",
            {"change": change.number, "commit": change.commit, "message": "", "tag": TAG},
            frozenset(self._keys(change)),
        )

    def _keys(self, change: Change) -> set[str]:
        names = change.touched & self._registry.projects.keys()
        groups = {g for name in names for g in self._registry.projects[name].groups}
        groups |= change.groups
        moved = {old for old, name in self._registry.moved.items() if name in names}
        over = {"projects": names, "moved": moved, "groups": groups, "wishes": groups}
        keys = {step_key(kind.name, name) for kind in KINDS for name in over[kind.over]}
        return keys & (self._plan.steps.keys() | self._plan.blocked.keys())

    def all_done(self, number: str, results: Mapping[str, Result]) -> bool:
        """Return whether everything the change ``number`` asks for is done in this run."""
        keys = self._keys(self._changes[number])
        return all(results[key].state == DONE for key in keys)

    def prepare(self, step: Step, results: Mapping[str, Result]) -> Step:
        """Write the note's text when its turn has come; other steps pass unchanged."""
        if step.kind != ANNOUNCE:
            return step
        change = self._changes[step.name]
        message = note(
            change.commit,
            self._run,
            [results[key] for key in sorted(self._keys(change), key=_by_kind)],
            time.monotonic() - self._started,
            self._remarks(change),
            [name for name in change.removed if name not in self._registry.moved],
            links=self._links,
            projects=change.touched & self._registry.projects.keys(),
            again=change.failed,
        )
        return dataclasses.replace(step, payload={**step.payload, "message": message})

    def _remarks(self, change: Change) -> list[str]:
        findings = [str(f) for f in self._registry.findings if f.project in change.touched]
        return [change.problem, *findings] if change.problem else findings


def _by_kind(key: str) -> tuple[int, str]:
    kind, _, name = key.partition(":")
    return _ORDER[kind], name
