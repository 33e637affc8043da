"""Fixtures of the tests of ``saltern adopt`` and ``saltern plan --gerrit``."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner, Result

from saltern.cli import main
from saltern.dispatch import LocalDispatcher
from saltern.providers.gerrit import GerritProvider
from saltern.providers.gerrit.admin import access_present
from saltern.run import Converger
from saltern.settings import ConvergeSettings, RegistrySettings
from tests.providers.gerrit_fixtures import GRANTS, provider, review, review_server, start

__all__ = ["provider", "review", "review_server"]


@pytest.fixture
def own_server(tmp_path):
    """A server of the test's own, with the rights that Saltern asks for: adoption reads it all."""
    if "GERRIT_URL" in os.environ:
        pytest.skip("needs an empty server")
    server = start(tmp_path / "gerrit")
    with GerritProvider(server.settings(tmp_path / "grants")) as made:
        access_present(made.server.client, "All-Projects", GRANTS)
    yield server
    server.process.stop()


@pytest.fixture
def command(review, tmp_path, monkeypatch):
    """Return ``command(*words, user=..., password=...)``: runs ``saltern`` and its result.

    Without ``user`` it is nobody's command; ``user=True`` is the administrator.
    """
    monkeypatch.chdir(tmp_path)

    def run(*words: str, user: str | bool = False, password: str = "") -> Result:
        login = (review.user, review.password) if user is True else (user, password)
        environment = {"XDG_CACHE_HOME": str(tmp_path / "xdg"), "NETRC": "/nonexistent"}
        if user:
            environment["SALTERN_GERRIT_USERNAME"] = str(login[0])
            environment["SALTERN_GERRIT_PASSWORD"] = login[1]
        return CliRunner(env=environment).invoke(main, list(words), catch_exceptions=False)

    return run


@pytest.fixture
def converge(provider, tmp_path):
    """Return ``converge(directory)``: makes a registry true and expects success."""

    def run(directory: Path) -> None:
        state = tmp_path / f"state-{os.urandom(4).hex()}"
        converger = Converger(
            RegistrySettings(),
            ConvergeSettings(state_dir=str(state), backoff=0.1),
            LocalDispatcher({"gerrit": provider}),
            directory,
        )
        report = converger.converge("test")
        converger.journal.close()
        assert report.exit == 0, report.steps

    return run


@pytest.fixture
def plain_user(review):
    """Return name and password of an account without any right of its own."""
    name = review.name("reader")
    review.rest("PUT", f"/accounts/{name}", {"http_password": "x-secret"})
    return name, "x-secret"


def registry(root: Path, entries: list[dict], acls: dict[str, str] | None = None) -> Path:
    """Write a registry and return its directory."""
    (root / "gerrit/acls").mkdir(parents=True, exist_ok=True)
    (root / "gerrit/projects.yaml").write_text(yaml.safe_dump(entries, sort_keys=False))
    for name, text in (acls or {}).items():
        path = root / "gerrit/acls" / f"{name}.config"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


def steps(result: Result) -> dict[str, str]:
    """Return ``{key: why}`` of a plan in JSON."""
    return {row["key"]: row["why"] for row in json.loads(result.stdout)["steps"]}


def unknown(result: Result) -> dict[str, str]:
    """Return ``{key: code}`` of what a plan in JSON could not tell."""
    return {row["key"]: row["code"] for row in json.loads(result.stdout)["unknown"]}
