"""The example registry: right, and showing what a registry may hold."""

from __future__ import annotations

import pytest

from lab.demo.checkout import EXAMPLE
from saltern.registry import load
from saltern.registry.source import DirectorySource
from saltern.settings import RegistrySettings


@pytest.fixture(scope="module")
def registry():
    """Return the loaded example."""
    return load(DirectorySource(EXAMPLE), RegistrySettings())


def test_example_has_no_findings(registry):
    """What users copy from is right."""
    assert [str(finding) for finding in registry.findings] == []


def test_example_shows_what_it_is_for(registry):
    """Children before parents, shared ACLs, groups with spaces, an import, a retired project."""
    projects = registry.projects
    place = {name: number for number, name in enumerate(projects)}
    acls = [project.acl_file for project in projects.values() if project.acl_file]
    assert any(place[p.name] < place.get(p.parent, -1) for p in projects.values())
    assert len(set(acls)) < len(acls)
    assert any(" " in group for group in registry.groups)
    assert [p.name for p in projects.values() if p.upstream] == ["docs/handbook"]
    assert [p.name for p in projects.values() if p.state == "READ_ONLY"] == ["infra/legacy-scripts"]
    assert {p.default_branch for p in projects.values()} == {"master", "main"}
