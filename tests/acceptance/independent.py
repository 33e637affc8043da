"""A reader of Gerrit and of a registry that shares no code with Saltern: requests, git, PyYAML.

ACL files and project.config are read by ``git config``, refs by ``git ls-remote``, the rest by
plain REST calls. It judges by what the words of the registry mean, not by how Saltern writes.
"""

from __future__ import annotations

import base64
import json
import os
import re
import subprocess
from collections import Counter
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import quote

import requests
import yaml

ROOT = "All-Projects"
SYSTEM = {
    "Anonymous Users": "global:Anonymous-Users",
    "Change Owner": "global:Change-Owner",
    "Project Owners": "global:Project-Owners",
    "Registered Users": "global:Registered-Users",
}
_RULE = re.compile(
    r"(?:(?:allow|block|deny|batch|interactive|ask)\s+)?(?:\+force\s+)?"
    r"(?:[+-]?\d+\s*\.\.\s*[+-]?\d+\s+)?group\s+(?P<group>.+)",
    re.IGNORECASE,
)

Pairs = Counter[tuple[str, str]]
"""``key, value`` of a config file as ``git config -l`` prints them, with how often each stands."""


def run_git(*words: str, cwd: Path | None = None, secret: str = "", check: bool = True) -> str:
    """Run git and return its output; ``secret`` is the value of an http.extraHeader."""
    config = {"GIT_CONFIG_COUNT": "0"}
    if secret:
        config = {
            "GIT_CONFIG_COUNT": "1",
            "GIT_CONFIG_KEY_0": "http.extraHeader",
            "GIT_CONFIG_VALUE_0": secret,
        }
    done = subprocess.run(
        ["git", *words],
        cwd=cwd,
        env={**os.environ, "GIT_TERMINAL_PROMPT": "0", "GIT_CONFIG_NOSYSTEM": "1", **config},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0 or not check, f"git {' '.join(words)}: {done.stderr}"
    return done.stdout


def config_pairs(path: Path) -> Pairs:
    """Return the pairs of a git config file; keys as git folds them, values unchanged."""
    rows = run_git("config", "--file", str(path), "--no-includes", "-l", "-z").split("\0")
    return Counter((row.partition("\n")[0], row.partition("\n")[2]) for row in rows if row)


def groups_named(pairs: Iterable[tuple[str, str]]) -> set[str]:
    """Return the groups that the access rules and capabilities of a config name."""
    found = set()
    for key, value in pairs:
        if key.startswith(("access.", "capability.", "accounts.")) and key != "access.inheritfrom":
            match = _RULE.fullmatch(value)
            found |= {match["group"].strip()} if match else set()
    return found


@cache
def _read_once(path: Path, _changed: int) -> Pairs:
    return config_pairs(path)


def _pairs_of(path: Path) -> Pairs:
    return _read_once(path, path.stat().st_mtime_ns)


class Wanted:
    """What a registry in a directory asks for, read with PyYAML and git alone."""

    def __init__(self, root: Path, acl_prefix: str = "/home/gerrit2/acls"):
        self._root, self._prefix = root, acl_prefix
        entries = yaml.safe_load((root / "gerrit/projects.yaml").read_text())
        self.entries: dict[str, dict[str, Any]] = {
            entry["project"]: entry
            for entry in reversed(entries)  # of two with one name the first counts
            if "no-gerrit" not in (entry.get("options") or [])
        }

    def acl_path(self, name: str) -> Path | None:
        """Return the ACL file of a project, ``None`` when it has none."""
        named = self.entries[name].get("acl-config")
        if named == "/dev/null":
            return None
        path = Path(named.replace(self._prefix, "gerrit/acls") if named else "")
        path = self._root / (path if named else f"gerrit/acls/{name}.config")
        return path if path.is_file() else None

    def acl(self, name: str) -> Pairs | None:
        """Return the pairs of a project's ACL file, ``None`` when it has none."""
        path = self.acl_path(name)
        return _pairs_of(path) if path else None

    def groups(self, names: Iterable[str]) -> set[str]:
        """Return every group that the ACLs of ``names`` name, system groups left out."""
        pairs = (pair for name in names for pair in self.acl(name) or ())
        return groups_named(pairs) - SYSTEM.keys()

    def parent(self, name: str) -> str:
        """Return the parent that the ACL names, else the root."""
        acl = self.acl(name) or {}
        return next((value for key, value in acl if key == "access.inheritfrom"), ROOT)

    def state(self, name: str) -> str:
        acl = self.acl(name) or {}
        value = next((value for key, value in acl if key == "project.state"), "active")
        return value.upper().replace(" ", "_").replace("-", "_")

    def description(self, name: str) -> str:
        return str(self.entries[name].get("description") or "").strip()

    def branch(self, name: str) -> str:
        return self.entries[name].get("default-branch") or "master"


class Reader:
    """Gerrit as a stranger sees it: ``server`` has http_url, admin_user and admin_password."""

    def __init__(self, server: Any, scratch: Path):
        self._url = server.http_url
        self._session = requests.Session()
        self._session.auth = (server.admin_user, server.admin_password)
        login = f"{server.admin_user}:{server.admin_password}".encode()
        self._secret = "Authorization: Basic " + base64.b64encode(login).decode()
        self._scratch = scratch
        if not scratch.exists():
            run_git("init", "-q", "--bare", str(scratch))

    def get(self, path: str) -> Any:
        """Return the JSON answer to a GET; fails unless it is 200."""
        answer = self._session.get(f"{self._url}/a{path}", timeout=60)
        assert answer.status_code == 200, f"{path}: {answer.status_code} {answer.text}"
        return json.loads(answer.text.removeprefix(")]}'"))

    def send(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> int:
        """Send a request of a person's and return its status."""
        return self._session.request(
            method, f"{self._url}/a{path}", json=body or {}, timeout=60
        ).status_code

    def projects(self) -> dict[str, dict[str, Any]]:
        return self.get("/projects/?all&d&t")

    def groups(self) -> dict[str, str]:
        """Return ``{name: uuid}``."""
        return {name: row["id"].replace("%3A", ":") for name, row in self.get("/groups/").items()}

    def members(self, group: str) -> list[str]:
        return [row["username"] for row in self.get(f"/groups/{quote(group, safe='')}/members/")]

    def refs(self, name: str) -> dict[str, str]:
        """Return ``{ref: commit}`` with HEAD's branch under ``"HEAD"``."""
        out = run_git("ls-remote", "--symref", self._git_url(name), secret=self._secret)
        rows = [line.split("\t") for line in out.splitlines()]
        refs = {ref: sha for sha, ref in rows if ref != "HEAD"}
        symbolic = [sha for sha, ref in rows if ref == "HEAD" and sha.startswith("ref: ")]
        return {**refs, **({"HEAD": symbolic[0].removeprefix("ref: ")} if symbolic else {})}

    def _git_url(self, name: str) -> str:
        return f"{self._url}/a/{quote(name)}"

    def file(self, name: str, ref: str, path: str) -> str | None:
        """Return the text of ``path`` at the tip of ``ref``, ``None`` when there is none."""
        git = ("--git-dir", str(self._scratch))
        run_git(*git, "fetch", "-q", "--depth=1", self._git_url(name), ref, secret=self._secret)
        listed = run_git(*git, "ls-tree", "--name-only", "FETCH_HEAD", "--", path)
        return run_git(*git, "show", f"FETCH_HEAD:{path}") if listed.strip() else None

    def config(self, name: str) -> tuple[Pairs, dict[str, str]]:
        """Return project.config's pairs and the groups file as ``{group: uuid}``."""
        text = self.file(name, "refs/meta/config", "project.config")
        path = self._scratch / "project.config"
        path.write_text(text or "")
        git = ("--git-dir", str(self._scratch))
        listed = run_git(*git, "ls-tree", "--name-only", "FETCH_HEAD", "--", "groups").strip()
        groups = run_git(*git, "show", "FETCH_HEAD:groups") if listed else ""
        rows = [line.split("\t") for line in groups.splitlines() if line[:1] not in ("#", "")]
        return config_pairs(path), {row[1].strip(): row[0].strip() for row in rows}

    def push_file(self, name: str, ref: str, path: str, text: str) -> None:
        """Commit one file on top of ``ref`` as a person would, and push it."""
        work = self._scratch.parent / f"work-{quote(name, safe='')}"
        run_git("init", "-q", str(work))
        run_git("fetch", "-q", self._git_url(name), ref, cwd=work, secret=self._secret)
        run_git("checkout", "-q", "-f", "FETCH_HEAD", cwd=work)
        (work / path).write_text(text)
        run_git("add", path, cwd=work)
        identity = ("-c", "user.name=person", "-c", "user.email=admin@example.com")
        run_git(*identity, "commit", "-q", "-m", "By hand", cwd=work)
        run_git("push", "-q", self._git_url(name), f"HEAD:{ref}", cwd=work, secret=self._secret)


def expected_config(wanted: Wanted, name: str) -> Pairs:
    """Return the pairs that project.config must have: the ACL's, and the description."""
    acl = wanted.acl(name)
    assert acl is not None
    pairs = Counter({pair: n for pair, n in acl.items() if pair[0] != "project.description"})
    if wanted.description(name):
        pairs["project.description", wanted.description(name)] = 1
    return pairs


def differences(wanted: Wanted, reader: Reader, names: Iterable[str] | None = None) -> list[str]:
    """Return what on Gerrit is not as the registry says, a line each; empty when all is."""
    names = list(wanted.entries if names is None else names)
    groups, projects = reader.groups(), reader.projects()
    found = [f"group {g}: missing" for g in sorted(wanted.groups(names) - groups.keys())]
    for name in names:
        if name not in projects:
            found.append(f"{name}: missing")
            continue
        found += _project_differences(wanted, reader, name, projects[name])
        if wanted.acl(name) is not None:
            found += _access_differences(wanted, reader, name, groups)
    return found


def _project_differences(
    wanted: Wanted, reader: Reader, name: str, row: Mapping[str, Any]
) -> list[str]:
    found = []
    if row.get("parent") != wanted.parent(name):
        found.append(f"{name}: parent {row.get('parent')}, not {wanted.parent(name)}")
    if row["state"] != wanted.state(name):
        found.append(f"{name}: state {row['state']}, not {wanted.state(name)}")
    if row.get("description", "") != wanted.description(name):
        found.append(f"{name}: description {row.get('description')!r}")
    if row["state"] == "HIDDEN":
        return found
    refs, branch = reader.refs(name), f"refs/heads/{wanted.branch(name)}"
    if branch not in refs:
        found.append(f"{name}: no {branch}")
    if refs.get("HEAD") != branch:
        found.append(f"{name}: HEAD is {refs.get('HEAD')}, not {branch}")
    if branch in refs and not wanted.entries[name].get("upstream"):
        review = reader.file(name, branch, ".gitreview")
        if f"project={name}.git" not in (review or ""):
            found.append(f"{name}: .gitreview is {review!r}")
    return found


def _access_differences(
    wanted: Wanted, reader: Reader, name: str, groups: Mapping[str, str]
) -> list[str]:
    pairs, file = reader.config(name)
    asked = expected_config(wanted, name)
    found = [f"{name}: ACL lacks {pair}" for pair in (asked - pairs)]
    found += [f"{name}: ACL has {pair}" for pair in (pairs - asked)]
    known = {**groups, **SYSTEM}
    for group in groups_named(asked):
        if file.get(group) != known.get(group):
            found.append(f"{name}: groups file says {file.get(group)} for {group}")
    return found
