"""What commits of refs/meta/config contain, by commit id: a commit never changes.

A file of SQLite in WAL mode, shared by any number of processes. It is only a cache: a damaged
file is thrown away and everything is read again from the server.
"""

from __future__ import annotations

import contextlib
import json
import logging
import sqlite3
import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, TypeVar

from saltern.errors import Broken

log = logging.getLogger(__name__)
T = TypeVar("T")
AT_ONCE = 500
SCHEMA = "CREATE TABLE IF NOT EXISTS config (id TEXT PRIMARY KEY, data TEXT NOT NULL)"


class Cache:
    """``{commit id: plain data}`` in ``directory``, which is made with mode 0700.

    Raises :class:`Broken` when the directory cannot be written.
    """

    def __init__(self, directory: Path, version: str = "2"):
        self._path = directory / f"meta-config-{version}.sqlite"
        self._lock = threading.Lock()
        self._database: sqlite3.Connection | None = None

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._drop()

    def get(self, ids: Iterable[str]) -> dict[str, Any]:
        """Return what is known of ``ids``; the unknown are absent."""
        wanted = sorted(set(ids))
        chunks = [wanted[at : at + AT_ONCE] for at in range(0, len(wanted), AT_ONCE)]

        def read(database: sqlite3.Connection) -> dict[str, Any]:
            found = {}
            for chunk in chunks:
                marks = ",".join("?" * len(chunk))
                query = f"SELECT id, data FROM config WHERE id IN ({marks})"  # noqa: S608
                found.update(dict(database.execute(query, chunk)))
            return {key: json.loads(data) for key, data in found.items()}

        return self._use(read)

    def put(self, known: dict[str, Any]) -> None:
        """Remember ``{id: data}``."""
        rows = [(key, json.dumps(data, sort_keys=True)) for key, data in known.items()]

        def write(database: sqlite3.Connection) -> None:
            with database:
                database.executemany("INSERT OR REPLACE INTO config VALUES (?, ?)", rows)

        if rows:
            self._use(write)

    def _use(self, action: Callable[[sqlite3.Connection], T]) -> T:
        with self._lock:
            try:
                return action(self._open())
            except sqlite3.OperationalError as error:
                raise Broken(f"cannot use the cache {self._path}: {error}", code="cache") from error
            except (sqlite3.DatabaseError, ValueError) as error:
                log.warning("%s is damaged (%s): thrown away", self._path, error)
                self._throw_away()
                return action(self._open())

    def _open(self) -> sqlite3.Connection:
        if self._database is None:
            make_directory(self._path.parent)
            self._database = sqlite3.connect(self._path, timeout=30, check_same_thread=False)
            self._database.execute("PRAGMA journal_mode=WAL")
            self._database.execute("PRAGMA synchronous=NORMAL")
            self._database.execute(SCHEMA)
        return self._database

    def _throw_away(self) -> None:
        self._drop()
        for suffix in ("", "-wal", "-shm"):
            self._path.with_name(self._path.name + suffix).unlink(missing_ok=True)

    def _drop(self) -> None:
        database, self._database = self._database, None
        if database is not None:
            with contextlib.suppress(sqlite3.Error):
                database.close()


def make_directory(path: Path) -> Path:
    """Make ``path`` with mode 0700 if missing; raises :class:`Broken` when that is impossible."""
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise Broken(f"cannot make cache_dir {path}: {error}", code="cache") from error
    return path
