"""The highstate of the whole site, on real hosts."""

from __future__ import annotations

import pytest
import yaml

from lab.hosts import states
from lab.hosts.places import run
from lab.saltconfig import REPOSITORY
from tests.lab.conftest import Site

pytestmark = [pytest.mark.lab, pytest.mark.timeout(3600)]


@pytest.fixture
def empty(site: Site) -> Site:
    """A site that these tests brought up themselves, from empty hosts."""
    if not site.applied:
        pytest.skip("SALTERN_LAB is set: the first highstate was somebody else's")
    return site


def test_first_highstate_every_state_succeeds(empty: Site) -> None:
    """An empty site comes up: no state fails on any host."""
    assert {host: one.failed for host, one in empty.applied.items() if not one.ok} == {}
    assert set(empty.applied) == set(empty.lab.site.hosts)


def test_announcement_before_the_first_highstate_fails_nowhere(empty: Site) -> None:
    """``test=True`` on empty hosts names the states that the real run then has."""
    assert {host: one.failed for host, one in empty.announced.items() if not one.ok} == {}
    differing = {
        host: sorted(set(announced.changed) ^ set(empty.applied[host].changed))
        for host, announced in empty.announced.items()
    }
    assert {host: ids for host, ids in differing.items() if ids} == {}


def test_second_highstate_changes_nothing(site: Site) -> None:
    """What is as it should be is left alone, on every host."""
    again = states.apply_all(site.lab.site, site.lab.machines, site.lab.progress)
    assert {one.host: one.failed + one.changed for one in again if one.changed or not one.ok} == {}


def test_port_not_in_the_table_is_closed_from_outside(site: Site) -> None:
    """From outside the site a host answers on the ports that are open to any, and no others."""
    table = yaml.safe_load((REPOSITORY / "salt/ports.yaml").read_text())
    for machine in site.lab.machines:
        rows = [row for role in ("base", *machine.host.roles) for row in table[role]]
        open_to_any = {row["port"] for row in rows if row["from"] == "any"}
        listed = machine.call("ss", "-Hltn").stdout.splitlines()
        listening = {int(line.split()[3].rsplit(":", 1)[1]) for line in listed}
        tried = listening | {row["port"] for rows in table.values() for row in rows}
        reached = {port for port in tried if _reached(site, machine.host.address, port)}
        assert reached <= open_to_any, machine.host.id
        assert open_to_any & listening <= reached, machine.host.id


def _reached(site: Site, address: str, port: int) -> bool:
    words = ["ip", "netns", "exec", site.lab.network.router, "timeout", "2", "bash", "-c"]
    done = run(*words, 'exec 3<>"/dev/tcp/$1/$2"', "bash", address, str(port), check=False)
    return done.returncode == 0
