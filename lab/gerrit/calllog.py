"""A record of every request: it proves "in bulk", "not twice", "never unknown"."""

from __future__ import annotations

import json
import time
from pathlib import Path


class CallLog:
    """Requests in order of arrival, kept in memory and in a file that survives a kill.

    An entry has ``n``, ``time`` (epoch seconds), ``kind`` (rest, git, ssh), ``user`` and, by
    kind: ``method``, ``path``, ``status``; ``service``, ``project``, ``refs`` (ref to its
    outcome, "ok" or a refusal); ``command``, ``exit``.
    """

    def __init__(self, path: Path):
        self.entries: list[dict] = []
        if path.exists():
            whole = (line for line in path.read_text().splitlines() if line.endswith("}"))
            self.entries = [json.loads(line) for line in whole]
        self._file = path.open("a", buffering=1)

    def add(self, kind: str, user: str | None, **fields: object) -> None:
        """Append one request once its outcome is known."""
        entry = {"n": len(self.entries) + 1, "time": time.time(), "kind": kind, "user": user}
        entry |= fields
        self.entries.append(entry)
        self._file.write(json.dumps(entry) + "\n")

    def since(self, number: int) -> list[dict]:
        """The entries after number ``number``."""
        return self.entries[number:]

    def unsupported(self) -> list[dict]:
        """Requests that the stand-in does not support."""
        return [e for e in self.entries if e.get("status") == 501 or e.get("unsupported")]

    def close(self) -> None:
        self._file.close()
