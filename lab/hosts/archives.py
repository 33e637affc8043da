"""Package archives kept between labs: a pool, and hard links to it for each host.

apt locks its archive folder, so hosts cannot share one.
"""

from __future__ import annotations

import os
import shutil
from contextlib import suppress
from pathlib import Path

from lab.hosts.places import cache


def prepare(lab: str, host_id: str) -> Path:
    """Return the archive folder of one host, filled with what the pool has."""
    folder = _folder(lab, host_id)
    (folder / "partial").mkdir(parents=True, exist_ok=True)
    for archive in _pool().glob("*.deb"):
        with suppress(FileExistsError):
            os.link(archive, folder / archive.name)
    return folder


def keep(lab: str, host_id: str) -> None:
    """Move what the host downloaded into the pool, and remove its folder."""
    folder = _folder(lab, host_id)
    for archive in folder.glob("*.deb"):
        with suppress(FileExistsError):
            os.link(archive, _pool() / archive.name)
    shutil.rmtree(folder, ignore_errors=True)


def _folder(lab: str, host_id: str) -> Path:
    return cache() / "apt" / "hosts" / lab / host_id


def _pool() -> Path:
    pool = cache() / "apt" / "pool"
    pool.mkdir(parents=True, exist_ok=True)
    return pool
