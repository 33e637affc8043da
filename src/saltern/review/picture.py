"""The picture of a patch set: what it causes, what it mends, what its merge will do."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

from saltern.registry.caused import caused
from saltern.registry.findings import ERROR, Finding
from saltern.registry.registry import Registry
from saltern.registry.yamlfile import UNREADABLE
from saltern.report.findings.grouping import Group, grouped
from saltern.review.forecast import Forecast
from saltern.review.guards import Guard


@dataclass(frozen=True)
class Revision:
    """One patch set: its number, commit, first parent (``None``: a root commit) and message."""

    number: int
    commit: str
    base: str | None
    message: str = ""


@dataclass(frozen=True)
class Picture:
    """What is said on one patch set.

    ``caused``: findings of the change; ``others``: how many more there are without it; ``mended``:
    findings of the patch set ``since`` that stand no more. ``moved``: the branch's tip when the
    patch set is not built on it.
    """

    revision: Revision
    caused: tuple[Finding, ...]
    others: int
    guards: tuple[Guard, ...] = ()
    forecast: Forecast = field(default_factory=Forecast)
    mended: tuple[Group, ...] = ()
    since: int | None = None
    moved: str | None = None
    base_problem: str = ""

    @cached_property
    def groups(self) -> list[Group]:
        """Return what the change causes, errors first; one fault of a shared file once."""
        return sorted(grouped(self.caused), key=lambda group: group.finding.severity != ERROR)

    @property
    def errors(self) -> int:
        """Return how many errors the change causes."""
        return sum(group.finding.severity == ERROR for group in self.groups)

    @property
    def warnings(self) -> int:
        """Return how many warnings the change causes."""
        return len(self.groups) - self.errors

    @property
    def unreadable(self) -> bool:
        """Return whether the registry as a whole cannot be read at the patch set."""
        return any(finding.code == UNREADABLE for finding in self.caused)

    @property
    def lacking(self) -> tuple[Guard, ...]:
        """Return the guards whose flag the commit message lacks."""
        return tuple(guard for guard in self.guards if not guard.allowed)

    @property
    def passed(self) -> bool:
        """Return whether nothing stands against the change."""
        return not self.errors and not self.lacking


@dataclass(frozen=True)
class State:
    """A registry as it was read; ``registry`` is ``None`` when it cannot be, ``error`` says why."""

    registry: Registry | None
    error: Finding | None = None


def findings_of(old: State, new: State) -> tuple[tuple[Finding, ...], int]:
    """Return what ``new`` says that ``old`` did not cause, and how much else it says."""
    if new.error is not None or new.registry is None:
        return (new.error,) if new.error else (), 0
    if old.registry is None:
        return new.registry.findings, 0
    found, others = caused(old.registry, new.registry)
    return tuple(found), int(others)


def mended(before: tuple[State, State], now: State) -> tuple[Group, ...]:
    """Return findings caused by an earlier patch set (its base, itself) that stand no more."""
    had, _ = findings_of(*before)
    if before[1].error is not None:
        return tuple(grouped(had)) if now.error is None else ()
    if now.registry is None:
        return ()
    standing = {key(finding) for finding in now.registry.findings}
    return tuple(grouped(finding for finding in had if key(finding) not in standing))


def key(finding: Finding) -> tuple[str, str, str, str | None]:
    """Return what a finding is known by within one state: its place does not count."""
    return finding.code, finding.position.file, finding.message, finding.project
