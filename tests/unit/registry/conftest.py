"""A registry written into a temporary directory, and loaded from it."""

from __future__ import annotations

from pathlib import Path

import pytest

from saltern.registry import DirectorySource, Registry, load
from saltern.settings import RegistrySettings


def write_registry(root: Path, projects: str | bytes, acls: dict[str, str] | None = None) -> Path:
    """Write a projects file and ACL files (by path below the ACL directory) below ``root``."""
    (root / "gerrit" / "acls").mkdir(parents=True, exist_ok=True)
    data = projects.encode() if isinstance(projects, str) else projects
    (root / "gerrit" / "projects.yaml").write_bytes(data)
    for name, text in (acls or {}).items():
        path = root / "gerrit" / "acls" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode())
    return root


@pytest.fixture
def written():
    """Return :func:`write_registry`."""
    return write_registry


@pytest.fixture
def registry_of(tmp_path):
    """Return a function that loads what it is given: projects file, ACLs, settings."""

    def make(projects: str | bytes, acls: dict[str, str] | None = None, **settings) -> Registry:
        root = write_registry(tmp_path, projects, acls)
        return load(DirectorySource(root), RegistrySettings(**settings))

    return make
