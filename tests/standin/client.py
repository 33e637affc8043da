"""A plain client for these tests: REST, git and ssh with ordinary tools."""

from __future__ import annotations

import json
import os
import queue
import subprocess
import threading
import time
from pathlib import Path

import requests

from lab.gerrit.process import StandIn

PATIENCE = 120.0
ADMIN_RIGHTS = {"rules": {"Administrators": {"action": "ALLOW", "force": True}}}


class Client:
    """Everything an administrator does to a stand-in."""

    def __init__(self, standin: StandIn, home: Path):
        self.standin, self.home = standin, home

    def rest(self, method: str, path: str, data: object = None) -> tuple[int, object]:
        """``(status, JSON or text)``; ConnectionError if the server hangs up."""
        answer = requests.request(
            method,
            f"{self.standin.http_url}/a{path}",
            auth=(self.standin.admin_user, self.standin.admin_password),
            json=data,
            timeout=PATIENCE,
        )
        text = answer.text
        return answer.status_code, json.loads(text[5:]) if text.startswith(")]}'") else text

    def grant_pushes(self) -> None:
        """What a site's administrator grants first: pushes, also to refs/meta/config."""
        names = ("push", "create", "forgeAuthor", "forgeCommitter")
        add = {
            "refs/*": {"permissions": dict.fromkeys(names, ADMIN_RIGHTS)},
            "refs/meta/config": {"permissions": {"push": ADMIN_RIGHTS}},
        }
        assert self.rest("POST", "/projects/All-Projects/access", {"add": add})[0] == 200

    def git(self, *words: str, cwd: Path | None = None) -> subprocess.CompletedProcess:
        """Run git with its own home; nothing is asked."""
        env = {
            **os.environ,
            "HOME": str(self.home),
            "GIT_TERMINAL_PROMPT": "0",
            "GIT_CONFIG_NOSYSTEM": "1",
        }
        identity = ("-c", "user.name=Administrator", "-c", "user.email=admin@example.com")
        return subprocess.run(
            ["git", *identity, *words],
            cwd=cwd or self.home,
            env=env,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
        )

    def url(self, project: str) -> str:
        """A project's git URL with the administrator's login."""
        login = f"{self.standin.admin_user}:{self.standin.admin_password}"
        return self.standin.http_url.replace("//", f"//{login}@") + f"/a/{project}"

    def work_tree(self, name: str, text: str = "1\n") -> Path:
        """A fresh repository with one commit."""
        tree = self.home / name
        self.git("init", "-q", "-b", "master", str(tree))
        (tree / "file").write_text(text)
        self.git("add", "file", cwd=tree)
        assert self.git("commit", "-q", "-m", "One", cwd=tree).returncode == 0
        return tree

    def listen(self, *words: str) -> Stream:
        """Connect to stream-events and wait until the server knows it."""
        known = len(self.standin.streams())
        stream = Stream(self.ssh_command("gerrit", "stream-events", *words))
        wait_for(lambda: len(self.standin.streams()) > known)
        return stream

    def ssh_command(self, *words: str) -> list[str]:
        """An OpenSSH command line; the host key is checked."""
        standin = self.standin
        known = self.home / "known_hosts"
        known.write_text(
            f"[{standin.ssh_host}]:{standin.ssh_port} {standin.ssh_host_key}\n", encoding="utf-8"
        )
        options = ["-o", f"UserKnownHostsFile={known}", "-o", "BatchMode=yes"]
        options += ["-o", "HostKeyAlgorithms=ssh-ed25519", "-i", str(standin.admin_ssh_key)]
        target = f"{standin.admin_user}@{standin.ssh_host}"
        return ["ssh", "-F", "none", *options, "-p", str(standin.ssh_port), target, *words]

    def ssh(self, *words: str) -> subprocess.CompletedProcess:
        """Run one command over ssh."""
        return subprocess.run(
            self.ssh_command(*words), capture_output=True, text=True, timeout=PATIENCE
        )


class Stream:
    """A listener whose events are read by a thread."""

    def __init__(self, command: list[str]):
        self._lines: queue.Queue[str | None] = queue.Queue()
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        for line in self.process.stdout:
            self._lines.put(line)
        self._lines.put(None)

    def next(self) -> dict | None:
        """The next event, None at the end of the stream; queue.Empty if there is none."""
        line = self._lines.get(timeout=PATIENCE)
        return None if line is None else json.loads(line)

    def until(self, kind: str) -> list[dict]:
        """The events up to the first of a type."""
        found = []
        while not found or found[-1]["type"] != kind:
            event = self.next()
            assert event is not None, f"stream ended before {kind}: {found}"
            found.append(event)
        return found

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()


def wait_for(condition) -> None:
    """Wait until a condition holds; AssertionError if it never does."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)
