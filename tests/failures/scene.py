"""A registry, a mirror folder and convergers of their own for one test, on a shared server."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import yaml
from acceptance.independent import Reader, Wanted, differences, run_git

from saltern.dispatch import LocalDispatcher
from saltern.providers.gerrit import GerritProvider
from saltern.providers.mirror import MirrorProvider
from saltern.report import Report
from saltern.run import Converger
from saltern.settings import ConvergeSettings, GerritSettings, MirrorSettings, RegistrySettings

ROOT = "All-Projects"
PUSH = "git-receive-pack"


class Scene:
    """Everything one test needs; names of projects and groups carry the test's own prefix."""

    def __init__(self, root: Path, server: Any, prefix: str):
        self.root, self.server, self.prefix = root, server, prefix
        self.registry = root / "registry"
        (self.registry / "gerrit/acls").mkdir(parents=True)
        self.mirror = root / "mirror"
        self.mirror.mkdir()
        self.reader = Reader(server, root / "reader.git")
        self.entries: list[dict[str, Any]] = []
        self.more: dict[str, Any] = {}
        self.url = server.http_url
        self._providers: list[Any] = []

    # The registry

    def project(self, name: str, acl: str | None = None, **keys: Any) -> str:
        """Add an entry, its ACL file if given, and return its full name."""
        name = f"{self.prefix}/{name}"
        keys = {key.replace("_", "-"): value for key, value in keys.items()}
        self.entries.append({"project": name, "description": f"The {name}", **keys})
        if acl is not None:
            self.acl(name, acl)
        self.save()
        return name

    def acl(self, name: str, text: str) -> None:
        """Write the implied ACL file of ``name``."""
        path = self.registry / f"gerrit/acls/{name}.config"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def save(self) -> None:
        """Write projects.yaml."""
        text = yaml.safe_dump(self.entries, sort_keys=False)
        (self.registry / "gerrit/projects.yaml").write_text(text)

    def group(self, name: str) -> str:
        return f"{self.prefix}-{name}"

    def rights(self, *groups: str, parent: str | None = None, more: str = "") -> str:
        """Return the text of an ACL file that lets ``groups`` submit."""
        text = f"[access]\n\tinheritFrom = {self.prefix}/{parent}\n" if parent else ""
        rules = "".join(f"\tsubmit = group {self.group(name)}\n" for name in groups)
        return text + (f'[access "refs/heads/*"]\n{rules}' if rules else "") + more

    # Converging

    def settings(self) -> dict[str, dict[str, Any]]:
        """Return the settings file's sections."""
        return {
            "registry": {"allow_local_upstreams": True, **self.more},
            "gerrit": {
                "url": self.url,
                "username": self.server.admin_user,
                "password": self.server.admin_password,
                "cache_dir": str(self.root / "cache"),
                "timeout": 60.0,
                "committer_email": "admin@example.com",
            },
            "mirror": {
                "root": str(self.mirror),
                "source_url": f"{self.url}/a",
                "username": self.server.admin_user,
                "password": self.server.admin_password,
                "timeout": 60.0,
            },
            "converge": {
                "state_dir": str(self.root / "state"),
                "attempts": 3,
                "backoff": 0.02,
                "backoff_limit": 0.1,
            },
        }

    def converger(self) -> Converger:
        """Return a converger of fresh providers, as a new process has them."""
        data = self.settings()
        providers = {
            "gerrit": GerritProvider(GerritSettings(**data["gerrit"])),
            "mirror": MirrorProvider(MirrorSettings(**data["mirror"])),
        }
        self._providers.append(providers["gerrit"])
        made = Converger(
            RegistrySettings(**data["registry"]),
            ConvergeSettings(**data["converge"]),
            LocalDispatcher(providers),
            self.registry,
        )
        self._providers.append(made.journal)
        return made

    def converge(self, **options: Any) -> Report:
        return self.converger().converge("test", **options)

    def converge_all(self) -> None:
        """Converge, and fail with the reasons unless everything is done."""
        report = self.converge()
        assert report.exit == 0, report.reason or reasons(report)

    def command(self, *words: str, wait: bool = True) -> Any:
        """Run ``saltern`` in a process of its own: a result, or with ``wait=False`` the Popen."""
        path = self.root / "saltern.yaml"
        path.write_text(yaml.safe_dump(self.settings()))
        command = [sys.executable, "-c", "from saltern.cli import main; main()", "--settings", path]
        command = [*command, *words]
        if words[0] != "status":
            command += ["--registry", self.registry]
        environment = {**os.environ, "PYTHONWARNINGS": "ignore"}
        if not wait:
            return subprocess.Popen(
                command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
            )
        return subprocess.run(
            command, env=environment, capture_output=True, text=True, check=False, timeout=250
        )

    def close(self) -> None:
        for each in self._providers:
            each.close()

    # Judging

    def mark(self) -> int:
        """Return how many requests the server has had."""
        return len(self.server.call_log()) if self.server.is_stand_in else 0

    def writes(self, since: int = 0) -> list[str]:
        """Return what was sent to change something: ``PUT /a/...``, ``push PROJECT``."""
        found = []
        for call in self.server.call_log(since):
            if call["kind"] == "rest" and call["method"] != "GET":
                found.append(f"{call['method']} {call['path']}")
            elif call["kind"] == "git" and "receive" in call["service"] and call.get("refs"):
                found.append(f"push {call['project']} {' '.join(sorted(call['refs']))}")
        return found

    def assert_as_asked(self, names: Iterable[str] | None = None) -> None:
        """Fail unless Gerrit and the mirror are what the registry says, by other means."""
        wanted = Wanted(self.registry)
        assert differences(wanted, self.reader, names) == []
        for name in wanted.entries if names is None else names:
            mine = run_git(
                "--git-dir", str(self.mirror / f"{name}.git"), "show-ref", "--dereference"
            )
            have = {line.split()[1]: line.split()[0] for line in mine.splitlines()}
            refs = self.reader.refs(name)
            keep = ("refs/heads/", "refs/tags/")
            assert have == {ref: sha for ref, sha in refs.items() if ref.startswith(keep)}, name

    def assert_settled(self, names: Iterable[str] | None = None) -> None:
        """Fail unless all is as asked and a further converge is done and writes nothing."""
        self.assert_as_asked(names)
        mark = self.mark()
        report = self.converge(deep=True)
        assert (report.status, report.exit, dict(report.counts)) == ("done", 0, {}), report.steps
        self.assert_nothing_written(mark)
        assert self.server.unsupported() == []

    def assert_nothing_written(self, since: int) -> None:
        """Fail if something was sent to change something; a real server does not tell."""
        if self.server.is_stand_in:
            assert self.writes(since) == []


def reasons(report: Report) -> dict[str, str]:
    """Return the reason of each step that is not done."""
    return {row["key"]: row["reason"] for row in report.steps}


def make_upstream(path: Path, *branches: str, tag: str = "v1") -> str:
    """Make a repository with a commit, the branches and a tag; return its URL."""
    run_git("init", "-q", "-b", branches[0], str(path))
    identity = ("-c", "user.name=u", "-c", "user.email=u@example.com")
    run_git(*identity, "commit", "-q", "--allow-empty", "-m", "First", cwd=path)
    for branch in branches[1:]:
        run_git("branch", branch, cwd=path)
    run_git(*identity, "tag", "-a", "-m", tag, tag, cwd=path)
    return path.as_uri()
