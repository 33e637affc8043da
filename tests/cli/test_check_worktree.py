"""What ``--changed-since`` asks git, and of which repository."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from saltern.errors import Broken
from saltern.registry.caused import caused
from saltern.registry.checked import Checker
from saltern.registry.judging import judge
from saltern.registry.source import DirectorySource
from saltern.registry.worktree import committed
from saltern.settings import CheckSettings, RegistrySettings

ENTRIES = "- project: org/a\n- project: org/b\n  descripton: odd\n"


def repository(root: Path) -> Path:
    """Make a repository whose registry differs from what it committed."""
    (root / "gerrit").mkdir(parents=True)
    (root / "gerrit" / "projects.yaml").write_text(ENTRIES)
    git = ["git", "-C", str(root), "-c", "user.name=a", "-c", "user.email=a@example.org"]
    for words in (["init", "-q"], ["add", "-A"], ["commit", "-q", "-m", "one"]):
        subprocess.run([*git, *words], check=True)
    (root / "gerrit" / "projects.yaml").write_text(ENTRIES + "- project: org/c\n  homepge: x\n")
    return root


def test_variables_of_a_git_hook_do_not_lead_to_another_repository(tmp_path, monkeypatch):
    """The repository is the one around the directory, whatever GIT_DIR says."""
    here, other = repository(tmp_path / "here"), repository(tmp_path / "other")
    head = subprocess.check_output(["git", "-C", here, "rev-parse", "HEAD"], text=True).strip()
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "gone"))
    assert committed(here, "HEAD").commit == head
    assert committed(here, "HEAD").read("gerrit/projects.yaml") == ENTRIES.encode()
    assert other


def test_nothing_that_the_checkout_configures_is_run(tmp_path):
    """A checkout's own configuration starts no program when it is compared."""
    root, mark = repository(tmp_path / "here"), tmp_path / "ran"
    for key in ("core.fsmonitor", "core.sshCommand", "core.pager", "diff.external"):
        subprocess.run(["git", "-C", root, "config", key, f"touch {mark}"], check=True)
    assert committed(root, "master" if _has(root, "master") else "main").read(
        "gerrit/projects.yaml"
    )
    assert not mark.exists()


def _has(root: Path, branch: str) -> bool:
    return (
        subprocess.run(
            ["git", "-C", root, "rev-parse", "-q", "--verify", branch], stdout=subprocess.DEVNULL
        ).returncode
        == 0
    )


@pytest.mark.parametrize(
    "name", ["nope", "", "--all", "a\nHEAD", "HEAD:gerrit", "HEAD x", "\udc80"]
)
def test_name_of_no_commit_is_refused(tmp_path, name):
    """What is no commit, or more than one line, is refused."""
    with pytest.raises(Broken, match="is no commit"):
        committed(repository(tmp_path / "here"), name)


def test_directory_outside_a_work_tree_is_refused(tmp_path):
    """Without a repository nothing is known of the past."""
    if (tmp_path / ".git").exists() or os.environ.get("GIT_DIR"):
        pytest.skip("inside a repository")
    with pytest.raises(Broken, match="in no git work tree"):
        committed(tmp_path, "HEAD")


def test_old_state_checked_by_the_needed_rules_causes_the_same(tmp_path):
    """Leaving out rules that find nothing in the new state changes no answer, also not later."""
    root = repository(tmp_path / "here")
    plain, rules = RegistrySettings(), CheckSettings()
    new, old = (
        judge(DirectorySource(root), plain, rules),
        judge(committed(root, "HEAD"), plain, rules),
    )
    checker = Checker(root, plain, rules)
    first = checker.check("HEAD")
    assert (first.findings, first.others) == caused(old, new)
    assert [f.code for f in first.findings] == ["SLT005"]
    (root / "gerrit" / "projects.yaml").write_text("- project: org/a\n")
    assert checker.check("HEAD").findings == ()
    (root / "gerrit" / "projects.yaml").write_text(ENTRIES)
    assert checker.check("HEAD").others == len(old.findings) > 0
