"""The history behind a commit of the registry, in a real repository."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from saltern.registry.history import History


@pytest.fixture
def repository(tmp_path: Path) -> tuple[Path, dict[str, str]]:
    """A repository: root, a side branch merged into the main line, and an unrelated commit."""

    def git(*words: str) -> str:
        config = ("-c", "user.name=T", "-c", "user.email=t@example.org")
        done = subprocess.run(
            ["git", "-C", str(tmp_path), *config, *words],
            check=True,
            capture_output=True,
            text=True,
        )
        return done.stdout.strip()

    def commit(name: str) -> str:
        (tmp_path / name).write_text(name)
        git("add", name)
        git("commit", "-q", "-m", name)
        return git("rev-parse", "HEAD")

    git("init", "-q", "-b", "master")
    ids = {"root": commit("root")}
    git("checkout", "-q", "-b", "side")
    ids["side"] = commit("side")
    git("checkout", "-q", "master")
    ids["main"] = commit("main")
    git("merge", "-q", "--no-ff", "-m", "merge", "side")
    ids["merge"] = git("rev-parse", "HEAD")
    git("checkout", "-q", "--orphan", "other")
    ids["other"] = commit("other")
    return tmp_path, ids


def test_commits_since_an_ancestor_include_merged_ones(repository):
    """A change merged by a merge commit is among what is new."""
    path, ids = repository
    history = History(path, ids["merge"])
    assert set(history.since(ids["root"])) == {ids["side"], ids["main"], ids["merge"]}
    assert history.since(ids["merge"]) == []


@pytest.mark.parametrize("name", ["other", "missing", "not hex"])
def test_foreign_commits_are_not_in_the_history(repository, name):
    """What an event names is believed only if the branch is built on it."""
    path, ids = repository
    commit = {"missing": "0" * 40, "not hex": "$(id)"}.get(name) or ids[name]
    history = History(path, ids["merge"])
    assert not history.contains(commit)
    assert history.since(commit) == []


def test_parent_is_the_first_parent(repository):
    """What a merge brought is told against the line it was merged into."""
    path, ids = repository
    history = History(path, ids["merge"])
    assert history.parent(ids["merge"]) == ids["main"]
    assert history.parent(ids["root"]) is None
    assert history.source(ids["main"]).read("main") == b"main"
    assert history.source(ids["main"]).read("side") is None
