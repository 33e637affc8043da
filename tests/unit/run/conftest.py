"""A registry, the model servers and convergers between them."""

from __future__ import annotations

from pathlib import Path

import pytest
from memory import MemoryServers
from run_scene import ACL, Registry

from saltern.run import Converger
from saltern.settings import ConvergeSettings, RegistrySettings

FAST = {"attempts": 2, "backoff": 0.001, "backoff_limit": 0.002}


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    """Three projects, ``base`` the parent of one, and one group."""
    made = Registry(tmp_path / "registry")
    made.projects("a", "b", "base", a=ACL)
    return made


@pytest.fixture
def servers() -> MemoryServers:
    return MemoryServers()


@pytest.fixture
def make(tmp_path: Path, registry: Registry, servers: MemoryServers):
    """``make(git=False, **registry settings)``: a converger on the model servers."""
    made = []

    def converger(git: bool = False, **settings) -> Converger:
        url = str(registry.root) if git else None
        made.append(
            Converger(
                RegistrySettings(url=url, allow_local_upstreams=True, **settings),
                ConvergeSettings(state_dir=str(tmp_path / "state"), **FAST),
                servers,
                None if git else registry.root,
            )
        )
        return made[-1]

    yield converger
    for converger in made:
        converger.journal.close()
