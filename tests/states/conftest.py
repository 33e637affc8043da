"""The hosts of pillar/dev, compiled once for all tests."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator

import pytest

from tests.states.compiler import Host, dev_site, site_with

DEV_HOSTS = sorted(dev_site()["hosts"])


@pytest.fixture(scope="session", autouse=True)
def _quiet() -> Iterator[None]:
    """Keep Salt from logging every expected render error; the errors are in what is returned."""
    logger = logging.getLogger("salt")
    before = logger.level
    logger.setLevel(logging.CRITICAL + 1)
    yield
    logger.setLevel(before)


@pytest.fixture(scope="session")
def dev_host(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Host]:
    """Return the host of an id of pillar/dev, always the same object."""
    known: dict[str, Host] = {}

    def get(name: str) -> Host:
        if name not in known:
            known[name] = Host(name, tmp_path_factory.mktemp("host"))
        return known[name]

    return get


@pytest.fixture(scope="session")
def role_host(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Host]:
    """Return a host that has one role only, in the site of pillar/dev."""
    known: dict[str, Host] = {}

    def get(role: str) -> Host:
        if role not in known:
            name = f"only-{role}.lab.example.org"
            roots = site_with(
                tmp_path_factory.mktemp("site"), {name: [] if role == "base" else [role]}
            )
            known[role] = Host(name, tmp_path_factory.mktemp("host"), roots)
        return known[role]

    return get
