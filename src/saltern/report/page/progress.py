"""What each step of a run is at, and what it waits for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

STATES = ("failed", "blocked", "skipped", "running", "ready", "waiting", "done")
"""What a step can be at, what wants attention first. ``ready``: only its turn is missing."""

ALONG = ("done", "running", "ready", "waiting", "skipped", "blocked", "failed")
"""The same in the order of a bar that fills from its left."""


def progress(steps: Iterable[Mapping[str, Any]], *, running: bool) -> list[dict[str, Any]]:
    """Return the journal's ``steps`` of one run with ``kind``, ``name``, ``state`` and ``waits``.

    ``waits`` says in words why a step has not been done, for those that wait. In a run that has
    ended (not ``running``) what was under way is ``waiting``: nobody has proved it done.
    """
    rows = list(steps)
    done = {row["key"] for row in rows if row["state"] == "done"}
    return [_progress(row, done, running) for row in rows]


def _progress(row: Mapping[str, Any], done: set[str], running: bool) -> dict[str, Any]:
    kind, _, name = row["key"].partition(":")
    state, waits = row["state"], ""
    if state == "running" and not running:
        state, waits = "waiting", "the run ended before its outcome was known"
    elif state == "waiting":
        state, waits = _waits(row, [need for need in row["needs"] if need not in done], running)
    return {**row, "kind": kind, "name": name, "state": state, "waits": waits}


def _waits(row: Mapping[str, Any], missing: list[str], running: bool) -> tuple[str, str]:
    if not running:
        return "waiting", "the run ended before its turn"
    if missing:
        more = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
        kind, _, name = missing[0].partition(":")
        own = name == row["key"].partition(":")[2]
        return "waiting", f"waits for {'its ' + kind if own else missing[0]}{more}"
    if row["attempts"]:
        return "waiting", f"waits before another attempt; the last one said: {row['reason']}"
    return "ready", "waits for its turn"


def tally(steps: Iterable[Mapping[str, Any]]) -> dict[str, dict[str, int]]:
    """Return ``{kind: {state: number}}``, kinds in the order of the plan."""
    found: dict[str, dict[str, int]] = {}
    for step in steps:
        states = found.setdefault(step["kind"], {})
        states[step["state"]] = states.get(step["state"], 0) + 1
    return found
