"""One lock a repository, held by whoever changes it, in this process or another."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import time
from collections.abc import Iterator
from pathlib import Path

from saltern.errors import Retry
from saltern.providers.mirror.names import PRIVATE

_PAUSE = 0.05


def private_name(name: str) -> str:
    """Return the file name that stands for a project in Saltern's own folders."""
    return hashlib.sha256(name.encode()).hexdigest()[:32]


@contextlib.contextmanager
def locked(root: Path, name: str, timeout: float) -> Iterator[int]:
    """Hold a project's lock; the value is its file descriptor.

    A git process that was given the descriptor holds the lock as well: one left over by a
    killed minion is waited for, not worked against. Raises :class:`Retry` after ``timeout``
    seconds.
    """
    folder = root / PRIVATE / "locks"
    folder.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(folder / private_name(name), os.O_RDWR | os.O_CREAT, 0o644)
    try:
        _acquire(descriptor, name, time.monotonic() + timeout)
        yield descriptor
    finally:
        os.close(descriptor)


def _acquire(descriptor: int, name: str, deadline: float) -> None:
    while True:
        try:
            return fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > deadline:
                raise Retry(
                    f"another fetch of {name} is still running on the mirror", code="locked"
                ) from None
            time.sleep(_PAUSE)
