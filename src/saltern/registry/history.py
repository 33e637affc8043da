"""The history behind a commit of the registry."""

from __future__ import annotations

import weakref
from pathlib import Path

from dulwich.objects import Commit, ObjectID

from saltern.registry.gitsource import GitSource, open_repository
from saltern.registry.refs import is_commit


class History:
    """The commits of the bare clone ``repo_path`` that ``tip`` (40 hex digits) is built on."""

    def __init__(self, repo_path: Path, tip: str):
        self.tip = tip
        self._path = repo_path
        self._repo = open_repository(repo_path)
        weakref.finalize(self, self._repo.close)

    def source(self, commit: str) -> GitSource:
        """Return the registry's files at ``commit``."""
        return GitSource(self._path, commit)

    def contains(self, commit: str) -> bool:
        """Return whether ``commit`` is the tip or one of its ancestors."""
        if not is_commit(commit) or ObjectID(commit.encode()) not in self._repo.object_store:
            return False
        walk = self._repo.get_walker(include=[ObjectID(self.tip.encode())])
        return any(entry.commit.id == commit.encode() for entry in walk)

    def since(self, old: str) -> list[str]:
        """Return the commits that came after ``old``, oldest first; none if it is unknown."""
        if not self.contains(old):
            return []
        walk = self._repo.get_walker(
            include=[ObjectID(self.tip.encode())], exclude=[ObjectID(old.encode())], reverse=True
        )
        return [entry.commit.id.decode() for entry in walk]

    def about(self, commit: str) -> tuple[str, str]:
        """Return the subject of ``commit`` and the name of its author."""
        found = self._repo.object_store[ObjectID(commit.encode())]
        if not isinstance(found, Commit):
            return "", ""
        subject = found.message.decode(errors="replace").strip().partition("\n")[0]
        author = found.author.decode(errors="replace").partition(" <")[0]
        return subject, author

    def message(self, commit: str) -> str:
        """Return the whole message of ``commit``."""
        found = self._repo.object_store[ObjectID(commit.encode())]
        return found.message.decode(errors="replace") if isinstance(found, Commit) else ""

    def parent(self, commit: str) -> str | None:
        """Return the first parent of ``commit``, ``None`` for a root commit."""
        found = self._repo.object_store[ObjectID(commit.encode())]
        parents = found.parents if isinstance(found, Commit) else []
        return parents[0].decode() if parents else None
