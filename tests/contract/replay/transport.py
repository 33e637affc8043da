"""How exchanges reach the server: HTTP, the git client and the OpenSSH client."""

from __future__ import annotations

import base64
import dataclasses
import http.client
import json
import os
import re
import subprocess
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

JSON_PREFIX = ")]}'"
TIMEOUT = 120
_BAD_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")
_HELPER = (
    '!f() { test "$1" = get && printf "username=%s\\npassword=%s\\n" '
    '"$CONTRACT_USER" "$CONTRACT_PASSWORD"; }; f'
)


@dataclasses.dataclass(frozen=True)
class Answer:
    """An HTTP answer; `data` is the parsed JSON body, or None when the body is not JSON."""

    status: int
    content_type: str
    www_authenticate: str | None
    body: bytes
    data: Any

    @property
    def text(self) -> str:
        return self.body.decode("utf-8", errors="replace")


@dataclasses.dataclass(frozen=True)
class Run:
    """What a client process left: exit status and both outputs."""

    exit: int
    stdout: str
    stderr: str


def http_call(
    base_url: str,
    method: str,
    path: str,
    *,
    login: tuple[str, str] | None = None,
    body: bytes | None = None,
    headers: dict[str, str] | None = None,
) -> Answer:
    """One HTTP request; `path` is sent as it is, only what no request line may hold is quoted."""
    sent = {"Accept": "*/*", **(headers or {})}
    if login:
        sent["Authorization"] = "Basic " + base64.b64encode(":".join(login).encode()).decode()
    address = urlsplit(base_url)
    connection = http.client.HTTPConnection(address.hostname, address.port, timeout=TIMEOUT)
    try:
        connection.request(method, _requestable(path), body=body, headers=sent)
        response = connection.getresponse()
        raw = response.read()
    finally:
        connection.close()
    return Answer(
        response.status,
        response.getheader("Content-Type", ""),
        response.getheader("WWW-Authenticate"),
        raw,
        _parse(raw),
    )


def _requestable(path: str) -> str:
    return quote(_BAD_ESCAPE.sub("%25", path), safe="!#$%&'()*+,/:;=?@[]~")


def _parse(raw: bytes) -> Any:
    text = raw.decode("utf-8", errors="replace")
    if not text.startswith(JSON_PREFIX):
        return None
    return json.loads(text[len(JSON_PREFIX) :])


@dataclasses.dataclass(frozen=True)
class Ssh:
    """The OpenSSH client for one server; `home` holds known_hosts and nothing of the user's."""

    host: str
    port: int
    home: Path

    def options(self, user: str, key: Path) -> list[str]:
        """Arguments that every ssh call of `user` with the private key file `key` carries."""
        settings = {
            "BatchMode": "yes",
            "IdentitiesOnly": "yes",
            "StrictHostKeyChecking": "yes",
            "UserKnownHostsFile": str(self.home / "known_hosts"),
            "GlobalKnownHostsFile": "/dev/null",
            "LogLevel": "ERROR",
            "ConnectTimeout": "20",
        }
        flags = [part for name, value in settings.items() for part in ("-o", f"{name}={value}")]
        return ["-F", "/dev/null", *flags, "-i", str(key), "-p", str(self.port), "-l", user]

    def run(
        self, user: str, key: Path, command: str, *, stdin: str = "", timeout: float = TIMEOUT
    ) -> Run:
        """Run `command` on the server; after `timeout` seconds the exit is 124, as timeout(1)'s."""
        arguments = ["ssh", *self.options(user, key), self.host, *([command] if command else [])]
        return run_process(arguments, stdin=stdin, timeout=timeout)


def run_process(
    arguments: list[str],
    *,
    stdin: str = "",
    env: dict[str, str] | None = None,
    cwd: Path | None = None,
    timeout: float = TIMEOUT,
) -> Run:
    """Run a client process without a shell; its outputs are decoded leniently."""
    try:
        done = subprocess.run(
            arguments, input=stdin.encode(), capture_output=True, env=env, cwd=cwd, timeout=timeout
        )
    except subprocess.TimeoutExpired as expired:
        return Run(124, (expired.stdout or b"").decode(errors="replace"), "TIMEOUT")
    return Run(
        done.returncode,
        done.stdout.decode(errors="replace"),
        done.stderr.decode(errors="replace"),
    )


def git_environment(home: Path) -> dict[str, str]:
    """Environment in which git reads no configuration of the machine and asks nothing."""
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        "LC_ALL": "C.UTF-8",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_AUTHOR_NAME": "Administrator",
        "GIT_AUTHOR_EMAIL": "admin@example.com",
        "GIT_COMMITTER_NAME": "Administrator",
        "GIT_COMMITTER_EMAIL": "admin@example.com",
    }


def git(
    arguments: list[str],
    *,
    home: Path,
    cwd: Path,
    login: tuple[str, str] | None = None,
    ssh_command: str | None = None,
    stdin: str = "",
    timeout: float = TIMEOUT,
) -> Run:
    """Run git; a `login` is handed over by a credential helper, so that no URL shows it."""
    env = git_environment(home)
    flags: list[str] = []
    if login:
        env |= {"CONTRACT_USER": login[0], "CONTRACT_PASSWORD": login[1]}
        flags = ["-c", f"credential.helper={_HELPER}"]
    if ssh_command:
        env["GIT_SSH_COMMAND"] = ssh_command
    return run_process(["git", *flags, *arguments], env=env, cwd=cwd, stdin=stdin, timeout=timeout)
