"""Many ref updates, one hint."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from saltern.stream.filter import CONFIG_UPDATED, REF_UPDATED

Hint = tuple[str, dict[str, Any]]
PROJECTS_IN_A_HINT = 500


@dataclass
class _Batch:
    due: float
    events: int = 0
    projects: set[str] = field(default_factory=set)


class Coalescer:
    """Gathers ref updates for a window of time; all else passes at once.

    ``window`` is in seconds from the first update of a batch, so a steady stream delays no
    hint for longer than that.
    """

    def __init__(self, window: float, clock: Callable[[], float] = time.monotonic):
        self._window = window
        self._clock = clock
        self._batches: dict[str, _Batch] = {}

    def add(self, suffix: str, data: Mapping[str, Any]) -> list[Hint]:
        """Take a hint in; return those to pass on now.

        What has waited goes first, so that a hint never overtakes an older one.
        """
        if suffix not in (REF_UPDATED, CONFIG_UPDATED):
            return [*self._flush(self._batches), (suffix, dict(data))]
        batch = self._batches.get(suffix)
        if batch is None:
            batch = self._batches[suffix] = _Batch(self._clock() + self._window)
        batch.events += 1
        batch.projects.add(data["project"])
        return []

    def due(self) -> list[Hint]:
        """Return the hints whose window has passed: ``{"projects": [...], "events": n}``."""
        now = self._clock()
        return self._flush(s for s, batch in self._batches.items() if batch.due <= now)

    def wait(self) -> float | None:
        """Return the seconds until :meth:`due` has something, ``None`` if nothing waits."""
        if not self._batches:
            return None
        return max(0.0, min(b.due for b in self._batches.values()) - self._clock())

    def _flush(self, suffixes: Any) -> list[Hint]:
        hints: list[Hint] = []
        for suffix in list(suffixes):
            batch = self._batches.pop(suffix)
            names = sorted(batch.projects)
            for start in range(0, len(names), PROJECTS_IN_A_HINT):
                part = names[start : start + PROJECTS_IN_A_HINT]
                hints.append((suffix, {"projects": part, "events": batch.events}))
        return hints
