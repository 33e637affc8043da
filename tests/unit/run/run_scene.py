"""What the tests of runs share: a registry in a directory, a gate in the middle of a run."""

from __future__ import annotations

import os
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path

from memory import MemoryServers

PATIENCE = 120
"""Seconds until a wait fails: far longer than a busy machine takes."""

ACL = '[access]\n\tinheritFrom = base\n[access "refs/*"]\n\tread = group readers\n'


class Registry:
    """A registry in a directory; with ``git`` also a repository, a commit a change."""

    def __init__(self, root: Path):
        self.root = root
        (root / "gerrit" / "acls").mkdir(parents=True)

    def projects(self, *names: str, **acls: str) -> None:
        """Write ``projects.yaml``; ``acls[name]`` is the text of a project's ACL file."""
        lines = "".join(f"- project: {name}\n  description: the {name}\n" for name in names)
        self.text("gerrit/projects.yaml", lines or "[]\n")
        for name, acl in acls.items():
            self.text(f"gerrit/acls/{name}.config", acl)

    def text(self, path: str, text: str) -> None:
        (self.root / path).write_text(text)

    def retire(self, *names: str) -> None:
        for name in names:
            self.text(f"gerrit/acls/{name}.config", "[project]\n\tstate = read only\n")

    def commit(self) -> str:
        """Commit everything and return the commit's id."""
        self.git("add", "-A")
        self.git("commit", "-q", "--allow-empty", "-m", "change")
        return self.git("rev-parse", "HEAD")

    def git(self, *words: str) -> str:
        if not (self.root / ".git").exists():
            subprocess.run(["git", "init", "-q", "-b", "master", self.root], check=True)
        name = {"GIT_AUTHOR_NAME": "a", "GIT_COMMITTER_NAME": "a"}
        mail = {"GIT_AUTHOR_EMAIL": "a@b", "GIT_COMMITTER_EMAIL": "a@b"}
        done = subprocess.run(
            ["git", *words],
            cwd=self.root,
            env={**os.environ, **name, **mail},
            check=True,
            capture_output=True,
            text=True,
        )
        return done.stdout.strip()


def wait_for(condition: Callable[[], object], what: str) -> None:
    """Return once ``condition`` holds; fail after a deadline."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, f"waited in vain: {what}"
        time.sleep(0.005)


class Gate:
    """Holds the first step of ``key`` until opened."""

    def __init__(self, servers: MemoryServers, key: str = "project:base"):
        self.reached, self._open, self._key = threading.Event(), threading.Event(), key
        servers.before = self._before

    def _before(self, step) -> None:
        if step.key == self._key:
            self.reached.set()
            assert self._open.wait(PATIENCE), "the gate was never opened"

    def open(self) -> None:
        self._open.set()
