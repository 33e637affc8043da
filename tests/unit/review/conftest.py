"""Registries from texts, for what compares two of them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from saltern.registry import Registry, load
from saltern.registry.source import DirectorySource
from saltern.settings import RegistrySettings

Make = Callable[..., Registry]


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """``make({project: ACL text or None})``: the registry that says so."""
    made = 0

    def registry(projects: dict[str, str | None], **settings: object) -> Registry:
        nonlocal made
        made += 1
        root = tmp_path / f"registry{made}"
        (root / "gerrit/acls").mkdir(parents=True)
        lines = "".join(f"- project: {name}\n  description: It\n" for name in projects)
        (root / "gerrit/projects.yaml").write_text(lines or "[]\n")
        for name, acl in projects.items():
            if acl is not None:
                path = root / f"gerrit/acls/{name}.config"
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(acl)
        return load(DirectorySource(root), RegistrySettings(**settings))

    return registry
