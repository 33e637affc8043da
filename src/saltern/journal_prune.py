"""The journal loses old runs, and nothing that anybody needs to know of today.

Kept whatever their age: runs that have not ended, the latest of each status, the latest that read
a registry and the latest that converged one, and those that the stuck list or the latest look
names. What metrics count goes into the table ``gone`` in the same transaction.
"""

from __future__ import annotations

import sqlite3

ENDED = "('done', 'failed', 'blocked', 'skipped')"
"""States of steps that came to an end, as SQL."""
_OLD = """
CREATE TEMP TABLE old AS SELECT id, status, finished - started AS seconds FROM runs
WHERE finished < ? AND id NOT IN (SELECT run FROM stuck) AND id NOT IN (SELECT run FROM looks)
AND id NOT IN (SELECT id FROM (
  SELECT id, max(started) FROM runs GROUP BY status
  UNION ALL SELECT id, max(started) FROM runs
  UNION ALL SELECT id, max(started) FROM runs WHERE commit_id IS NOT NULL
  UNION ALL SELECT id, max(started) FROM runs
    WHERE commit_id IS NOT NULL AND status IN ('done', 'failed')) WHERE id IS NOT NULL)
"""
_COUNTED = (
    "INSERT INTO gone SELECT 'step', substr(key, 1, instr(key, ':') - 1), state, count(*), 0"  # noqa: S608
    f" FROM steps WHERE run IN (SELECT id FROM old) AND state IN {ENDED} GROUP BY 2, 3",
    "INSERT INTO gone SELECT 'run', '', status, count(*), sum(seconds) FROM old GROUP BY status",
)
_SUMMED = (
    " ON CONFLICT (what, kind, state) DO UPDATE SET"
    " n = n + excluded.n, seconds = seconds + excluded.seconds"
)
_DELETED = tuple(
    f"DELETE FROM {table} WHERE run IN (SELECT id FROM old)"  # noqa: S608
    for table in ("attempts", "steps", "merged", "requests")
)


def prune(db: sqlite3.Connection, before: float) -> int:
    """Remove runs that ended ``before`` (seconds since the epoch); return how many.

    ``db`` is within a transaction. Changes whose note stands, or that have none, go too.
    """
    db.execute("DROP TABLE IF EXISTS temp.old")
    db.execute(_OLD, (before,))
    for statement in _COUNTED:
        db.execute(statement + _SUMMED)
    for statement in _DELETED:
        db.execute(statement)
    gone = db.execute("DELETE FROM runs WHERE id IN (SELECT id FROM old)").rowcount
    db.execute("DELETE FROM changes WHERE at < ? AND state IN ('noted', 'no-change')", (before,))
    db.execute("DROP TABLE temp.old")
    return gone
