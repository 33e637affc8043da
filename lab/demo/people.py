"""What people do on Gerrit: REST calls and git commands with their own accounts."""

from __future__ import annotations

import base64
import json
import os
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

import requests

XSSI = ")]}'"


class CommandError(RuntimeError):
    """A git command or a REST call failed; the text has its own words."""


@dataclass
class Person:
    """An account: REST and git over HTTP with its password, which is in no argument list."""

    username: str
    password: str = field(repr=False)
    url: str
    email: str
    _session: requests.Session = field(default_factory=requests.Session, repr=False)

    def rest(self, method: str, path: str, body: Any = None, **options: Any) -> Any:
        """Return the decoded answer of ``method`` on ``/a/PATH``. Raises `CommandError`."""
        answer = self._session.request(
            method,
            f"{self.url}/a/{path}",
            auth=(self.username, self.password),
            json=body,
            timeout=120,
            **options,
        )
        if not answer.ok:
            raise CommandError(
                f"{method} {path} by {self.username}: {answer.status_code} {answer.text.strip()}"
            )
        return _decode(answer.text)

    def exists(self, path: str) -> bool:
        """Return whether ``GET /a/PATH`` answers 200. Raises `CommandError` unless 200 or 404."""
        try:
            self.rest("GET", path)
        except CommandError as error:
            if ": 404 " in str(error):
                return False
            raise
        return True

    def git(self, *args: str, cwd: Path | None = None) -> str:
        """Return what ``git ARGS`` printed (stdout, then stderr). Raises `CommandError`."""
        return run_git(*args, cwd=cwd, env=self._git_environment())

    def repository(self, project: str) -> str:
        """Return the project's URL for git over HTTP with a login."""
        return f"{self.url}/a/{quote(project)}"

    def _git_environment(self) -> dict[str, str]:
        login = base64.b64encode(f"{self.username}:{self.password}".encode()).decode()
        settings = {
            f"http.{self.url}/.extraHeader": f"Authorization: Basic {login}",
        }
        env = {"GIT_CONFIG_COUNT": str(len(settings))}
        for role in ("AUTHOR", "COMMITTER"):
            env[f"GIT_{role}_NAME"] = self.username.title()
            env[f"GIT_{role}_EMAIL"] = self.email
        for number, (key, value) in enumerate(settings.items()):
            env |= {f"GIT_CONFIG_KEY_{number}": key, f"GIT_CONFIG_VALUE_{number}": value}
        return env


def make_account(admin: Person, username: str, password: str, **fields: Any) -> Person:
    """Make the account as ``admin`` and return its person; ``fields``: more of AccountInput."""
    email = f"{username}@example.org"
    body = {"name": username.title(), "email": email, "http_password": password, **fields}
    admin.rest("PUT", f"accounts/{username}", body)
    return Person(username, password, admin.url, email)


def run_git(*args: str, cwd: Path | None = None, env: dict[str, str] | None = None) -> str:
    """Return what ``git ARGS`` printed (stdout, then stderr). Raises `CommandError`."""
    run = subprocess.run(
        ["git", *args],
        cwd=cwd,
        env={**os.environ, **(env or {})},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=300,
    )
    if run.returncode:
        raise CommandError(f"git {' '.join(args[:4])}: {(run.stderr or run.stdout).strip()}")
    return run.stdout + run.stderr


def project_path(name: str) -> str:
    """Return the REST path of a project."""
    return f"projects/{quote(name, safe='')}"


def _decode(text: str) -> Any:
    text = text.removeprefix(XSSI).strip()
    return json.loads(text) if text else None
