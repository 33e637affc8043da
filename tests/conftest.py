"""What several folders of tests share: a server to converge, real or stand-in."""

from __future__ import annotations

import logging
import signal
from collections.abc import Iterator

import hypothesis
import pytest
import requests

from lab.demo.grants import GRANTS
from tests import servers


def pytest_configure(config: pytest.Config) -> None:
    """Name the markers, and let children be interrupted.

    A shell's background job ignores SIGINT, and so would every program that a test starts.
    """
    signal.signal(signal.SIGINT, signal.default_int_handler)
    config.addinivalue_line("markers", "slow: takes more than a few seconds")
    # How long an example takes says how busy the machine is.
    hypothesis.settings.register_profile(
        "busy", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
    )
    hypothesis.settings.load_profile("busy")


def pytest_unconfigure() -> None:
    """Keep pytest's summary the last line: Salt's handlers flush into a closed stream at exit."""
    logging.raiseExceptions = False


def grant(server: object, group: str = "Administrators") -> None:
    """Grant :data:`GRANTS` on All-Projects to ``group``, as an administrator does once."""
    rules = {"rules": {group: {"action": "ALLOW"}}}
    add = {ref: {"permissions": dict.fromkeys(names, rules)} for ref, names in GRANTS.items()}
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
    server = servers.start(tmp_path_factory.mktemp("gerrit"))
    try:
        grant(server)
        yield server
    finally:
        server.stop()
