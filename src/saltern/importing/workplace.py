"""The directory of one import: kept while it can be continued, removed when it cannot or need not.

What is in it belongs to a project and to where its history comes from; a lock file beside it, which
a git process left by a killed import holds on to, keeps a second import out.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from saltern.errors import Broken, Refused, Retry

STALE_SECONDS = 3 * 24 * 3600
"""Age of work that nobody came back to after which it is removed."""
CONTINUED = ("import-timeout",)
"""Refusals after which the work is worth keeping."""


@dataclass(frozen=True)
class Workplace:
    """``path`` is the directory, ``lock`` a file descriptor for its processes to inherit."""

    path: Path
    lock: int

    @property
    def progress(self) -> Path:
        """Return where the import says how far it is."""
        return self.path.with_suffix(".json")


@contextmanager
def workplace(root: Path, project: str, source: str) -> Iterator[Workplace]:
    """Hold the directory of this project and source, with what an earlier attempt left in it.

    Raises :class:`Retry` (code ``import-busy``) while another import of the same is at work.
    """
    _make(root)
    _sweep(root)
    path = root / sha256(f"{project}\0{source}".encode()).hexdigest()[:16]
    with _locked(path.with_suffix(".lock"), project) as lock:
        _make(path)
        os.utime(path)
        here = Workplace(path, lock)
        try:
            yield here
        except Retry:
            raise
        except Refused as error:
            if error.code not in CONTINUED:
                _remove(path)
            raise
        else:
            _remove(path)


def _make(path: Path) -> None:
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise Broken(f"cannot make {path} for imports: {error}", code="cache") from error


@contextmanager
def _locked(path: Path, project: str) -> Iterator[int]:
    lock = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise Retry(
                f"{project}: another import or move of it is at work", code="import-busy", after=5.0
            ) from error
        yield lock
    finally:
        os.close(lock)


def _sweep(root: Path) -> None:
    """Remove work that nobody came back to, unless somebody is at it."""
    for path in root.iterdir():
        with contextlib.suppress(OSError, Retry):
            if path.is_dir() and time.time() - path.stat().st_mtime > STALE_SECONDS:
                with _locked(path.with_suffix(".lock"), path.name):
                    _remove(path)


def _remove(path: Path) -> None:
    shutil.rmtree(path, ignore_errors=True)
    path.with_suffix(".json").unlink(missing_ok=True)
