"""The registry's files in one git tree, whoever reads the objects."""

from __future__ import annotations

import stat
from collections.abc import Callable, Iterator, Mapping
from functools import cached_property
from typing import NamedTuple

from saltern.registry.source import linked, path_parts


class Item(NamedTuple):
    """What a folder has under a name: git's mode of it, and its object id (hex)."""

    mode: int
    id: str


class TreeSource:
    """The files below one tree; ``tree`` is its id, ``None`` for one without any files.

    Subclasses read the objects. ``commit``: the commit id that the files are of.
    """

    def __init__(self, commit: str, tree: str | None):
        self.commit: str | None = commit
        self._tree = tree
        self._folders: dict[str, Mapping[str, Item]] = {}

    def listed(self, tree: str) -> Mapping[str, Item]:
        """Return what stands in a folder, by name."""
        raise NotImplementedError

    def bytes_of(self, blob: str) -> bytes:
        """Return a file's bytes."""
        raise NotImplementedError

    def read(self, path: str) -> bytes | None:
        """See :meth:`saltern.registry.source.Source.read`."""
        found = self.blob(path)
        return None if found is None else found.data

    def blob(self, path: str) -> TreeBlob | None:
        """See :meth:`saltern.registry.source.Source.blob`."""
        parts = path_parts(path)
        if self._tree is None:
            return None
        item = Item(stat.S_IFDIR, self._tree)
        for part in parts:
            found = self._folder(item.id).get(part) if stat.S_ISDIR(item.mode) else None
            if found is None:
                return None
            if stat.S_ISLNK(found.mode):
                raise linked(path)
            item = found
        return TreeBlob(item.id, self.bytes_of) if stat.S_ISREG(item.mode) else None

    def files(self, prefix: str) -> list[str]:
        """See :meth:`saltern.registry.source.Source.files`."""
        parts = path_parts(prefix)
        tree = below(self._tree, parts, self._folder) if self._tree else None
        return sorted(self._files(tree, "/".join(parts) + "/")) if tree else []

    def _files(self, tree: str, folder: str) -> Iterator[str]:
        for name, item in self._folder(tree).items():
            if stat.S_ISREG(item.mode):
                yield folder + name
            elif stat.S_ISDIR(item.mode):
                yield from self._files(item.id, f"{folder}{name}/")

    def _folder(self, tree: str) -> Mapping[str, Item]:
        if tree not in self._folders:
            self._folders[tree] = self.listed(tree)
        return self._folders[tree]


class TreeBlob:
    """A file of a tree; its bytes are read when they are asked for."""

    def __init__(self, blob: str, read: Callable[[str], bytes]):
        self.id = blob
        self._read = read

    @cached_property
    def data(self) -> bytes:
        """Return the bytes."""
        return self._read(self.id)


def below(tree: str, parts: list[str], listed: Callable[[str], Mapping[str, Item]]) -> str | None:
    """Return the tree of the folder ``parts`` below another, ``None`` when there is none."""
    for part in parts:
        item = listed(tree).get(part)
        if item is None or not stat.S_ISDIR(item.mode):
            return None
        tree = item.id
    return tree
