"""What a commit changes: files and line counts, the way reviews show them."""

from __future__ import annotations

import difflib
import hashlib
import time
from dataclasses import dataclass

from .repo import EMPTY_TREE, ZERO, Commit, Ident, Repo

COMMIT_MSG = "/COMMIT_MSG"
MERGE_LIST = "/MERGE_LIST"


@dataclass(frozen=True)
class FileDiff:
    """One file between two trees; ``status`` is A, D, M or R."""

    path: str
    status: str
    inserted: int
    deleted: int
    old_size: int
    new_size: int
    old_mode: int = 0
    new_mode: int = 0
    old_id: str = ""
    new_id: str = ""

    def info(self) -> dict:
        """FileInfo."""
        info: dict = {} if self.status == "M" else {"status": self.status}
        magic = self.path.startswith("/")
        if self.old_mode and not magic:
            info["old_mode"] = self.old_mode
        if self.new_mode and not magic:
            info["new_mode"] = self.new_mode
        if self.old_id:
            info["old_sha"] = self.old_id
        if self.new_id:
            info["new_sha"] = self.new_id
        if self.inserted:
            info["lines_inserted"] = self.inserted
        if self.deleted:
            info["lines_deleted"] = self.deleted
        return {**info, "size_delta": self.new_size - self.old_size, "size": self.new_size}


def lines_of(data: bytes) -> list[str]:
    return data.decode("utf-8", "replace").splitlines()


def count(old: bytes, new: bytes) -> tuple[int, int]:
    """Lines inserted and deleted."""
    a, b = lines_of(old), lines_of(new)
    if not a or not b:
        return len(b), len(a)
    inserted = deleted = 0
    matcher = difflib.SequenceMatcher(None, a, b, autojunk=len(a) + len(b) > 4000)
    for tag, a1, a2, b1, b2 in matcher.get_opcodes():
        if tag != "equal":
            inserted += b2 - b1
            deleted += a2 - a1
    return inserted, deleted


def _date(ident: Ident) -> str:
    local = time.gmtime(ident.when + ident.tz * 60)
    sign = "-" if ident.tz < 0 else "+"
    hours, minutes = divmod(abs(ident.tz), 60)
    return time.strftime("%Y-%m-%d %H:%M:%S ", local) + f"{sign}{hours:02d}{minutes:02d}"


def message_file(repo: Repo, commit: Commit) -> bytes:
    """The pseudo file /COMMIT_MSG of a commit."""
    rows = []
    if len(commit.parents) == 1:
        parent = repo.commit(commit.parents[0])
        rows.append(f"Parent:     {parent.id[:8]} ({parent.subject})")
    for at, oid in enumerate(commit.parents if len(commit.parents) > 1 else ()):
        lead = "Merge Of:   " if at == 0 else "            "
        rows.append(f"{lead}{oid[:8]} ({repo.commit(oid).subject})")
    rows += [
        f"Author:     {commit.author.name} <{commit.author.email}>",
        f"AuthorDate: {_date(commit.author)}",
        f"Commit:     {commit.committer.name} <{commit.committer.email}>",
        f"CommitDate: {_date(commit.committer)}",
        "",
        commit.message,
    ]
    return "\n".join(rows).encode()


def tree_diff(repo: Repo, old: str, new: str) -> list[FileDiff]:
    """The files that differ between two trees, in path order."""
    before, after = repo.files(old), repo.files(new)
    found = []
    for path in sorted(set(before) | set(after)):
        if before.get(path) != after.get(path):
            found.append(_file(repo, path, before.get(path), after.get(path)))
    return found


def _file(repo: Repo, path: str, old: tuple | None, new: tuple | None) -> FileDiff:
    old_data = repo.read(old[1])[1] if old and old[0] != 0o160000 else b""
    new_data = repo.read(new[1])[1] if new and new[0] != 0o160000 else b""
    inserted, deleted = count(old_data, new_data)
    return FileDiff(
        path,
        "M" if old and new else "A" if new else "D",
        inserted,
        deleted,
        len(old_data),
        len(new_data),
        old[0] if old else 0,
        new[0] if new else 0,
        old[1] if old else "",
        new[1] if new else "",
    )


def base_tree(repo: Repo, commit: Commit) -> str:
    """The tree a commit is compared with: its only parent's, or its own for a merge."""
    if not commit.parents:
        return EMPTY_TREE
    if len(commit.parents) > 1:
        return commit.tree
    return repo.commit(commit.parents[0]).tree


def commit_diff(repo: Repo, oid: str, base: str | None = None, parent: int = 0) -> list[FileDiff]:
    """The files of a commit, /COMMIT_MSG first; against ``base`` or the n-th parent."""
    commit = repo.commit(oid)
    if base:
        old = repo.commit(base)
        rows = tree_diff(repo, old.tree, commit.tree)
        first = _magic(COMMIT_MSG, message_file(repo, old), message_file(repo, commit))
        return [first, *rows] if first.inserted or first.deleted else rows
    tree = repo.commit(commit.parents[parent - 1]).tree if parent else base_tree(repo, commit)
    first = [_magic(COMMIT_MSG, b"", message_file(repo, commit))]
    if len(commit.parents) > 1 and not parent:
        first.append(_magic(MERGE_LIST, b"", _merge_list(repo, commit)))
    return [*first, *tree_diff(repo, tree, commit.tree)]


def _merge_list(repo: Repo, commit: Commit) -> bytes:
    merged = repo.ancestors(commit.parents[1:], commit.parents[:1])
    rows = "".join(f"* {oid[:8]} {repo.commit(oid).subject}\n" for oid in merged)
    return f"Merge List:\n\n{rows}".encode()


def _magic(path: str, old: bytes, new: bytes) -> FileDiff:
    inserted, deleted = count(old, new)
    status = "M" if old else "A"
    return FileDiff(path, status, inserted, deleted, len(old), len(new), 0, 0, ZERO, _blob_id(new))


def _blob_id(data: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(data) + data, usedforsecurity=False).hexdigest()
