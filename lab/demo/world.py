"""Everything the demo runs, under one root directory, and its end."""

from __future__ import annotations

import contextlib
import json
import secrets
import shlex
import signal
import sqlite3
import subprocess
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lab import salt as salt_lab
from lab.demo import children, servers
from lab.demo.people import Person, make_account
from lab.demo.relay import Relay
from lab.demo.wait import until

MINION = "review01"
SERVICE = "saltern"
REGISTRY = "infra/project-config"
LABEL = "Verified"
PAGE = "page"
"""Folder of the status page."""
RUN_SECONDS = 1800


@dataclass
class World:
    """The running servers and the people who use them."""

    root: Path
    gerrit: Any
    admin: Person
    contributor: Person
    upstream: servers.GitServer
    mirror: servers.GitServer
    mirror_root: Path
    relay: Relay
    salt: salt_lab.SaltLab

    @property
    def scratch(self) -> Path:
        """A directory for the demo's own clones."""
        path = self.root / "scratch"
        path.mkdir(exist_ok=True)
        return path

    @property
    def checkout(self) -> Path:
        """The administrator's clone of the registry."""
        return self.root / "registry"

    def salt_run(self, *args: str) -> tuple[int, dict[str, Any]]:
        """Return exit status and data of ``salt-run ARGS``; ``RuntimeError`` when it gave none."""
        run = self.salt.run(*args, "--out=json", timeout=RUN_SECONDS)
        try:
            return run.returncode, json.loads(run.stdout)
        except ValueError as error:
            said = (run.stderr or run.stdout).strip()[-2000:]
            raise RuntimeError(f"salt-run {' '.join(args)} ({run.returncode}): {said}") from error

    def journal(self, query: str, *values: Any) -> list[sqlite3.Row]:
        """Return rows of the master's journal, read-only; none while there is no journal."""
        path = self.root / "state/journal.sqlite"
        if not path.exists():
            return []
        with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as db:
            db.row_factory = sqlite3.Row
            return db.execute(query, values).fetchall()

    def wait_until_idle(self, seconds: float) -> None:
        """Return when no converge runs and none is asked for."""
        until(self._idle, "the converges that run to end", seconds)

    def _idle(self) -> bool:
        return not self.journal(
            "SELECT 1 FROM requests WHERE run IS NULL UNION SELECT 1 FROM runs WHERE status IS NULL"
        )


@contextlib.contextmanager
def world(root: Path, tell: Callable[[str], None]) -> Iterator[World]:
    """Start everything below ``root`` (an empty directory) and end it with the block.

    ``tell`` hears of each server that came up. Whatever way the block ends, no process that was
    started in it is left.
    """
    children.adopt_orphans()
    with contextlib.ExitStack() as stack:
        stack.callback(children.end_descendants)
        try:
            yield _start(root, stack, tell)
        finally:
            # The end takes some seconds; a second Ctrl-C must not leave half of it undone.
            for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
                signal.signal(number, signal.SIG_IGN)


def _start(root: Path, stack: contextlib.ExitStack, tell: Callable[[str], None]) -> World:
    gerrit = servers.start_gerrit(root / "gerrit")
    stack.callback(gerrit.stop)
    admin = servers.admin_of(gerrit)
    version = admin.rest("GET", "config/server/version")
    what = "Gerrit" if servers.is_real() else "The stand-in"
    tell(f"{what} {version} is up: {gerrit.http_url} (pid {gerrit.pid})")
    upstream = _git_server(root, "upstream", stack)
    mirror = _git_server(root, "mirror", stack)
    tell(f"The mirror is served at {mirror.url}")
    relay = Relay((gerrit.ssh_host, gerrit.ssh_port))
    stack.callback(relay.close)
    relay.cut()
    password = secrets.token_urlsafe(24)
    make_service_account(admin, password, root)
    contributor = make_account(admin, "casey", secrets.token_urlsafe(24))
    salt = salt_lab.start(
        root / "salt",
        minions=[MINION],
        pillar={MINION: {"saltern": _pillar(root, gerrit, mirror, password)}},
        master_opts=master_opts(root, gerrit, relay.port, mirror.url),
    )
    stack.callback(salt.stop)
    tell(f"A Salt master (engine, reactors, runner) and the minion {MINION} are up")
    return World(root, gerrit, admin, contributor, upstream, mirror, root / "mirror", relay, salt)


def _git_server(root: Path, name: str, stack: contextlib.ExitStack) -> servers.GitServer:
    server = servers.GitServer(root / name, root / f"{name}.log")
    stack.callback(server.stop)
    return server


def make_service_account(admin: Person, password: str, root: Path) -> None:
    """Make the account Saltern works with: an administrator, with a new ssh key in ``root``."""
    key = root / "service_key"
    command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", SERVICE, "-f", str(key)]
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL)
    public = key.with_suffix(".pub").read_text("ascii").strip()
    make_account(admin, SERVICE, password, groups=["Administrators"], ssh_key=public)


def _pillar(root: Path, gerrit: Any, mirror: servers.GitServer, password: str) -> dict[str, Any]:
    login = {"username": SERVICE, "password": password}
    return {
        "gerrit": {
            **login,
            "url": gerrit.http_url,
            "cache_dir": str(root / "cache"),
            "review_host": gerrit.ssh_host,
            "review_port": gerrit.ssh_port,
            "committer_email": f"{SERVICE}@example.org",
            "import_hosts": ["127.0.0.1"],
        },
        "mirror": {
            **login,
            "root": str(root / "mirror"),
            "source_url": f"{gerrit.http_url}/a",
            "public_url": mirror.url,
        },
    }


def master_opts(
    root: Path, gerrit: Any, stream_port: int | None, mirror_url: str = ""
) -> Mapping[str, Any]:
    """Return the master's settings for Saltern; without ``stream_port`` there is no engine."""
    opts: dict[str, Any] = {
        "saltern": {
            "registry": {"project": REGISTRY, "url": f"{gerrit.http_url}/{REGISTRY}"},
            "converge": {
                "state_dir": str(root / "state"),
                "owners": {"gerrit": MINION, "mirror": MINION},
                "backoff_limit": 5.0,
                "page_dir": str(root / PAGE),
                "links": {"gerrit": gerrit.http_url, "mirror": mirror_url + "/{project}.git"},
            },
            "review": {"label": LABEL},
        }
    }
    if stream_port:
        opts["engines"] = [{"gerrit_stream": _engine(root, gerrit, stream_port)}]
    return opts


def _engine(root: Path, gerrit: Any, port: int) -> dict[str, Any]:
    known = root / "known_hosts"
    known.write_text(f"[127.0.0.1]:{port} {gerrit.ssh_host_key}\n", "ascii")
    return {
        "host": "127.0.0.1",
        "port": port,
        "username": SERVICE,
        "key_file": str(root / "service_key"),
        "known_hosts": str(known),
        "project": REGISTRY,
        "branch": "master",
        "ignore_users": [SERVICE],
        "backoff": 0.5,
        "backoff_limit": 2.0,
    }


def shell(command: list[str]) -> str:
    """Return a command line as it can be pasted into a shell."""
    return shlex.join(command)
