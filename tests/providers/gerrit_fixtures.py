"""A Gerrit to test the provider on: a fresh one (tests/servers.py), or that of GERRIT_URL.

`GERRIT_ADMIN_USER` and `GERRIT_ADMIN_PASSWORD` go with `GERRIT_URL`; tests that need faults or
the call log are skipped there. What a test proves it reads itself, by plain HTTP and git.
"""

from __future__ import annotations

import base64
import dataclasses
import itertools
import json
import os
import subprocess
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import requests

from lab.demo import grants
from saltern.providers.gerrit import GerritProvider
from saltern.providers.gerrit.admin import access_present
from saltern.registry.acl import digest
from saltern.settings import GerritSettings
from saltern.steps import Outcome, Step
from tests import servers

TO_ADMINISTRATORS: dict[str, Any] = {"Administrators": {}}
GRANTS = {ref: dict.fromkeys(names, TO_ADMINISTRATORS) for ref, names in grants.GRANTS.items()}


@dataclasses.dataclass
class TestGerrit:
    """The server under test and independent ways to look at it."""

    __test__ = False

    url: str
    user: str
    password: str
    is_stand_in: bool
    process: Any = None
    numbers: Iterator[int] = dataclasses.field(default_factory=itertools.count)

    def settings(self, cache_dir: Path, **more: Any) -> GerritSettings:
        """Return settings of the administrator with a cache of the test's own."""
        values = {"username": self.user, "password": self.password, "timeout": 30.0, **more}
        return GerritSettings(url=self.url, cache_dir=str(cache_dir), **values)

    def rest(self, method: str, path: str, body: Any = None) -> Any:
        """Return a call's decoded answer; fails the test on an error status."""
        response = self.raw(method, path, body)
        assert response.ok, f"{method} {path}: {response.status_code} {response.text}"
        text = response.text.removeprefix(")]}'")
        return json.loads(text) if "json" in response.headers.get("Content-Type", "") else text

    def raw(self, method: str, path: str, body: Any = None) -> requests.Response:
        """Return a call's response, whatever its status."""
        auth = (self.user, self.password)
        return requests.request(method, f"{self.url}/a{path}", json=body, auth=auth, timeout=120)

    def file(self, project: str, name: str, ref: str = "refs/meta/config") -> str | None:
        """Return a file's text in a ref, or None."""
        path = f"/projects/{q(project)}/branches/{q(ref)}/files/{q(name)}/content"
        response = self.raw("GET", path)
        return base64.b64decode(response.text).decode() if response.ok else None

    def tip(self, project: str, ref: str = "refs/meta/config") -> str | None:
        """Return a ref's commit, or None."""
        response = self.raw("GET", f"/projects/{q(project)}/branches/{q(ref)}")
        return json.loads(response.text[4:])["revision"] if response.ok else None

    def git(self, *arguments: str, cwd: Path | None = None) -> str:
        """Return git's output; `{URL}` in an argument is the base of project URLs."""
        base = self.url.replace("://", f"://{quote(self.user)}:{quote(self.password)}@") + "/a"
        return git(*(argument.replace("{URL}", base) for argument in arguments), cwd=cwd)

    def fault(self, name: str, **fields: Any) -> None:
        """Make the stand-in misbehave; skips the test on a real server."""
        if not self.is_stand_in:
            pytest.skip("needs the stand-in's faults")
        self._control("POST", "faults", {"fault": name, **fields})

    def calls(self, kind: str | None = None) -> list[dict[str, Any]]:
        """Return the requests that the product made so far."""
        if not self.is_stand_in:
            pytest.skip("needs the stand-in's call log")
        entries = self._control("GET", "calls")
        return [e for e in entries if kind in (None, e["kind"])]

    def clear(self) -> None:
        """End all faults."""
        if self.is_stand_in:
            self._control("DELETE", "faults")

    def _control(self, method: str, what: str, body: Any = None) -> Any:
        auth = (self.user, self.password)
        url = f"{self.url}/standin/{what}"
        response = requests.request(method, url, json=body, auth=auth, timeout=120)
        assert response.ok, response.text
        return json.loads(response.text.removeprefix(")]}'"))

    def name(self, stem: str = "p") -> str:
        """Return a name nothing has yet."""
        return f"{stem}-{next(self.numbers)}-{uuid.uuid4().hex[:6]}"


def q(name: str) -> str:
    """Return `name` as a path segment."""
    return quote(name, safe="")


def git(*arguments: str, cwd: Path | None = None) -> str:
    """Return git's output; the identity is the administrator's, no configuration is read."""
    who = {
        f"GIT_{role}_{what}": "admin@example.com"
        for role in ("AUTHOR", "COMMITTER")
        for what in ("NAME", "EMAIL")
    }
    environment = {
        **os.environ,
        **who,
        "GIT_CONFIG_GLOBAL": "/dev/null",
        "GIT_TERMINAL_PROMPT": "0",
    }
    done = subprocess.run(
        ["git", *arguments], cwd=cwd, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def start(root: Path, **limits: int) -> TestGerrit:
    """Return a fresh server: see tests/servers.py."""
    made = servers.start(root, **limits)
    login = made.admin_user, made.admin_password
    return TestGerrit(made.http_url.rstrip("/"), *login, made.is_stand_in, made)


@pytest.fixture(scope="session")
def review_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestGerrit]:
    """One server for all tests, with the rights granted that Saltern asks for."""
    if url := os.environ.get("GERRIT_URL"):
        user, password = os.environ["GERRIT_ADMIN_USER"], os.environ["GERRIT_ADMIN_PASSWORD"]
        under_test = TestGerrit(url.rstrip("/"), user, password, False)
    else:
        under_test = start(tmp_path_factory.mktemp("gerrit"))
    with GerritProvider(under_test.settings(tmp_path_factory.mktemp("grants"))) as provider:
        access_present(provider.server.client, "All-Projects", GRANTS)
    yield under_test
    if under_test.process is not None:
        under_test.process.stop()


@pytest.fixture
def review(review_server: TestGerrit) -> Iterator[TestGerrit]:
    """The server, without faults before and after."""
    review_server.clear()
    yield review_server
    review_server.clear()


@pytest.fixture
def provider(review: TestGerrit, tmp_path: Path) -> Iterator[GerritProvider]:
    """A provider with an empty cache."""
    with GerritProvider(review.settings(tmp_path / "cache")) as made:
        yield made


def look(provider: GerritProvider, *names: str, branch: str = "master", **more: Any) -> dict:
    """Return what the provider observes of `names`."""
    request = {"projects": list(names), "branches": [f"refs/heads/{branch}"], "groups": True}
    return provider.observe({**request, "deep": None, "changes": None, **more})


def apply_one(provider: GerritProvider, step: Step) -> Outcome:
    """Return the outcome of one step."""
    (outcome,) = provider.apply([step])
    assert outcome.step == step.key
    return outcome


def group_step(name: str, owner: str = "Administrators", uuid: str | None = None) -> Step:
    """Return a step that makes a group."""
    return Step("group", name, "missing", {"owner": owner, "owner_uuid": uuid})


def project_step(
    name: str,
    parent: str = "All-Projects",
    description: str = "",
    branch: str = "master",
    exists: bool = False,
    config: str | None = None,
) -> Step:
    """Return a step that makes a project."""
    return Step(
        "project",
        name,
        "missing",
        {
            "parent": parent,
            "description": description,
            "default_branch": branch,
            "exists": exists,
            "config": config,
        },
    )


def content_step(name: str, default_branch: str = "master", **more: Any) -> Step:
    """Return a step that makes the default branch."""
    payload = {
        "default_branch": default_branch,
        "upstream": None,
        "upstream_prefix": None,
        "read_only": False,
        "head": None,
        "branch": None,
        **more,
    }
    return Step("content", name, "no branch", payload)


def access_step(
    name: str,
    text: str,
    groups: dict[str, str] | None = None,
    state: str = "ACTIVE",
    **more: Any,
) -> Step:
    """Return a step that writes an ACL."""
    payload = {
        "config": text,
        "digest": digest(text),
        "groups": groups or {},
        "state": state,
        "read_only": False,
        "base": None,
        "fresh": False,
        **more,
    }
    return Step("access", name, "ACL differs", payload)


def acl(*lines: str, parent: str = "All-Projects") -> str:
    """Return an ACL that inherits from `parent`."""
    return "\n".join([f"[access]\n\tinheritFrom = {parent}", *lines]) + "\n"
