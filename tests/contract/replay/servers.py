"""The server under test: a running Gerrit, a fresh one from a WAR, or the stand-in.

| environment | server |
|---|---|
| `GERRIT_URL` | the running one; also `GERRIT_ADMIN_USER`, `GERRIT_ADMIN_PASSWORD`, `GERRIT_SSH_PORT`, `GERRIT_SSH_KEY` (path of the admin's private key) |
| `GERRIT_WAR` | a fresh real Gerrit for every file of exchanges (Java: see lab/realgerrit.py) |
| neither | a fresh stand-in for every file |
"""  # noqa: E501

from __future__ import annotations

import dataclasses
import os
import subprocess
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

ADMIN_VARIABLES = (
    "GERRIT_ADMIN_USER",
    "GERRIT_ADMIN_PASSWORD",
    "GERRIT_SSH_PORT",
    "GERRIT_SSH_KEY",
)


@dataclasses.dataclass(frozen=True)
class Server:
    """Addresses and the administrator's credentials of a running server."""

    http_url: str
    ssh_host: str
    ssh_port: int
    ssh_host_keys: list[str]
    admin_user: str
    admin_password: str
    admin_ssh_key: Path
    is_stand_in: bool
    process: Any = None
    repositories: Path | None = None

    def stop(self) -> None:
        """Stop it, when this suite started it."""
        if self.process is not None:
            self.process.stop()

    def repository(self, project: str) -> Path:
        """Directory of a project's repository; only of a server that this suite started."""
        if self.repositories is None:
            raise RuntimeError("the directory of a server that was not started here is not known")
        return self.repositories / f"{project}.git"

    def placeholders(self) -> dict[str, str]:
        """Values of `<http>`, `<ssh>`, `<host>` and `<port>` on this server."""
        return {
            "<http>": urlsplit(self.http_url).netloc,
            "<ssh>": f"{self.ssh_host}:{self.ssh_port}",
            "<host>": self.ssh_host,
            "<port>": str(self.ssh_port),
        }


def target() -> str:
    """`running`, `war` or `stand-in`: which kind of server the environment asks for."""
    if os.environ.get("GERRIT_URL"):
        return "running"
    return "war" if os.environ.get("GERRIT_WAR") else "stand-in"


def open_server(root: Path) -> Server:
    """Start (or find) the server; `root`: an empty directory for its data."""
    kind = target()
    if kind == "running":
        return _running()
    if kind == "war":
        from lab import realgerrit

        return _started(realgerrit.start(root), root / "site" / "git", is_stand_in=False)
    from lab.gerrit import process

    return _started(process.start(root), root / "git", is_stand_in=True)


def _started(process: Any, repositories: Path, *, is_stand_in: bool) -> Server:
    return Server(
        http_url=process.http_url.rstrip("/"),
        ssh_host=process.ssh_host,
        ssh_port=int(process.ssh_port),
        ssh_host_keys=[" ".join(process.ssh_host_key.split()[:2])],
        admin_user=process.admin_user,
        admin_password=process.admin_password,
        admin_ssh_key=Path(process.admin_ssh_key),
        is_stand_in=is_stand_in,
        process=process,
        repositories=repositories,
    )


def _running() -> Server:
    missing = [name for name in ADMIN_VARIABLES if not os.environ.get(name)]
    if missing:
        raise RuntimeError(f"GERRIT_URL is set, then {', '.join(missing)} must be set as well")
    url = os.environ["GERRIT_URL"].rstrip("/")
    host, port = urlsplit(url).hostname or "", int(os.environ["GERRIT_SSH_PORT"])
    scan = subprocess.run(
        ["ssh-keyscan", "-p", str(port), host], capture_output=True, text=True, timeout=60
    )
    keys = [line.split(" ", 1)[1] for line in scan.stdout.splitlines() if line[:1] != "#"]
    return Server(
        http_url=url,
        ssh_host=host,
        ssh_port=port,
        ssh_host_keys=keys,
        admin_user=os.environ["GERRIT_ADMIN_USER"],
        admin_password=os.environ["GERRIT_ADMIN_PASSWORD"],
        admin_ssh_key=Path(os.environ["GERRIT_SSH_KEY"]),
        is_stand_in=False,
    )
