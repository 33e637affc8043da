"""A copy of a stopped Gerrit site, and the way back to it.

Git never writes into an object file that exists, so objects are hard links and cost no space;
everything else is copied. What a copy leaves out a Gerrit makes again by itself.
"""

from __future__ import annotations

import errno
import os
import shutil
from pathlib import Path

LEFT_OUT = frozenset({"cache", "logs", "tmp"})
"""Folders of a site that are neither copied nor touched by :func:`restore`."""


def take(site: Path, copy: Path) -> None:
    """Copy ``site`` to ``copy``, which must not exist, on the same file system.

    Raises ``OSError``; a copy that is not whole is removed before.
    """
    copy.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        _copy_folder(site, copy, LEFT_OUT)
    except BaseException:
        shutil.rmtree(copy, ignore_errors=True)
        raise


def restore(copy: Path, site: Path) -> None:
    """Make ``site`` what it was when ``copy`` was taken; a second call after a kill ends the same.

    ``copy`` stays whole. Raises ``OSError``.
    """
    for entry in list(os.scandir(site)):
        if entry.name not in LEFT_OUT:
            _remove(Path(entry.path))
    _copy_folder(copy, site, LEFT_OUT)


def _copy_folder(
    source: Path, target: Path, left_out: frozenset[str], objects: bool = False
) -> None:
    target.mkdir(exist_ok=True)
    for entry in os.scandir(source):
        if entry.name in left_out:
            continue
        to = target / entry.name
        if entry.is_dir(follow_symlinks=False):
            inside = objects or (entry.name == "objects" and (source / "HEAD").exists())
            _copy_folder(Path(entry.path), to, frozenset(), inside)
        elif objects and entry.is_file(follow_symlinks=False):
            _link(Path(entry.path), to)
        else:
            _copy_file(Path(entry.path), to)
    _own_like(source, target)


def _link(source: Path, target: Path) -> None:
    try:
        os.link(source, target)
    except OSError as error:
        if error.errno not in (errno.EXDEV, errno.EMLINK, errno.EPERM):
            raise
        _copy_file(source, target)


def _copy_file(source: Path, target: Path) -> None:
    shutil.copy2(source, target, follow_symlinks=False)
    _own_like(source, target)


def _own_like(source: Path, target: Path) -> None:
    info = source.lstat()
    if os.geteuid() == 0:
        os.chown(target, info.st_uid, info.st_gid, follow_symlinks=False)
    if not source.is_symlink():
        os.chmod(target, info.st_mode & 0o7777)
        os.utime(target, ns=(info.st_atime_ns, info.st_mtime_ns))


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink()
