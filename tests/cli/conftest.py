"""The command as people call it: a process in a registry's checkout."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

GOOD = "- project: org/a\n- project: org/b\n  description: A library\n"


def saltern(*arguments: str | Path, cwd: Path, **env: str) -> subprocess.CompletedProcess[str]:
    """Run the command and return how it ended."""
    command = [
        sys.executable,
        "-c",
        "from saltern.cli import main; main(prog_name='saltern')",
        *map(str, arguments),
    ]
    given = {k: v for k, v in os.environ.items() if not k.startswith(("SALTERN_", "NO_COLOR"))}
    return subprocess.run(
        command, cwd=cwd, env={**given, **env}, capture_output=True, text=True, timeout=250
    )


def git(path: Path, *arguments: str) -> str:
    """Run git and return what it says."""
    command = ["git", "-C", path, "-c", "user.name=t", "-c", "user.email=t@example.org", *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def commit(path: Path) -> str:
    """Commit everything and return the commit's id."""
    git(path, "add", "-A")
    git(path, "commit", "-q", "--allow-empty", "-m", "change")
    return git(path, "rev-parse", "HEAD")


@pytest.fixture
def checkout(tmp_path: Path) -> Callable[..., Path]:
    """Return a function that writes a registry (projects file, ACLs by name) as a work tree."""

    def make(projects: str | bytes = GOOD, acls: dict[str, str] | None = None) -> Path:
        root = tmp_path / "checkout"
        (root / "gerrit" / "acls").mkdir(parents=True, exist_ok=True)
        data = projects.encode() if isinstance(projects, str) else projects
        (root / "gerrit" / "projects.yaml").write_bytes(data)
        for name, text in (acls or {}).items():
            path = root / "gerrit" / "acls" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(text.encode())
        if not (root / ".git").exists():
            git(tmp_path, "init", "-q", "-b", "master", str(root))
        return root

    return make
