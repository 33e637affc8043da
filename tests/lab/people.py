"""People on a host of the lab: git, ssh and curl with their own accounts on the site's Gerrit."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from lab.hosts.machine import Machine

XSSI = ")]}'"
SSH_PORT = 29418


@dataclass(frozen=True)
class Person:
    """An account of the Gerrit ``server``, at work in ``home``, a folder of ``machine``.

    Passwords and keys lie in files there. Servers are known by what the host's own files say:
    the system's certificate authorities and /etc/ssh/ssh_known_hosts.
    """

    username: str
    machine: Machine
    server: str
    home: str

    @property
    def folder(self) -> Path:
        """The home as the lab's own machine sees it."""
        return self.machine.root / self.home.lstrip("/")

    @classmethod
    def arrive(
        cls, username: str, machine: Machine, server: str, password: str = "", key: str = ""
    ) -> Person:
        """Make the home of a person who has this password, this private ssh key, or both."""
        person = cls(username, machine, server, f"/root/{username}")
        person.folder.mkdir(mode=0o700)
        person.write(".netrc", f"machine {server} login {username} password {password}\n")
        person.write("id", key)
        return person

    def leave(self) -> None:
        """Take away all that the person left on the host."""
        self.machine.call("rm", "-rf", self.home)

    def write(self, name: str, text: str) -> None:
        """Write a file of the home that nobody else can read."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600)
        path.write_text(text)

    def call(
        self, *words: str, stdin: str | None = None, check: bool = True
    ) -> subprocess.CompletedProcess[str]:
        """Run a program in the home."""
        ssh = (
            f"ssh -i {self.home}/id -l {self.username} -o IdentitiesOnly=yes -o BatchMode=yes "
            "-o StrictHostKeyChecking=yes -o UserKnownHostsFile=/dev/null"
        )
        names = {
            "HOME": self.home,
            "GIT_SSH_COMMAND": ssh,
            "GIT_TERMINAL_PROMPT": "0",
            "GIT_AUTHOR_NAME": self.username,
            "GIT_AUTHOR_EMAIL": self.email,
            "GIT_COMMITTER_NAME": self.username,
            "GIT_COMMITTER_EMAIL": self.email,
        }
        env = [f"{name}={value}" for name, value in names.items()]
        return self.machine.call("env", "-C", self.home, *env, *words, stdin=stdin, check=check)

    @property
    def email(self) -> str:
        """The account's address."""
        return f"{self.username}@{self.server.partition('.')[2]}"

    def gerrit(self, *words: str, stdin: str | None = None) -> str:
        """Return what ``gerrit WORDS`` answers over ssh."""
        command = f'$GIT_SSH_COMMAND -p {SSH_PORT} {self.server} "$@"'
        return self.call("sh", "-c", command, "sh", "gerrit", *words, stdin=stdin).stdout

    def rest(self, method: str, path: str, body: Any = None) -> Any:
        """Return the decoded answer of ``method`` on ``/a/PATH``."""
        words = ["curl", "--silent", "--show-error", "--fail-with-body", "--netrc"]
        words += ["--request", method, f"https://{self.server}/a/{path}"]
        if body is not None:
            words += ["--header", "Content-Type: application/json", "--data", "@-"]
        told = self.call(*words, stdin=None if body is None else json.dumps(body)).stdout
        text = told.removeprefix(XSSI).strip()
        return json.loads(text) if text else None

    def repository(self, project: str, scheme: str = "https") -> str:
        """Return the project's URL for git with a login."""
        if scheme == "ssh":
            return f"ssh://{self.server}:{SSH_PORT}/{project}"
        return f"https://{self.server}/a/{quote(project)}"
