"""Nothing is left running: this process adopts its orphans (Linux) and ends them at the end."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import time
from pathlib import Path

PR_SET_CHILD_SUBREAPER = 36
GRACE_SECONDS = 5


def adopt_orphans() -> None:
    """Make this process the parent of every descendant whose own parent ends."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0):
        number = ctypes.get_errno()
        raise OSError(number, f"prctl(PR_SET_CHILD_SUBREAPER): {os.strerror(number)}")


def descendants(pid: int | None = None) -> list[int]:
    """Return the process ids of all live descendants of ``pid`` (default: this process)."""
    parents: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and (found := _parent_if_alive(entry)) is not None:
            parents.setdefault(found, []).append(int(entry.name))
    found, todo = [], [pid or os.getpid()]
    while todo:
        children = parents.get(todo.pop(), [])
        found += children
        todo += children
    return found


def end_descendants() -> list[int]:
    """End what still runs below this process, SIGTERM first; return the ids of what was found."""
    found = descendants()
    for number, seconds in ((signal.SIGTERM, GRACE_SECONDS), (signal.SIGKILL, GRACE_SECONDS)):
        deadline = time.monotonic() + seconds
        for pid in descendants():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)
        while descendants() and time.monotonic() < deadline:
            _reap()
            time.sleep(0.02)
    _reap()
    return found


def _parent_if_alive(entry: Path) -> int | None:
    try:
        # The command in parentheses may hold spaces: read behind its end.
        state, parent = (
            (entry / "stat").read_text("utf-8", "replace").rpartition(")")[2].split()[:2]
        )
    except (OSError, ValueError):
        return None
    return None if state == "Z" else int(parent)


def _reap() -> None:
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
