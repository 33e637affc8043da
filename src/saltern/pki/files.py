"""Files of keys and certificates, put in place whole."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

PRIVATE = 0o600
PUBLIC = 0o644


def put(path: Path, content: bytes, mode: int, owner: tuple[int, int] | None = None) -> bool:
    """Make ``path`` hold ``content`` with ``mode`` and ``owner`` (uid, gid); return what was new.

    The file never exists half written, or readable by more than ``mode`` says. An owner that this
    process may not give raises ``PermissionError``.
    """
    if _is(path, content, mode, owner):
        return False
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, PRIVATE)
    try:
        with open(descriptor, "wb") as file:
            file.write(content)
        if owner is not None:
            os.chown(new, *owner)
        new.chmod(mode)
        new.replace(path)
    except BaseException:
        new.unlink(missing_ok=True)
        raise
    return True


def _is(path: Path, content: bytes, mode: int, owner: tuple[int, int] | None) -> bool:
    try:
        found = path.lstat()
        same = found.st_mode & 0o7777 == mode and not path.is_symlink()
        return (
            same and owner in (None, (found.st_uid, found.st_gid)) and path.read_bytes() == content
        )
    except FileNotFoundError:
        return False
