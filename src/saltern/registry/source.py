"""Where the registry's files are read from: a directory, or one commit of a git repository."""

from __future__ import annotations

import stat
import weakref
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Protocol

from dulwich.errors import NotGitRepository
from dulwich.object_store import iter_tree_contents
from dulwich.objects import Blob, Commit, ObjectID, Tree
from dulwich.repo import Repo

from saltern.errors import Broken, Refused
from saltern.registry.refs import is_commit


class Source(Protocol):
    """Files of one state of the registry. Paths are relative, with ``/``, without ``..``."""

    commit: str | None
    """Commit id the files are of; ``None`` for a directory."""

    def read(self, path: str) -> bytes | None:
        """Return a file's bytes, ``None`` when there is no such file.

        Raises :class:`Refused` for a path that leaves the registry and for a symbolic link.
        """
        ...

    def files(self, prefix: str) -> list[str]:
        """Return the paths of all files below the folder ``prefix``, sorted."""
        ...


class DirectorySource:
    """The files below a directory, as they are now. Symbolic links are refused."""

    commit: str | None = None

    def __init__(self, root: str | Path):
        self.root = Path(root)
        if not self.root.is_dir():
            raise Broken(f"{self.root}: no such directory to read the registry from")

    def read(self, path: str) -> bytes | None:
        """See :meth:`Source.read`."""
        here = self.root
        for part in _parts(path):
            here = here / part
            if here.is_symlink():
                raise _linked(path)
        return here.read_bytes() if here.is_file() else None

    def files(self, prefix: str) -> list[str]:
        """See :meth:`Source.files`."""
        top = self.root.joinpath(*_parts(prefix))
        found = (p for p in top.rglob("*") if p.is_file() and not p.is_symlink())
        return sorted(p.relative_to(self.root).as_posix() for p in found)


class GitSource:
    """The files of one commit, read from the objects of a repository; needs no work tree.

    ``repo_path``: a bare or other repository; ``commit``: 40 hex digits.
    """

    def __init__(self, repo_path: str | Path, commit: str):
        if not is_commit(commit):
            raise Refused(f"{commit[:80]!r} is not a commit id of 40 hex digits", code="commit")
        self.commit: str | None = commit
        self._repo = open_repository(repo_path)
        weakref.finalize(self, self._repo.close)
        self._tree = self._root(commit)
        self._folders: dict[bytes, dict[bytes, tuple[int, bytes]]] = {}

    def _root(self, commit: str) -> ObjectID:
        try:
            found = self._repo.object_store[ObjectID(commit.encode())]
        except KeyError as error:
            raise Refused(f"commit {commit} is not in {self._repo.path}", code="commit") from error
        if not isinstance(found, Commit):
            raise Refused(f"{commit} is not a commit", code="commit")
        return found.tree

    def read(self, path: str) -> bytes | None:
        """See :meth:`Source.read`."""
        mode, sha = stat.S_IFDIR, self._tree
        for part in _parts(path):
            if not stat.S_ISDIR(mode):
                return None
            found = self._folder(sha).get(part.encode("utf-8", "surrogateescape"))
            if found is None:
                return None
            mode, sha = found[0], ObjectID(found[1])
            if stat.S_ISLNK(mode):
                raise _linked(path)
        blob = self._repo.object_store[sha] if stat.S_ISREG(mode) else None
        return blob.data if isinstance(blob, Blob) else None

    def _folder(self, sha: ObjectID) -> dict[bytes, tuple[int, bytes]]:
        if sha not in self._folders:
            tree = self._repo.object_store[sha]
            items = tree.items() if isinstance(tree, Tree) else []
            self._folders[sha] = {i.path: (i.mode, i.sha) for i in items if i.mode and i.sha}
        return self._folders[sha]

    def files(self, prefix: str) -> list[str]:
        """See :meth:`Source.files`."""
        start = "/".join(_parts(prefix)) + "/"
        return sorted(path for path in self._paths() if path.startswith(start))

    def _paths(self) -> Iterator[str]:
        for item in iter_tree_contents(self._repo.object_store, self._tree):
            if item.mode and stat.S_ISREG(item.mode) and item.path:
                yield item.path.decode("utf-8", "surrogateescape")


def open_repository(path: str | Path) -> Repo:
    """Return the repository at ``path``. Raises :class:`Broken` when there is none."""
    try:
        return Repo(str(path))
    except NotGitRepository as error:
        raise Broken(f"{path} is not a git repository", code="clone") from error


def _parts(path: str) -> tuple[str, ...]:
    pure = PurePosixPath(path)
    if pure.is_absolute() or ".." in pure.parts or not pure.parts or "\0" in path:
        raise Refused(f"path {path[:200]!r} leaves the registry", code="path")
    return pure.parts


def _linked(path: str) -> Refused:
    return Refused(f"{path} is or goes through a symbolic link; write a plain file", code="symlink")
