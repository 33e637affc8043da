"""The journal: requests, runs, steps and attempts, in one SQLite file (WAL mode).

It records what happened and is never asked what is true: losing it costs history only.
Times are seconds since the epoch.
"""

from __future__ import annotations

import json
import os
import secrets
import socket
import sqlite3
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from saltern.journal_prune import prune
from saltern.journal_schema import open_journal
from saltern.policy import Settled
from saltern.steps import Outcome, Step


@dataclass(frozen=True)
class Request:
    """Somebody or something asked for a converge.

    ``scope`` is the projects asked for, ``None`` all; ``deep`` also compares refs other than
    the default branches; ``change_commit`` is the merged commit that a note is wanted for.
    """

    cause: str
    scope: frozenset[str] | None = None
    deep: bool = False
    allow_retire: bool = False
    change_commit: str | None = None


@dataclass(frozen=True)
class Merged:
    """A merged change that a run brings about; ``number`` is ``None`` where Gerrit knows none."""

    commit: str
    number: int | None
    subject: str
    author: str


class Journal:
    """The journal in ``path``; safe for several threads and processes."""

    def __init__(self, path: Path):
        path.parent.mkdir(parents=True, exist_ok=True)
        self._mutex = threading.RLock()
        self._db = open_journal(path)

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._mutex:
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield self._db
            except BaseException:
                self._db.execute("ROLLBACK")
                raise
            self._db.execute("COMMIT")

    def _rows(self, sql: str, *values: Any) -> list[sqlite3.Row]:
        with self._mutex:
            return self._db.execute(sql, values).fetchall()

    # Requests

    def request(self, request: Request) -> int:
        """Record a request and return its number."""
        scope = None if request.scope is None else json.dumps(sorted(request.scope))
        with self._transaction() as db:
            cursor = db.execute(
                "INSERT INTO requests (at, cause, scope, deep, allow_retire, change_commit)"
                " VALUES (?, ?, ?, ?, ?, ?)",
                (
                    time.time(),
                    request.cause,
                    scope,
                    request.deep,
                    request.allow_retire,
                    request.change_commit,
                ),
            )
        return int(cursor.lastrowid or 0)

    def pending(self) -> bool:
        """Return whether a request waits for a run."""
        return bool(self._rows("SELECT 1 FROM requests WHERE run IS NULL LIMIT 1"))

    def take(self, run: str) -> list[Request]:
        """Give every waiting request to ``run`` and return them, oldest first."""
        with self._transaction() as db:
            rows = db.execute("SELECT * FROM requests WHERE run IS NULL ORDER BY id").fetchall()
            db.execute("UPDATE requests SET run = ? WHERE run IS NULL", (run,))
        return [
            Request(
                row["cause"],
                None if row["scope"] is None else frozenset(json.loads(row["scope"])),
                bool(row["deep"]),
                bool(row["allow_retire"]),
                row["change_commit"],
            )
            for row in rows
        ]

    def run_of(self, request: int) -> str | None:
        """Return the finished run that served ``request``, if there is one."""
        rows = self._rows(
            "SELECT runs.id FROM requests JOIN runs ON runs.id = requests.run"
            " WHERE requests.id = ? AND runs.finished IS NOT NULL",
            request,
        )
        return rows[0]["id"] if rows else None

    # Runs

    def begin(self, cause: str) -> str:
        """Start a run and return its id; the caller holds the lock.

        A run that never finished was killed: it is closed as ``interrupted`` and its
        requests wait again.
        """
        now = time.time()
        run = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(now)) + "-" + secrets.token_hex(3)
        with self._transaction() as db:
            db.execute(
                "UPDATE requests SET run = NULL WHERE run IN"
                " (SELECT id FROM runs WHERE finished IS NULL)"
            )
            db.execute(
                "UPDATE runs SET finished = ?, status = 'interrupted' WHERE finished IS NULL",
                (now,),
            )
            db.execute(
                "INSERT INTO runs (id, started, cause, pid, host) VALUES (?, ?, ?, ?, ?)",
                (run, now, cause, os.getpid(), socket.gethostname()),
            )
        return run

    def because(self, run: str, cause: str) -> None:
        """Record the cause of ``run``, known once it has taken its requests."""
        with self._transaction() as db:
            db.execute("UPDATE runs SET cause = ? WHERE id = ?", (cause, run))

    def follow(self, run: str, commit: str | None, merged: Iterable[str]) -> None:
        """Record the commit that ``run`` converges and the ones whose changes may want a note."""
        with self._transaction() as db:
            db.execute("UPDATE runs SET commit_id = ? WHERE id = ?", (commit, run))
            db.executemany(
                "INSERT OR IGNORE INTO changes VALUES (?, ?, 'pending')",
                [(commit, time.time()) for commit in merged],
            )

    def credit(self, run: str, merged: Iterable[Merged]) -> None:
        """Record the merged changes that ``run`` brings about."""
        with self._transaction() as db:
            db.executemany(
                "INSERT OR REPLACE INTO merged VALUES (?, ?, ?, ?, ?)",
                [(run, m.commit, m.number, m.subject, m.author) for m in merged],
            )

    def saw(self, run: str, what: str, data: Any) -> None:
        """Keep ``data`` (JSON) as the latest look at ``what``, for reports."""
        with self._transaction() as db:
            db.execute(
                "INSERT OR REPLACE INTO looks VALUES (?, ?, ?, ?)",
                (what, run, time.time(), json.dumps(data)),
            )

    def give_back(self, run: str) -> None:
        """Let the requests that ``run`` took wait again: it ended without serving them."""
        with self._transaction() as db:
            db.execute("UPDATE requests SET run = NULL WHERE run = ?", (run,))

    def finish(self, run: str, status: str, report: Mapping[str, Any]) -> None:
        """Close ``run`` with its report."""
        with self._transaction() as db:
            db.execute(
                "UPDATE runs SET finished = ?, status = ?, report = ? WHERE id = ?",
                (time.time(), status, json.dumps(report), run),
            )

    def prune(self, before: float) -> int:
        """Remove runs that ended ``before`` and that nothing needs; return how many."""
        with self._transaction() as db:
            return prune(db, before)

    def report(self, run: str) -> dict[str, Any] | None:
        """Return the report that :meth:`finish` was given."""
        rows = self._rows("SELECT report FROM runs WHERE id = ?", run)
        return json.loads(rows[0]["report"]) if rows and rows[0]["report"] else None

    def runs(self, limit: int = 20) -> list[dict[str, Any]]:
        """Return the latest runs, newest first, without their reports."""
        rows = self._rows(
            "SELECT id, started, finished, cause, commit_id, status, pid, host FROM runs"
            " ORDER BY started DESC, id DESC LIMIT ?",
            limit,
        )
        return [dict(row) for row in rows]

    def last_commit(self) -> str | None:
        """Return the registry commit of the latest run that read one."""
        rows = self._rows(
            "SELECT commit_id FROM runs WHERE commit_id IS NOT NULL"
            " ORDER BY started DESC, id DESC LIMIT 1"
        )
        return rows[0]["commit_id"] if rows else None

    def last_converged(self) -> str | None:
        """Return the registry commit of the latest run that came to its end."""
        rows = self._rows(
            "SELECT commit_id FROM runs WHERE commit_id IS NOT NULL"
            " AND status IN ('done', 'failed') ORDER BY started DESC, id DESC LIMIT 1"
        )
        return rows[0]["commit_id"] if rows else None

    # Steps

    def planned(self, run: str, steps: Iterable[Step]) -> None:
        """Record the steps of ``run``."""
        with self._transaction() as db:
            db.executemany(
                "INSERT OR IGNORE INTO steps (run, key, why, state, needs)"
                " VALUES (?, ?, ?, 'waiting', ?)",
                [(run, s.key, s.why, json.dumps(sorted(s.needs))) for s in steps],
            )

    def sent(self, run: str, keys: Iterable[str]) -> None:
        """Record that these steps were handed to their provider."""
        now = time.time()
        with self._transaction() as db:
            db.executemany(
                "UPDATE steps SET state = 'running', attempts = attempts + 1,"
                " started = coalesce(started, ?) WHERE run = ? AND key = ?",
                [(now, run, key) for key in keys],
            )

    def attempted(self, run: str, outcomes: Iterable[tuple[Outcome, int, str]]) -> None:
        """Record attempts: ``(outcome, number of the attempt, state the step is in now)``."""
        now = time.time()
        with self._transaction() as db:
            for outcome, number, state in outcomes:
                db.execute(
                    "INSERT OR REPLACE INTO attempts VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                    (
                        run,
                        outcome.step,
                        number,
                        now,
                        outcome.status,
                        outcome.code,
                        outcome.reason,
                        outcome.seconds,
                    ),
                )
                self._settle(db, run, outcome, state, number, now)

    def settled(self, run: str, outcome: Outcome, state: str) -> None:
        """Record a step that came to its end without an attempt (blocked, skipped)."""
        with self._transaction() as db:
            self._settle(db, run, outcome, state, 0, time.time())

    @staticmethod
    def _settle(
        db: sqlite3.Connection, run: str, outcome: Outcome, state: str, attempts: int, now: float
    ) -> None:
        db.execute(
            "INSERT INTO steps (run, key, why, state, code, reason, finished, seconds)"
            " VALUES (?, ?, '', ?, ?, ?, ?, ?) ON CONFLICT (run, key) DO UPDATE SET"
            " state = excluded.state, code = excluded.code, reason = excluded.reason,"
            " finished = excluded.finished, seconds = seconds + excluded.seconds",
            (run, outcome.step, state, outcome.code, outcome.reason, now, outcome.seconds),
        )
        if state == "done":
            db.execute("DELETE FROM stuck WHERE key = ?", (outcome.step,))
        elif state != "waiting":
            db.execute(
                "INSERT INTO stuck VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (key) DO UPDATE SET"
                " run = excluded.run, state = excluded.state, code = excluded.code,"
                " reason = excluded.reason, attempts = attempts + excluded.attempts",
                (outcome.step, now, run, state, outcome.code, outcome.reason, attempts),
            )

    def unstick(self, keys: Iterable[str]) -> None:
        """Take ``keys`` off the stuck list: an observation showed that nothing is to be done."""
        with self._transaction() as db:
            db.executemany("DELETE FROM stuck WHERE key = ?", [(key,) for key in keys])

    def stuck(self) -> list[dict[str, Any]]:
        """Return what is not done and waits for somebody, oldest first."""
        return [dict(row) for row in self._rows("SELECT * FROM stuck ORDER BY since, key")]

    def steps(self, run: str) -> list[dict[str, Any]]:
        """Return the steps of ``run``."""
        return [
            dict(r) for r in self._rows("SELECT * FROM steps WHERE run = ? ORDER BY rowid", run)
        ]

    # What policies need to know

    def memory(self) -> dict[tuple[str, str], Settled]:
        """Return what is remembered of every compared part, by policy and name."""
        rows = self._rows("SELECT policy, name, wanted, seen FROM settled")
        return {(r["policy"], r["name"]): Settled(r["wanted"], r["seen"]) for r in rows}

    def remember(self, settled: Mapping[tuple[str, str], Settled]) -> None:
        """Remember parts anew."""
        with self._transaction() as db:
            db.executemany(
                "INSERT OR REPLACE INTO settled VALUES (?, ?, ?, ?)",
                [(*key, value.wanted, value.seen) for key, value in settled.items()],
            )

    def drifted(self, found: Mapping[str, str], examined: Iterable[str] | None) -> None:
        """Record what differs and is only told, by ``POLICY:NAME``.

        ``examined`` are the keys that were compared (``None``: all), of which others are in step.
        """
        with self._transaction() as db:
            known = {row["key"] for row in db.execute("SELECT key FROM drift")}
            over = (known if examined is None else known & set(examined)) - found.keys()
            db.executemany("DELETE FROM drift WHERE key = ?", [(key,) for key in over])
            db.executemany(
                "INSERT INTO drift VALUES (?, ?, ?) ON CONFLICT (key) DO UPDATE SET"
                " why = excluded.why",
                [(key, time.time(), why) for key, why in found.items()],
            )

    def drift(self) -> list[dict[str, Any]]:
        """Return what differs on the servers and is only told, oldest first."""
        return [dict(row) for row in self._rows("SELECT * FROM drift ORDER BY since, key")]

    # Merged changes that want a note

    def unnoted(self, limit: int = 50) -> list[str]:
        """Return commits whose change still wants its note, oldest first."""
        rows = self._rows(
            "SELECT commit_id FROM changes WHERE state IN ('pending', 'failed')"
            " ORDER BY state = 'failed', at, rowid LIMIT ?",
            limit,
        )
        return [row["commit_id"] for row in rows]

    def noted(self, commit: str, *, done: bool = True) -> None:
        """Record that the change of ``commit`` carries its note."""
        with self._transaction() as db:
            state = "noted" if done else "failed"
            db.execute("UPDATE changes SET state = ? WHERE commit_id = ?", (state, commit))

    def no_change(self, commit: str) -> None:
        """Record that Gerrit knows no change for ``commit``.

        It is believed after ten minutes: a search index may lag behind a merge.
        """
        with self._transaction() as db:
            db.execute(
                "UPDATE changes SET state = 'no-change' WHERE commit_id = ? AND at < ?",
                (commit, time.time() - 600),
            )
