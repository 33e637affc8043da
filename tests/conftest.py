"""What several folders of tests share: a server to converge, real or stand-in."""

from __future__ import annotations

import logging
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

RIGHTS = {
    "refs/meta/config": ("read", "create", "push"),
    "refs/heads/*": ("create", "push", "forgeAuthor", "forgeCommitter"),
    "refs/tags/*": ("create", "push", "createTag", "forgeAuthor", "forgeCommitter"),
}
"""What the service account needs on every project; a fresh Gerrit does not grant it."""


def pytest_configure(config: pytest.Config) -> None:
    """Name the markers, and let children be interrupted.

    A shell's background job ignores SIGINT, and so would every program that a test starts.
    """
    signal.signal(signal.SIGINT, signal.default_int_handler)
    config.addinivalue_line("markers", "slow: takes more than a few seconds")


def pytest_unconfigure() -> None:
    """Keep pytest's summary the last line: Salt's handlers flush into a closed stream at exit."""
    logging.raiseExceptions = False


def grant(server: object, group: str = "Administrators") -> None:
    """Grant :data:`RIGHTS` on All-Projects to ``group``, as an administrator does once."""
    rules = {"rules": {group: {"action": "ALLOW"}}}
    add = {ref: {"permissions": dict.fromkeys(names, rules)} for ref, names in RIGHTS.items()}
    answer = requests.post(
        f"{server.http_url}/a/projects/All-Projects/access",
        json={"add": add},
        auth=(server.admin_user, server.admin_password),
        timeout=60,
    )
    answer.raise_for_status()


@pytest.fixture(scope="session")
def gerrit(tmp_path_factory: pytest.TempPathFactory) -> Iterator[object]:
    """A Gerrit with the rights granted: a real one where GERRIT_WAR names it, else the stand-in."""
    root: Path = tmp_path_factory.mktemp("gerrit")
    if os.environ.get("GERRIT_WAR"):
        from lab import realgerrit as lab
    else:
        from lab.gerrit import process as lab
    server = lab.start(root)
    try:
        grant(server)
        yield server
    finally:
        server.stop()
