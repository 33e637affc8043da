"""Files into a directory: none outside it, none through a link, none lost."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

from saltern.errors import Refused


def write_files(root: Path, files: Mapping[str, bytes], *, force: bool = False) -> None:
    """Write ``files`` (by path with ``/``, below ``root``), the last one last.

    Raises :class:`Refused` before anything is written when a path leaves ``root``, goes through
    a symbolic link, or is there already and not the same (unless ``force``); and when a write
    fails, with what is written by then.
    """
    there = [path for path, data in files.items() if _stands(root, path, data)]
    if there and not force:
        shown = ", ".join(there[:5]) + (", ..." if len(there) > 5 else "")
        raise Refused(
            f"{root}: {len(there)} files are there already ({shown}); write into an empty "
            "directory, or overwrite them with --force",
            code="exists",
        )
    for number, (path, data) in enumerate(files.items()):
        try:
            _write(root / path, data)
        except OSError as error:
            raise Refused(
                f"{root / path}: {error.strerror or error}; {number} of {len(files)} files are "
                "written, run it again with --force",
                code="write",
            ) from error


def _stands(root: Path, path: str, data: bytes) -> bool:
    """Return whether something else stands at ``path``; raises where nothing may be written."""
    pure = PurePosixPath(path)
    if pure.is_absolute() or ".." in pure.parts or not pure.parts or "\0" in path:
        raise Refused(f"path {path[:200]!r} leaves {root}", code="path")
    here = root
    for part in pure.parts[:-1]:
        here = here / part
        if here.is_symlink() or (here.exists() and not here.is_dir()):
            raise Refused(f"{here} is not a folder of its own; move it away", code="path")
    target = root / path
    if target.is_symlink() or target.is_dir():
        raise Refused(f"{target} is a link or a folder; move it away", code="path")
    return target.exists() and target.read_bytes() != data


def _write(target: Path, data: bytes) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    fresh = target.with_name(f".{target.name[:100]}.{os.getpid()}.new")
    handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o644)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        fresh.replace(target)
    except BaseException:
        fresh.unlink(missing_ok=True)
        raise
