"""Where the registry's files are read from: a directory, or one commit of a git repository."""

from __future__ import annotations

import os
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from saltern.errors import Broken, Refused

if TYPE_CHECKING:
    from saltern.registry.gitsource import GitSource as GitSource
    from saltern.registry.gitsource import open_repository as open_repository

_FILE, _FOLDER, _LINK, _OTHER = range(4)
_CHUNK = 1 << 16


class Blob(Protocol):
    """A file's bytes, and git's id of them (hex), each looked for when it is asked for."""

    @property
    def id(self) -> str:
        """Return the blob id: equal for equal bytes."""
        ...

    @property
    def data(self) -> bytes:
        """Return the bytes."""
        ...


class Source(Protocol):
    """Files of one state of the registry. Paths are relative, with ``/``, without ``..``."""

    commit: str | None
    """Commit id the files are of; ``None`` for a directory."""

    def read(self, path: str) -> bytes | None:
        """Return a file's bytes, ``None`` when there is no such file.

        Raises :class:`Refused` for a path that leaves the registry and for a symbolic link.
        """
        ...

    def blob(self, path: str) -> Blob | None:
        """Return the same as :meth:`read`, with its id."""
        ...

    def files(self, prefix: str) -> list[str]:
        """Return the paths of all files below the folder ``prefix``, sorted."""
        ...


class DirectorySource:
    """The files below a directory; symbolic links are refused.

    A folder is listed once: a file made later is not seen.
    """

    commit: str | None = None

    def __init__(self, root: str | Path):
        self.root = Path(root)
        if not self.root.is_dir():
            raise Broken(f"{self.root}: no such directory to read the registry from")
        self._root = os.fspath(root)
        self._folders: dict[str, dict[str, int]] = {}

    def read(self, path: str) -> bytes | None:
        """See :meth:`Source.read`."""
        here, kind = "", _FOLDER
        for part in path_parts(path):
            kind = self._folder(here).get(part, _OTHER) if kind == _FOLDER else _OTHER
            if kind == _LINK:
                raise linked(path)
            here = f"{here}/{part}"
        return self._bytes(here, path) if kind == _FILE else None

    def blob(self, path: str) -> Blob | None:
        """See :meth:`Source.blob`."""
        data = self.read(path)
        return None if data is None else _Bytes(data)

    def files(self, prefix: str) -> list[str]:
        """See :meth:`Source.files`."""
        return sorted(self._below("".join(f"/{part}" for part in path_parts(prefix))))

    def _below(self, folder: str) -> Iterator[str]:
        for name, kind in self._folder(folder).items():
            if kind == _FILE:
                yield f"{folder}/{name}"[1:]
            elif kind == _FOLDER:
                yield from self._below(f"{folder}/{name}")

    def _bytes(self, here: str, path: str) -> bytes:
        try:
            file = os.open(self._root + here, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        except OSError as error:
            raise Refused(f"{path}: {error.strerror}", code="unreadable") from error
        try:
            return b"".join(iter(lambda: os.read(file, _CHUNK), b""))
        finally:
            os.close(file)

    def _folder(self, folder: str) -> dict[str, int]:
        if folder not in self._folders:
            try:
                with os.scandir(self._root + folder) as found:
                    self._folders[folder] = {item.name: _kind(item) for item in found}
            except (FileNotFoundError, NotADirectoryError):
                self._folders[folder] = {}
            except OSError as error:
                raise Broken(f"{self._root}{folder}: {error.strerror}") from error
        return self._folders[folder]


class _Bytes:
    def __init__(self, data: bytes):
        self.data = data

    @cached_property
    def id(self) -> str:
        import hashlib  # only who compares states needs it

        head = b"blob %d\0" % len(self.data)
        return hashlib.sha1(head + self.data, usedforsecurity=False).hexdigest()


def path_parts(path: str) -> list[str]:
    """Return the parts of a path; raises :class:`Refused` when it leaves the registry."""
    parts = [part for part in path.split("/") if part not in ("", ".")]
    if path.startswith("/") or ".." in parts or not parts or "\0" in path:
        raise Refused(f"path {path[:200]!r} leaves the registry", code="path")
    return parts


def linked(path: str) -> Refused:
    """Return the error about a symbolic link."""
    return Refused(f"{path} is or goes through a symbolic link; write a plain file", code="symlink")


def _kind(item: os.DirEntry[str]) -> int:
    if item.is_symlink():
        return _LINK
    if item.is_dir(follow_symlinks=False):
        return _FOLDER
    return _FILE if item.is_file(follow_symlinks=False) else _OTHER


def __getattr__(name: str) -> Any:
    # What reads git is imported when it is asked for: a check of a directory starts faster.
    if name in ("GitSource", "open_repository"):
        from saltern.registry import gitsource

        return getattr(gitsource, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
