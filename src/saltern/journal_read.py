"""The journal as reports see it: read-only, and one consistent state for a whole report."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from saltern.errors import Broken
from saltern.journal_prune import ENDED
from saltern.journal_schema import VERSION, version_of

RUN = "id, started, finished, cause, commit_id, status, report, pid, host"


class JournalView:
    """One state of the journal; ``None`` as connection means that there is no journal yet.

    Times are seconds since the epoch, durations seconds.
    """

    def __init__(self, db: sqlite3.Connection | None):
        self._db = db
        self._steps: dict[str, list[dict[str, Any]]] = {}

    def _rows(self, sql: str, *values: Any) -> list[dict[str, Any]]:
        if self._db is None:
            return []
        return [dict(row) for row in self._db.execute(sql, values)]

    def runs(self, limit: int) -> list[dict[str, Any]]:
        """Return the latest runs, newest first; ``report`` is the parsed report or ``None``."""
        rows = self._rows(
            f"SELECT {RUN} FROM runs ORDER BY started DESC, id DESC LIMIT ?",  # noqa: S608
            limit,
        )
        return [{**row, "report": json.loads(row["report"] or "null")} for row in rows]

    def run_totals(self) -> dict[str, dict[str, float]]:
        """Return ``{status: {count, seconds}}`` of the runs that ended, pruned ones too."""
        rows = self._rows(
            "SELECT status, sum(n) AS count, sum(seconds) AS seconds FROM"
            " (SELECT status, 1 AS n, finished - started AS seconds FROM runs"
            " WHERE status IS NOT NULL"
            " UNION ALL SELECT state, n, seconds FROM gone WHERE what = 'run') GROUP BY status"
        )
        return {r["status"]: {"count": r["count"], "seconds": r["seconds"]} for r in rows}

    def last_success(self) -> float | None:
        """Return when a run last ended with everything done."""
        rows = self._rows("SELECT max(finished) AS at FROM runs WHERE status = 'done'")
        return rows[0]["at"] if rows else None

    def step_totals(self) -> dict[tuple[str, str], int]:
        """Return ``{(kind, state): number}`` over the steps that came to an end, pruned too."""
        rows = self._rows(
            "SELECT kind, state, sum(n) AS n FROM"  # noqa: S608
            " (SELECT substr(key, 1, instr(key, ':') - 1) AS kind, state, 1 AS n FROM steps"
            f" WHERE state IN {ENDED}"
            " UNION ALL SELECT kind, state, n FROM gone WHERE what = 'step') GROUP BY 1, 2"
        )
        return {(row["kind"], row["state"]): row["n"] for row in rows}

    def step_counts(self, run: str) -> dict[str, dict[str, int]]:
        """Return ``{kind: {state: number}}`` of one run."""
        rows = self._rows(
            "SELECT substr(key, 1, instr(key, ':') - 1) AS kind, state, count(*) AS n FROM steps"
            " WHERE run = ? GROUP BY 1, 2",
            run,
        )
        found: dict[str, dict[str, int]] = {}
        for row in rows:
            found.setdefault(row["kind"], {})[row["state"]] = row["n"]
        return found

    def steps(self, run: str) -> list[dict[str, Any]]:
        """Return the steps of a run in the order of its plan; ``needs`` is a list of keys."""
        if run not in self._steps:
            rows = self._rows("SELECT * FROM steps WHERE run = ? ORDER BY rowid", run)
            self._steps[run] = [{**row, "needs": json.loads(row["needs"])} for row in rows]
        return self._steps[run]

    def attempts(self, run: str) -> dict[str, list[dict[str, Any]]]:
        """Return the attempts of a run, by step, of the steps that needed more than one."""
        rows = self._rows(
            "SELECT * FROM attempts WHERE run = ?1 AND key IN"
            " (SELECT key FROM attempts WHERE run = ?1 AND n > 1) ORDER BY key, n",
            run,
        )
        found: dict[str, list[dict[str, Any]]] = {}
        for row in rows:
            found.setdefault(row["key"], []).append(row)
        return found

    def stuck(self) -> list[dict[str, Any]]:
        """Return what is not done and waits for somebody, oldest first."""
        return self._rows("SELECT * FROM stuck ORDER BY since, key")

    def drift(self) -> list[dict[str, Any]]:
        """Return what somebody changed on a server and is only told: key, since when, and why."""
        return self._rows("SELECT key, since, why FROM drift ORDER BY since, key")

    def merged(self, run: str) -> list[dict[str, Any]]:
        """Return the merged changes that a run brought about."""
        return self._rows(
            "SELECT commit_id, number, subject, author FROM merged WHERE run = ? ORDER BY rowid",
            run,
        )

    def look(self, what: str) -> Any:
        """Return what the latest look at ``what`` saw, ``None`` if there was none."""
        rows = self._rows("SELECT data FROM looks WHERE what = ?", what)
        return json.loads(rows[0]["data"]) if rows else None


@contextmanager
def view(path: Path) -> Iterator[JournalView]:
    """Open the journal in ``path`` for one report; a missing file is an empty journal.

    Raises :class:`Broken` when it cannot be read.
    """
    if not path.exists():
        yield JournalView(None)
        return
    try:
        db = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=60)
    except sqlite3.DatabaseError as error:
        raise Broken(f"{path}: cannot open the journal: {error}", code="journal") from error
    try:
        db.row_factory = sqlite3.Row
        db.isolation_level = None
        if (version := version_of(db, path)) != VERSION:
            raise Broken(
                f"{path}: journal version {version}, this is {VERSION}: a converge renews it",
                code="journal",
            )
        db.execute("BEGIN")
        yield JournalView(db)
    except sqlite3.DatabaseError as error:
        raise Broken(f"{path}: cannot read the journal: {error}", code="journal") from error
    finally:
        db.close()
