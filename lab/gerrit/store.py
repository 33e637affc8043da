"""What is not in the git repositories: one small SQLite file, written at every change.

A kill leaves each record as it was before or after a change, never between.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path


class Store:
    """Records ``(kind, key) -> JSON`` and counters."""

    def __init__(self, path: Path):
        self._db = sqlite3.connect(path, isolation_level=None)
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=OFF")
        self._db.execute(
            "CREATE TABLE IF NOT EXISTS record "
            "(kind TEXT, key TEXT, data TEXT, PRIMARY KEY (kind, key)) WITHOUT ROWID"
        )

    def put(self, kind: str, key: object, data: object) -> None:
        """Write one record."""
        self._db.execute(
            "INSERT OR REPLACE INTO record VALUES (?, ?, ?)", (kind, str(key), json.dumps(data))
        )

    def get(self, kind: str, key: object) -> object | None:
        row = self._db.execute(
            "SELECT data FROM record WHERE kind = ? AND key = ?", (kind, str(key))
        ).fetchone()
        return None if row is None else json.loads(row[0])

    def delete(self, kind: str, key: object) -> None:
        self._db.execute("DELETE FROM record WHERE kind = ? AND key = ?", (kind, str(key)))

    def all(self, kind: str) -> Iterator[object]:
        """Every record of a kind, ordered by key as text."""
        rows = self._db.execute("SELECT data FROM record WHERE kind = ? ORDER BY key", (kind,))
        for (data,) in rows.fetchall():
            yield json.loads(data)

    def next(self, counter: str, first: int) -> int:
        """The next number of a counter that starts at ``first``."""
        value = int(self.get("counter", counter) or first)
        self.put("counter", counter, value + 1)
        return value

    def close(self) -> None:
        self._db.close()
