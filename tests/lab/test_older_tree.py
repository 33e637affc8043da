"""An empty site that its own master brings up at an older commit, and then to the present tree."""

from __future__ import annotations

import json
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
    """All hosts as minions with an older tree; only the master has had a highstate."""
    git = ("git", "-C", str(REPOSITORY), "rev-parse", "--verify", "--quiet", f"{OLDER}^{{commit}}")
    revision = run(*git, check=False).stdout.strip()
    if not revision:
        pytest.skip(f"the checkout has no {OLDER}: a shallow clone?")
    lab = Lab("rollout", revision=revision)
    try:
        lab.up()
        applied = states.highstate(lab.machine(lab.site.master))
        assert applied.ok, applied.failed
        yield Site(lab)
    finally:
        if not os.environ.get("SALTERN_LAB_KEEP"):
            lab.down()


def roll(site: Site, function: str) -> dict[str, dict]:
    """Run a function of the runner ``rollout`` on the master, as an admin does."""
    words = ("salt-run", "--out=json", "--log-level=error", f"rollout.{function}")
    done = site.lab.machine(site.lab.site.master).call(*words, check=False)
    assert done.returncode == 0, (done.stdout + done.stderr)[-8000:]
    return json.loads(done.stdout[done.stdout.rindex("\n{\n") if "\n{\n" in done.stdout else 0 :])


def test_master_brings_an_empty_site_up(older: Site) -> None:
    """Every host is done, each after those that it needs, and the services answer."""
    outcomes = roll(older, "bootstrap")
    assert {host: row["status"] for host, row in outcomes.items()} == dict.fromkeys(
        older.lab.site.hosts, "done"
    )
    test_ci.serves(older)


def test_master_brings_a_site_of_an_older_tree_to_the_present_one(older: Site) -> None:
    """One host after the other; then nothing is left to change, and the services answer."""
    older.lab.revision = None
    for machine in older.lab.machines:
        older.lab.place_tree(machine)
    outcomes = roll(older, "upgrade")
    assert {host: row["status"] for host, row in outcomes.items()} == dict.fromkeys(
        older.lab.site.hosts, "done"
    )
    again = states.apply_all(older.lab.site, older.lab.machines, older.lab.progress)
    assert {one.host: one.failed + one.changed for one in again if one.changed or not one.ok} == {}
    test_ci.serves(older)
