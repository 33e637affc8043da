"""The hosts of pillar/dev, compiled once for all tests."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.states import memo
from tests.states.compiler import Host, dev_site, site_with

DEV_HOSTS = sorted(dev_site()["hosts"])


@pytest.fixture(scope="module", autouse=True)
def _quiet() -> Iterator[None]:
    """Keep Salt from logging every expected render error; the errors are in what is returned."""
    logger = logging.getLogger("salt")
    before = logger.level
    logger.setLevel(logging.CRITICAL + 1)
    yield
    logger.setLevel(before)


@pytest.fixture(scope="module", autouse=True)
def _kept() -> Iterator[None]:
    """Let Salt parse and list once in this folder's tests, and as always in others."""
    with memo.kept():
        yield


@pytest.fixture(scope="session")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of Salt's caches, one for all hosts: they are served the same files."""
    return tmp_path_factory.mktemp("work")


@pytest.fixture(scope="session")
def dev_host(work: Path) -> Callable[[str], Host]:
    """Return the host of an id of pillar/dev, always the same object."""
    known: dict[str, Host] = {}

    def get(name: str) -> Host:
        if name not in known:
            known[name] = Host(name, work)
        return known[name]

    return get


@pytest.fixture(scope="session")
def role_host(tmp_path_factory: pytest.TempPathFactory, work: Path) -> Callable[[str], Host]:
    """Return a host that has one role only, in the site of pillar/dev."""
    known: dict[str, Host] = {}

    def get(role: str) -> Host:
        if role not in known:
            name = f"only-{role}.lab.example.org"
            roots = site_with(
                tmp_path_factory.mktemp("site"), {name: [] if role == "base" else [role]}
            )
            known[role] = Host(name, work, roots)
        return known[role]

    return get
