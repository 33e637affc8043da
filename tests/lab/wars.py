"""Releases for trials of upgrades: the Gerrit of a lab under another version, whole or broken."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

from lab.gerrit import package
from lab.hosts import war

DAEMON = "com/google/gerrit/pgm/Daemon.class"


def standin(target: Path, version: str, *, broken: bool) -> None:
    """Write the stand-in under ``version``; a broken one's init loses projects."""
    target.write_bytes(package.packed(version, "lose" if broken else ""))


def real(source: Path, target: Path, version: str, *, broken: bool) -> None:
    """Write the WAR ``source`` under ``version``; a broken one has no daemon."""
    with zipfile.ZipFile(source) as whole, zipfile.ZipFile(target, "w") as made:
        for name in whole.namelist():
            data = whole.read(name)
            if name.endswith(".jar") and war.SAID_IN in _names(data):
                data = _changed(data, version, broken)
            made.writestr(name, data)


def _names(jar: bytes) -> list[str]:
    return zipfile.ZipFile(io.BytesIO(jar)).namelist()


def _changed(jar: bytes, version: str, broken: bool) -> bytes:
    held = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(jar)) as whole, zipfile.ZipFile(held, "w") as made:
        for name in whole.namelist():
            if not (broken and name == DAEMON):
                said = version.encode() if name == war.SAID_IN else whole.read(name)
                made.writestr(name, said, zipfile.ZIP_DEFLATED)
    return held.getvalue()
