"""States of the registry as a picture compares them: read with what Gerrit has."""

from __future__ import annotations

import subprocess

import pytest
from memory import MemoryServers

from saltern.errors import Retry
from saltern.look import Looker
from saltern.review.reader import Reader
from saltern.settings import RegistrySettings

ACL = '[access]\n\tinheritFrom = {}\n[access "refs/heads/*"]\n\tpush = group {}\n'


class Names(MemoryServers):
    """Servers that are asked only what they have."""

    asked = 0

    def observe(self, provider, request):
        """Answer as the provider does."""
        self.asked += 1
        if provider in self.away:
            raise self.away[provider]
        assert request == {"names": True}
        return {"names": {"projects": ["org/old"], "groups": ["greande-core"], "complete": True}}


@pytest.fixture
def commit(tmp_path):
    """Return a function that commits ACLs by project to the clone and returns the commit."""
    clone, tree = tmp_path / "registry.git", tmp_path / "tree"

    def run(*arguments):
        who = ("-c", "user.name=u", "-c", "user.email=u@example.com")
        paths = ("--git-dir", str(clone), "--work-tree", str(tree))
        command = ["git", *who, *paths, *arguments]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()

    def make(acls):
        (tree / "gerrit/acls").mkdir(parents=True, exist_ok=True)
        entries = "".join(f"- project: {name}\n  description: It\n" for name in acls)
        (tree / "gerrit/projects.yaml").write_text(entries)
        for name, text in acls.items():
            path = tree / f"gerrit/acls/{name}.config"
            path.parent.mkdir(exist_ok=True)
            path.write_text(text)
        run("add", "--all")
        run("commit", "-q", "-m", "x")
        return run("rev-parse", "HEAD")

    subprocess.run(["git", "init", "-q", "--bare", str(clone)], check=True)
    run("config", "core.bare", "false")
    return make


def codes(state):
    """Return the codes about parents and groups."""
    return sorted({f.code for f in state.registry.findings} & {"SLT053", "SLT054", "SLT062"})


def test_what_gerrit_has_is_not_warned_of_and_what_it_has_not_is_an_error(commit, tmp_path):
    """Gerrit is asked once for all states, and only when a rule is in doubt."""
    servers = Names(("gerrit",))
    reader = Reader(Looker(RegistrySettings(), servers, tmp_path))
    plain = commit({"org/a": ACL.format("All-Projects", "team-a")})
    assert codes(reader.state(plain)) == []
    assert servers.asked == 0
    others = {"org/grenade": ACL.format("org/a", "grenade-core")}
    there = commit({"org/a": ACL.format("org/old", "greande-core"), **others})
    assert codes(reader.state(there)) == []
    nowhere = commit({"org/a": ACL.format("org/new", "greande-core"), **others})
    assert codes(reader.state(nowhere)) == ["SLT054"]
    assert servers.asked == 1


def test_gerrit_that_is_away_leaves_the_warnings(commit, tmp_path):
    """What cannot be looked up is said as the check on a contributor's machine says it."""
    servers = Names(("gerrit",))
    servers.away["gerrit"] = Retry("away")
    reader = Reader(Looker(RegistrySettings(), servers, tmp_path))
    assert codes(reader.state(commit({"org/a": ACL.format("org/old", "a-core")}))) == ["SLT053"]
