"""One Gerrit (tests/servers.py) with a registry in it, and a Salt master and minion beside it."""

from __future__ import annotations

import base64
import json
import os
import secrets
import sqlite3
import subprocess
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote

import requests

from lab import salt
from tests import servers

T = TypeVar("T")
REGISTRY = "infra/project-config"
PROJECTS_FILE = "gerrit/projects.yaml"
LABEL = "Verified"


def until(condition: Callable[[], T], seconds: float = 200, what: str = "") -> T:
    """Return the first true result of ``condition``; fail after ``seconds``."""
    deadline = time.monotonic() + seconds
    while not (result := condition()):
        assert time.monotonic() < deadline, f"not within {seconds} s: {what or condition}"
        time.sleep(0.1)
    return result


class Site:
    """The server ``gerrit``, the lab ``salt``, and a contributor's git and REST."""

    minion = "review01"

    def __init__(self, root: Path):
        self.root = root
        self.gerrit = servers.start(root / "gerrit")
        self.work = root / "work"
        self.projects: list[dict[str, Any]] = [{"project": "base/one", "description": "First"}]
        self._salt: salt.SaltLab | None = None

    @property
    def salt(self) -> salt.SaltLab:
        """The master and its minion."""
        assert self._salt, "start_salt() comes first"
        return self._salt

    def start_salt(self) -> None:
        """Start master (with engine, reactors, runner) and minion."""
        self._salt = salt.start(
            self.root / "salt",
            minions=[self.minion],
            pillar={self.minion: {"saltern": self.pillar()}},
            master_opts={
                "saltern": self.settings(),
                "engines": [{"gerrit_stream": self.stream()}],
                "gather_job_timeout": 3,
            },
        )

    def pillar(self) -> dict[str, Any]:
        """What only the minion knows."""
        account = {"username": "admin", "password": self.gerrit.admin_password}
        return {
            "gerrit": {
                "url": self.gerrit.http_url,
                "cache_dir": str(self.root / "cache"),
                **account,
            },
            "mirror": {
                "root": str(self.root / "mirror"),
                "source_url": self.gerrit.http_url,
                **account,
            },
        }

    def settings(self) -> dict[str, Any]:
        """The master's ``saltern`` setting."""
        return {
            "registry": {"url": f"{self.gerrit.http_url}/{REGISTRY}", "project": REGISTRY},
            "converge": {
                "state_dir": str(self.root / "state"),
                "owners": {"gerrit": self.minion, "mirror": self.minion},
                "backoff": 0.2,
                "links": {"gerrit": self.gerrit.http_url},
            },
            "review": {"label": LABEL},
            # Each test adds what it needs to one registry, in no order and under plain names.
            "check": {"ignore": ["SLT080"], "name_pattern": ".+"},
        }

    def stream(self) -> dict[str, Any]:
        """The engine's arguments."""
        return {
            "host": self.gerrit.ssh_host,
            "port": self.gerrit.ssh_port,
            "username": "admin",
            "key_file": str(self.gerrit.admin_ssh_key),
            "known_hosts": self.gerrit.ssh_host_key,
            "ignore_users": ["admin"],
        }

    def stop(self) -> None:
        """Stop everything that was started."""
        if self._salt:
            self._salt.stop()
        self.gerrit.stop()

    # A person with curl and git

    def rest(self, method: str, path: str, data: Any = None, login: str = "") -> Any:
        """Return the decoded answer of a REST call, ``None`` for a 404.

        ``login`` is ``user:password``; empty: admin's.
        """
        user, _, password = login.partition(":")
        answer = requests.request(
            method,
            f"{self.gerrit.http_url}/a/{path}",
            auth=(user, password) if login else ("admin", self.gerrit.admin_password),
            json=data,
            timeout=120,
        )
        if answer.status_code == 404:
            return None
        answer.raise_for_status()
        return json.loads(answer.text.split("\n", 1)[1] or "null")

    def project(self, name: str) -> Any:
        """Return Gerrit's description of a project, or ``None``."""
        return self.rest("GET", f"projects/{quote(name, safe='')}")

    def git(self, *args: str) -> str:
        """Run git in the registry's checkout, logged in as admin without it in argv."""
        login = base64.b64encode(f"admin:{self.gerrit.admin_password}".encode()).decode()
        environment = {
            **os.environ,
            "GIT_CONFIG_COUNT": "3",
            "GIT_CONFIG_KEY_0": "http.extraHeader",
            "GIT_CONFIG_VALUE_0": f"Authorization: Basic {login}",
            "GIT_CONFIG_KEY_1": "user.name",
            "GIT_CONFIG_VALUE_1": "Administrator",
            "GIT_CONFIG_KEY_2": "user.email",
            "GIT_CONFIG_VALUE_2": "admin@example.com",
            "GIT_TERMINAL_PROMPT": "0",
        }
        run = subprocess.run(
            ["git", *args],
            cwd=self.work,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert run.returncode == 0, f"git {args}: {run.stdout}{run.stderr}"
        return run.stdout

    def make_registry(self) -> None:
        """Make the registry's project in Gerrit, with :attr:`projects` in it."""
        self.rest("PUT", f"projects/{quote(REGISTRY, safe='')}", {})
        grant = {"refs/heads/*": {"permissions": {"push": {"rules": {"Administrators": {}}}}}}
        self.rest("POST", "projects/All-Projects/access", {"add": grant})
        self._make_label()
        self.work.mkdir()
        self.git("init", "-q", "-b", "master")
        self.git("remote", "add", "origin", f"{self.gerrit.http_url}/a/{REGISTRY}")
        self.add()

    def _make_label(self) -> None:
        """Define the label that Saltern votes on, for the service account's group."""
        path = f"projects/{quote(REGISTRY, safe='')}"
        values = {"-1": "Fails", "0": "No score", "+1": "Verified"}
        self.rest("PUT", f"{path}/labels/{LABEL}", {"values": values})
        rule = {"rules": {"Administrators": {"min": -1, "max": 1, "action": "ALLOW"}}}
        grant = {"refs/heads/*": {"permissions": {f"label-{LABEL}": {"label": LABEL, **rule}}}}
        self.rest("POST", f"{path}/access", {"add": grant})

    def add(self, *projects: dict[str, Any], files: Mapping[str, str] | None = None) -> str:
        """Push projects (entries of projects.yaml) and files to the registry's branch.

        No event comes of it that converges: only changes that merge do that. Returns the commit.
        """
        self._commit(projects, files or {}, "Add projects")
        self.git("push", "-q", "origin", "HEAD:refs/heads/master")
        return self.git("rev-parse", "HEAD").strip()

    def merge(self, *projects: dict[str, Any], files: Mapping[str, str] | None = None) -> str:
        """Upload a change that adds projects and files, approve and submit it; return its number.

        From here Gerrit's own events do the rest.
        """
        change_id = "I" + secrets.token_hex(20)
        self._commit(projects, files or {}, f"Add projects\n\nChange-Id: {change_id}\n")
        self.git("push", "-q", "origin", "HEAD:refs/for/master")
        votes = {"labels": {"Code-Review": 2}}
        self.rest("POST", f"changes/{change_id}/revisions/current/review", votes)
        merged = self.rest("POST", f"changes/{change_id}/submit", {})
        self.git("fetch", "-q", "origin", "master")
        self.git("reset", "-q", "--hard", "FETCH_HEAD")
        return str(merged["_number"])

    def _commit(self, projects: Iterable[dict], files: Mapping[str, str], message: str) -> None:
        self.projects += projects
        for name, text in {PROJECTS_FILE: json.dumps(self.projects), **files}.items():
            path = self.work / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
            self.git("add", name)
        self.git("commit", "-q", "-m", message)

    def fire(self, *events: tuple[str, Any]) -> None:
        """Put events, ``(tag, data)``, on the master's bus, as an engine would."""
        import salt.utils.event

        opts = self.salt.opts
        bus = salt.utils.event.get_master_event(
            opts, str(self.salt.sockets / "master"), listen=False
        )
        with bus:
            for tag, data in events:
                assert bus.fire_event(data, tag, timeout=10_000)

    def head_of_mirror(self, name: str) -> str | None:
        """Return what git finds at HEAD of the mirror's repository, ``None`` without one."""
        path = self.root / "mirror" / f"{name}.git"
        run = subprocess.run(
            ["git", "--git-dir", str(path), "rev-parse", "-q", "--verify", "HEAD"],
            capture_output=True,
            text=True,
            check=False,
        )
        return run.stdout.strip() or None

    # Salt's side

    def converge(self, *args: str) -> dict[str, Any]:
        """Run ``salt-run projects.converge`` and return its data."""
        return self.runner("projects.converge", *args)

    def runner(self, *args: str) -> dict[str, Any]:
        """Return the data of a ``projects`` function; the exit status must be the report's."""
        run = self.salt.run(*args, "--out=json")
        assert run.stdout.strip(), f"no output, status {run.returncode}: {run.stderr}"
        data = json.loads(run.stdout)
        assert run.returncode == data["retcode"], run.stdout
        return data

    def runs(self) -> list[dict[str, Any]]:
        """Return the runs of the master's journal, latest first."""
        path = self.root / "state/journal.sqlite"
        if not path.exists():
            return []
        with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True, timeout=120)) as db:
            db.row_factory = sqlite3.Row
            rows = db.execute("SELECT id, cause, status FROM runs ORDER BY started DESC, id DESC")
            return [dict(row) for row in rows]

    def run_ids(self) -> set[str]:
        """Return the ids of the journal's runs."""
        return {run["id"] for run in self.runs()}

    def quiet(self) -> None:
        """Return when no run is under way and none began while Salt did something else."""

        def settled() -> bool:
            before = self.runs()
            if not all(run["status"] for run in before):
                return False
            self.runner("projects.status")
            return before == self.runs()

        until(settled, what="the converge runs to end")

    def writes(self, since: int = 0) -> list[str]:
        """Return ``METHOD path`` of the writing REST calls after number ``since``."""
        return [
            f"{call['method']} {call['path']}"
            for call in self.gerrit.call_log(since, kind="rest")
            if call["method"] != "GET" and "/standin/" not in call["path"]
        ]

    def last_call(self) -> int:
        """Return the number of the latest call that Gerrit saw."""
        return self.gerrit.call_log()[-1]["n"]


@contextmanager
def everything_on_the_bus(site: Site) -> Iterator[list[bytes]]:
    """Collect every event of the master's bus as bytes."""
    import salt.utils.event

    events: list[bytes] = []
    ended, ready = threading.Event(), threading.Event()

    def listen() -> None:
        sockets = str(site.salt.sockets / "master")
        with salt.utils.event.get_master_event(site.salt.opts, sockets) as bus:
            ready.set()
            while not ended.is_set():
                event: Any = bus.get_event(wait=0.2, full=True)
                if event:
                    events.append(repr(event).encode())

    thread = threading.Thread(target=listen)
    thread.start()
    assert ready.wait(120)
    try:
        yield events
    finally:
        ended.set()
        thread.join()
