"""How far an import is: a small JSON file beside its work, for people and the status page."""

from __future__ import annotations

import contextlib
import json
import os
import re
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

EVERY = 1.0
"""Least seconds between two writes."""
_PERCENT = re.compile(r"(Counting|Compressing|Receiving|Resolving|Writing)[^\r\n%]*?(\d+)%")


class Progress:
    """Keeps ``path`` up to date; a file that cannot be written hinders no import."""

    def __init__(self, path: Path, project: str, upstream: str, most_bytes: int):
        self._path = path
        self._data: dict[str, Any] = {
            "project": project,
            "upstream": upstream,
            "started": time.time(),
            "phase": "looking",
            "percent": None,
            "bytes": 0,
            "most_bytes": most_bytes,
            "refs": None,
            "refs_done": 0,
        }
        self._written = 0.0
        self.tell()

    def tell(self, *, now: bool = True, **facts: Any) -> None:
        """Record facts; ``now=False`` lets a recent write stand."""
        self._data.update(facts)
        if not now and time.monotonic() - self._written < EVERY:
            return
        self._written = time.monotonic()
        text = json.dumps({**self._data, "updated": time.time()})
        fresh = self._path.with_suffix(".new")
        with contextlib.suppress(OSError):
            fresh.write_text(text)
            os.replace(fresh, self._path)

    def heard(self, said: str, size: int) -> None:
        """Take in what git wrote last and how many bytes the work has."""
        found = _PERCENT.findall(said)
        percent = int(found[-1][1]) if found else self._data["percent"]
        self.tell(now=False, percent=percent, bytes=size)


def imports(root: Path) -> list[Mapping[str, Any]]:
    """Return what is known of imports under way or stopped below ``root``, oldest first.

    Each has ``project``, ``upstream``, ``phase`` (looking, fetching, pushing, stopped),
    ``percent`` of the phase or ``None``, ``bytes`` on disk and ``most_bytes``, ``refs`` and
    ``refs_done``, ``started`` and ``updated`` (seconds since the epoch), ``reason`` when stopped.
    """
    found = []
    for path in root.glob("*.json") if root.is_dir() else ():
        with contextlib.suppress(OSError, ValueError):
            found.append(json.loads(path.read_text()))
    return sorted((row for row in found if isinstance(row, dict)), key=lambda row: row["started"])
