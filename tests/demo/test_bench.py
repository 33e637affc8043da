"""The yardstick of `make bench` measures what it says."""

from __future__ import annotations

import pytest

from benchmarks.bare import Bare, read_registry
from benchmarks.registry import GROUPS, OWN_ACLS, PROJECTS, SHARED_ACLS, make
from lab.demo import proof, servers
from lab.demo.checkout import EXAMPLE
from lab.demo.grants import grant


@pytest.fixture
def admin(tmp_path, monkeypatch):
    """Return the administrator of a stand-in that grants what both clients need."""
    monkeypatch.delenv("GERRIT_WAR", raising=False)
    gerrit = servers.start_gerrit(tmp_path / "gerrit")
    try:
        person = servers.admin_of(gerrit)
        grant(person)
        yield person
    finally:
        gerrit.stop()


def test_bare_client_makes_everything_the_registry_asks_for(admin, tmp_path):
    """A yardstick that left something out would be too short: git and REST see it all."""
    projects = read_registry(EXAMPLE)
    bare = Bare(admin.url, admin.username, admin.password, admin.email)
    assert bare.make(projects) > 0
    wrong = proof.differences(admin, EXAMPLE, "http://127.0.0.1:1", tmp_path / "scratch")
    assert [each for each in wrong if "127.0.0.1:1/" not in each] == []


def test_made_registry_has_the_size_of_the_real_one(tmp_path):
    """Without the corpus, a registry of its numbers is measured."""
    make(tmp_path)
    projects = read_registry(tmp_path)
    assert len(projects) == PROJECTS
    assert len(list((tmp_path / "gerrit/acls").rglob("*.config"))) == OWN_ACLS + SHARED_ACLS
    groups = set().union(*(project.groups for project in projects)) - {"Registered Users"}
    assert len(groups) == GROUPS
    assert all(project.acl for project in projects)
