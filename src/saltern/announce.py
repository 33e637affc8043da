"""The notes on merged changes: which steps each one tells of, and its text."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Iterable, Mapping

from saltern.converge import Result
from saltern.errors import RegistryError
from saltern.plan import ANNOUNCE, Plan
from saltern.registry.changed import changed
from saltern.registry.history import History
from saltern.registry.registry import Registry, load
from saltern.report.note import TAG, note
from saltern.settings import RegistrySettings
from saltern.steps import Step, step_key

PER_PROJECT = ("project", "content", "access", "mirror")


@dataclasses.dataclass(frozen=True)
class Change:
    """A merged change of the registry: its commit, number, and the projects it touched."""

    commit: str
    number: int
    touched: frozenset[str]
    removed: tuple[str, ...]
    problem: str = ""


def describe(
    history: History, commit: str, number: int, registry: Registry, settings: RegistrySettings
) -> Change:
    """Return what the merged ``commit`` (change ``number``) changed against its first parent."""
    parent = history.parent(commit)
    try:
        after = registry if commit == registry.commit else load(history.source(commit), settings)
        if parent is None:
            return Change(commit, number, frozenset(after.projects), ())
        difference = changed(load(history.source(parent), settings), after)
    except RegistryError as error:
        # A past state that nobody can read must not hold up the present one.
        return Change(commit, number, frozenset(), (), f"What it changed cannot be told: {error}")
    return Change(commit, number, frozenset(difference.changed), tuple(sorted(difference.removed)))


class Announcer:
    """Announcements of a run: their steps, and their texts once the rest has settled."""

    def __init__(self, changes: Iterable[Change], registry: Registry, plan: Plan, run: str):
        self._changes = {str(change.number): change for change in changes}
        self._registry = registry
        self._plan = plan
        self._run = run
        self._started = time.monotonic()

    def steps(self) -> list[Step]:
        """Return one step for each change that wants a note."""
        return [
            Step(
                ANNOUNCE,
                number,
                "the change wants its note",
                {"change": change.number, "commit": change.commit, "message": "", "tag": TAG},
                frozenset(self._keys(change)),
            )
            for number, change in self._changes.items()
        ]

    def _keys(self, change: Change) -> set[str]:
        names = change.touched & self._registry.projects.keys()
        keys = {step_key(kind, name) for name in names for kind in PER_PROJECT}
        keys |= {
            step_key("group", group)
            for name in names
            for group in self._registry.projects[name].groups
        }
        return keys & (self._plan.steps.keys() | self._plan.blocked.keys())

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
            change.removed,
        )
        return dataclasses.replace(step, payload={**step.payload, "message": message})

    def _remarks(self, change: Change) -> list[str]:
        findings = [str(f) for f in self._registry.findings if f.project in change.touched]
        return [change.problem, *findings] if change.problem else findings


def _by_kind(key: str) -> tuple[int, str]:
    kind, _, name = key.partition(":")
    return ("group", *PER_PROJECT).index(kind), name
