"""Hosts with a Gerrit: one made and bootstrapped for all tests, and a copy of it for each."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from saltern.hosts.gerrit import administrator_present, wait_until_up
from saltern.providers.gerrit.client import Client
from tests.unit.hosts.gerrit_host import GerritHost


@pytest.fixture(scope="session")
def bootstrapped(tmp_path_factory: pytest.TempPathFactory) -> GerritHost:
    """A stopped host with release 1.0, the service account and the project app/one."""
    host = GerritHost(tmp_path_factory.mktemp("bootstrapped"))
    host.install("1.0")
    host.service.start()
    try:
        wait_until_up(host.server, 180, host.service.alive, host.service.log)
        administrator_present(host.server)
        client = Client(host.server)
        client.put("/projects/one", {"create_empty_commit": True})
        client.close()
    finally:
        host.service.stop()
    return host


@pytest.fixture
def host(bootstrapped: GerritHost, tmp_path: Path) -> Iterator[GerritHost]:
    """A running host of its own like ``bootstrapped``."""
    host = GerritHost(tmp_path)
    host.copy_of(bootstrapped)
    host.service.start()
    try:
        wait_until_up(host.server, 180, host.service.alive, host.service.log)
        yield host
    finally:
        host.service.stop()


@pytest.fixture
def empty_host(tmp_path: Path) -> Iterator[GerritHost]:
    """A host whose site has a configuration and nothing else."""
    host = GerritHost(tmp_path)
    yield host
    host.service.stop()
