"""Three-way merges of trees, and the commits that submits and rebases make."""

from __future__ import annotations

import subprocess
import tempfile
from pathlib import Path

from .repo import EMPTY_TREE, Commit, Ident, Repo


class MergeConflict(Exception):
    """Paths that cannot be merged."""

    def __init__(self, paths: list[str]):
        super().__init__(", ".join(paths))
        self.paths = paths


def merge_base(repo: Repo, a: str, b: str) -> str | None:
    """A best common ancestor of two commits, None if they are unrelated."""
    mine = set(repo.ancestors([a]))
    return next((oid for oid in repo.ancestors([b]) if oid in mine), None)


def merge_trees(repo: Repo, base: str, ours: str, theirs: str) -> str:
    """The merged tree; MergeConflict if both sides changed the same lines."""
    rows = [repo.files(tree) for tree in (base, ours, theirs)]
    result, conflicts = {}, []
    for path in sorted(set(rows[0]) | set(rows[1]) | set(rows[2])):
        old, mine, other = (side.get(path) for side in rows)
        if mine == other or other == old:
            entry = mine
        elif mine == old:
            entry = other
        else:
            entry = _merge_file(repo, old, mine, other)
            if entry is None:
                conflicts.append(path)
        if entry is not None:
            result[path] = entry
    if conflicts:
        raise MergeConflict(conflicts)
    return repo.write_tree(result)


def _merge_file(repo: Repo, old, mine, other) -> tuple[int, str] | None:
    if mine is None or other is None:
        return None
    with tempfile.TemporaryDirectory() as folder:
        names = []
        for name, side in (("ours", mine), ("base", old), ("theirs", other)):
            path = Path(folder, name)
            path.write_bytes(repo.read(side[1])[1] if side else b"")
            names.append(str(path))
        done = subprocess.run(["git", "merge-file", "-p", *names], capture_output=True, check=False)
    if done.returncode:
        return None
    return mine[0], repo.write(b"blob", done.stdout)


def merge_commit(repo: Repo, tip: str, commit: str, by: Ident, committer: Ident, text: str) -> str:
    """A merge of ``commit`` into ``tip``; MergeConflict."""
    base = merge_base(repo, tip, commit)
    base_tree = repo.commit(base).tree if base else EMPTY_TREE
    tree = merge_trees(repo, base_tree, repo.commit(tip).tree, repo.commit(commit).tree)
    return repo.write_commit(tree, [tip, commit], by, committer, text)


def replay(repo: Repo, commit: Commit, onto: str, committer: Ident, message: str) -> str:
    """A commit's change on another parent; MergeConflict."""
    base = repo.commit(commit.parents[0]).tree if commit.parents else EMPTY_TREE
    tree = merge_trees(repo, base, repo.commit(onto).tree, commit.tree)
    return repo.write_commit(tree, [onto], commit.author, committer, message)
