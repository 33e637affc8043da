"""A registry written into a temporary directory, and loaded from it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from saltern.registry import DirectorySource, Registry, load
from saltern.registry.known import Known
from saltern.registry.rules import all_rules
from saltern.settings import CheckSettings, RegistrySettings


def write_registry(root: Path, projects: str | bytes, acls: dict[str, str] | None = None) -> Path:
    """Write a projects file and ACL files (by path below the ACL directory) below ``root``."""
    (root / "gerrit" / "acls").mkdir(parents=True, exist_ok=True)
    data = projects.encode() if isinstance(projects, str) else projects
    (root / "gerrit" / "projects.yaml").write_bytes(data)
    for name, text in (acls or {}).items():
        # A name with ../ is a file beside the ACL directory: ../groups.yaml.
        path = Path(os.path.normpath(root / "gerrit" / "acls" / name))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode())
    return root


@pytest.fixture
def written():
    """Return :func:`write_registry`."""
    return write_registry


CUSTOMS = tuple(rule.code for rule in all_rules() if rule.code >= "SLT080")


@pytest.fixture
def registry_of(tmp_path):
    """Return a function that loads what it is given: projects file, ACLs, settings.

    Without ``check``, rules about customs of a community are left out.
    """

    def make(
        projects: str | bytes,
        acls: dict[str, str] | None = None,
        *,
        check: CheckSettings | None = None,
        server: Known | None = None,
        **settings,
    ) -> Registry:
        root = write_registry(tmp_path, projects, acls)
        check = check or CheckSettings(ignore=CUSTOMS)
        return load(DirectorySource(root), RegistrySettings(**settings), check, server)

    return make
