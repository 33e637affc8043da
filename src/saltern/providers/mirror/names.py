"""Where a project's repository lies under the mirror's root."""

from __future__ import annotations

import os
import re
from pathlib import Path

from saltern.errors import Refused

PRIVATE = ".saltern"
"""Folder under the root for locks and work; no project may be called so."""

_CONTROL = re.compile(r"[\x00-\x1f\x7f\\]")
_COMPONENT_BYTES = 250


def repository_path(root: Path, name: str) -> Path:
    """Return the path of a project's bare repository, ``ROOT/NAME.git``.

    Raises :class:`Refused` for a name that would leave the root, lie inside another
    project's repository or in Saltern's own folder, or is no path on this file system.
    """
    problem = _problem(name)
    if problem:
        raise Refused(f"{name[:200]!r} cannot be mirrored: {problem}", code="name")
    path = root / f"{name}.git"
    # A folder on the way may be a symbolic link to elsewhere.
    if Path(os.path.realpath(root)) not in Path(os.path.realpath(path)).parents:
        raise Refused(f"{name[:200]!r} cannot be mirrored: {path} leads out of {root}", code="name")
    return path


def _problem(name: str) -> str | None:
    if not isinstance(name, str) or not name:
        return "it has no name"
    if _CONTROL.search(name):
        return "control characters and backslashes are not allowed in a name"
    try:
        parts = [part.encode() for part in name.split("/")]
    except UnicodeEncodeError:
        return "the name is not valid Unicode"
    if any(part in (b"", b".", b"..") for part in parts):
        return "a part of the name is empty, '.' or '..'"
    if any(len(part) > _COMPONENT_BYTES for part in parts):
        return f"a part of the name is longer than {_COMPONENT_BYTES} bytes"
    if any(part.lower().endswith(b".git") for part in parts):
        return "a part of the name ends in '.git' and would lie inside another repository"
    if parts[0].lower() == PRIVATE.encode():
        return f"{PRIVATE} is Saltern's own folder"
    return None
