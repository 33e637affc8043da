"""A site that came up at an older commit, brought to the present tree by its master."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from lab.hosts import states
from lab.hosts.lab import Lab
from lab.hosts.places import run
from lab.saltconfig import REPOSITORY
from tests.lab import test_ci
from tests.lab.conftest import Site

pytestmark = [pytest.mark.lab, pytest.mark.slow, pytest.mark.timeout(7200)]

OLDER = os.environ.get("SALTERN_OLDER", "HEAD~20")
"""Where the site comes from."""


@pytest.fixture(scope="module")
def older(root: None) -> Iterator[Site]:
    """All hosts with their highstate of an older tree."""
    git = ("git", "-C", str(REPOSITORY), "rev-parse", "--verify", "--quiet", f"{OLDER}^{{commit}}")
    revision = run(*git, check=False).stdout.strip()
    if not revision:
        pytest.skip(f"the checkout has no {OLDER}: a shallow clone?")
    lab = Lab("rollout", revision=revision)
    try:
        applied = states.apply_all(lab.site, lab.up(), lab.progress)
        assert {one.host: one.failed for one in applied if not one.ok} == {}
        yield Site(lab)
    finally:
        if not os.environ.get("SALTERN_LAB_KEEP"):
            lab.down()


def test_master_brings_a_site_of_an_older_tree_to_the_present_one(older: Site) -> None:
    """One host after the other; then nothing is left to change, and the services answer."""
    older.lab.revision = None
    for machine in older.lab.machines:
        older.lab.place_tree(machine)
    master = older.lab.machine(older.lab.site.master)
    words = ("salt-run", "--log-level=error", "rollout.upgrade")
    done = master.call(*words, check=False)
    assert done.returncode == 0, (done.stdout + done.stderr)[-8000:]
    again = states.apply_all(older.lab.site, older.lab.machines, older.lab.progress)
    assert {one.host: one.failed + one.changed for one in again if one.changed or not one.ok} == {}
    test_ci.serves(older)
