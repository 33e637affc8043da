"""The journal's file: its tables, its version, and how it is opened."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from saltern.errors import Broken

VERSION = 3
SCHEMA = """
CREATE TABLE IF NOT EXISTS requests (
  id INTEGER PRIMARY KEY, at REAL NOT NULL, cause TEXT NOT NULL, scope TEXT, deep INTEGER NOT NULL,
  allow_retire INTEGER NOT NULL, change_commit TEXT, run TEXT);
CREATE INDEX IF NOT EXISTS requests_run ON requests (run);
CREATE TABLE IF NOT EXISTS runs (
  id TEXT PRIMARY KEY, started REAL NOT NULL, finished REAL, cause TEXT NOT NULL, commit_id TEXT,
  status TEXT, report TEXT, pid INTEGER NOT NULL, host TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS steps (
  run TEXT NOT NULL, key TEXT NOT NULL, why TEXT NOT NULL, state TEXT NOT NULL,
  attempts INTEGER NOT NULL DEFAULT 0, code TEXT NOT NULL DEFAULT '',
  reason TEXT NOT NULL DEFAULT '', started REAL, finished REAL,
  seconds REAL NOT NULL DEFAULT 0, needs TEXT NOT NULL DEFAULT '[]', PRIMARY KEY (run, key));
CREATE TABLE IF NOT EXISTS attempts (
  run TEXT NOT NULL, key TEXT NOT NULL, n INTEGER NOT NULL, at REAL NOT NULL, status TEXT NOT NULL,
  code TEXT NOT NULL, reason TEXT NOT NULL, seconds REAL NOT NULL, PRIMARY KEY (run, key, n));
CREATE TABLE IF NOT EXISTS stuck (
  key TEXT PRIMARY KEY, since REAL NOT NULL, run TEXT NOT NULL, state TEXT NOT NULL,
  code TEXT NOT NULL, reason TEXT NOT NULL, attempts INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS changes (
  commit_id TEXT PRIMARY KEY, at REAL NOT NULL, state TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS merged (
  run TEXT NOT NULL, commit_id TEXT NOT NULL, number INTEGER, subject TEXT NOT NULL,
  author TEXT NOT NULL, PRIMARY KEY (run, commit_id));
CREATE TABLE IF NOT EXISTS looks (
  what TEXT PRIMARY KEY, run TEXT NOT NULL, at REAL NOT NULL, data TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS settled (
  policy TEXT NOT NULL, name TEXT NOT NULL, wanted TEXT NOT NULL, seen TEXT NOT NULL,
  PRIMARY KEY (policy, name));
CREATE TABLE IF NOT EXISTS gone (
  what TEXT NOT NULL, kind TEXT NOT NULL, state TEXT NOT NULL, n INTEGER NOT NULL,
  seconds REAL NOT NULL, PRIMARY KEY (what, kind, state));
CREATE TABLE IF NOT EXISTS drift (key TEXT PRIMARY KEY, since REAL NOT NULL, why TEXT NOT NULL);
"""


def open_journal(path: Path) -> sqlite3.Connection:
    """Open or make the journal in ``path`` for writing.

    Raises :class:`Broken` when it is damaged or of a version that this Saltern does not know.
    """
    try:
        return _open(path)
    except sqlite3.DatabaseError as error:
        raise Broken(
            f"{path}: cannot read the journal ({error}); move it aside: only history is lost",
            code="journal",
        ) from error


def _open(path: Path) -> sqlite3.Connection:
    db = sqlite3.connect(path, timeout=60, isolation_level=None, check_same_thread=False)
    db.row_factory = sqlite3.Row
    db.execute("PRAGMA journal_mode=WAL")
    db.execute("PRAGMA synchronous=NORMAL")
    db.execute("BEGIN IMMEDIATE")
    version = version_of(db, path)
    if version == 1:
        db.execute("ALTER TABLE steps ADD COLUMN needs TEXT NOT NULL DEFAULT '[]'")
    for statement in SCHEMA.split(";"):
        db.execute(statement)
    db.execute(f"PRAGMA user_version={VERSION}")
    db.execute("COMMIT")
    return db


def version_of(db: sqlite3.Connection, path: Path) -> int:
    """Return the version of the journal's tables, 0 for an empty file."""
    (version,) = db.execute("PRAGMA user_version").fetchone()
    if not 0 <= version <= VERSION:
        raise Broken(f"{path}: journal version {version}, this is {VERSION}", code="journal")
    return int(version)
