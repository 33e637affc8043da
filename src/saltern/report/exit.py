"""The exit status: one function, so that it cannot disagree with the report."""

from __future__ import annotations

EXITS = {"done": 0, "failed": 1, "refused": 2, "queued": 75, "interrupted": 130}
"""Exit status by a run's status. 75 is EX_TEMPFAIL: accepted, but nothing is done yet."""


def exit_status(status: str) -> int:
    """Return the exit status of a run; anything unknown is a failure."""
    return EXITS.get(status, 1)
