"""Every host rebooted at once: the site comes back by itself."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from lab.hosts.machine import Machine
from tests.lab import test_ci
from tests.lab.clients import until
from tests.lab.conftest import Site

pytestmark = [pytest.mark.lab, pytest.mark.timeout(3600)]

CURL = ("curl", "--silent", "--show-error", "--output", "/dev/null", "--max-time", "20")


@pytest.fixture(scope="module")
def rebooted(site: Site) -> Site:
    """The site after all hosts lost power together."""
    with ThreadPoolExecutor(len(site.lab.machines)) as pool:
        list(pool.map(Machine.stop, site.lab.machines))
        list(pool.map(Machine.start, site.lab.machines))
    return site


def test_no_unit_fails_in_any_host(rebooted: Site) -> None:
    """systemd has settled, and nothing it started has failed."""
    failed = {machine.host.id: machine.failed_units() for machine in rebooted.lab.machines}
    assert {host: units for host, units in failed.items() if units} == {}


def test_every_minion_answers_its_master(rebooted: Site) -> None:
    """The master's ping reaches the minions of all hosts."""
    (master,) = rebooted.with_role("salt-master")
    ping = ("salt", "--static", "--out=txt", "--log-level=quiet", "*", "test.ping")

    def answering() -> bool:
        told = master.call(*ping, check=False).stdout
        return all(f"{host}: True" in told for host in rebooted.lab.site.hosts)

    until(answering, "all minions answer")


def test_every_web_service_answers_over_tls(rebooted: Site) -> None:
    """curl on the test node trusts the certificate of each service's name and gets an answer."""
    (node,) = rebooted.with_role("test-node")
    for name in rebooted.lab.site.services.values():
        done = node.call(*CURL, f"https://{name}/", check=False)
        assert done.returncode == 0, f"{name}: {done.stderr}"


def test_gerrit_shows_its_host_key_over_ssh(rebooted: Site) -> None:
    """ssh on the test node knows Gerrit's host key, and is asked for a key of its own."""
    (node,) = rebooted.with_role("test-node")
    strict = ("-o", "StrictHostKeyChecking=yes", "-o", "BatchMode=yes", "-p", "29418")
    server = f"nobody@{rebooted.lab.site.services['gerrit']}"

    def asked() -> bool:
        told = node.call("ssh", *strict, server, "gerrit", "version", check=False).stderr
        assert "verification failed" not in told, told
        return "Permission denied" in told

    until(asked, "Gerrit's ssh answers")


def test_ci_services_answer(rebooted: Site) -> None:
    """ZooKeeper, PostgreSQL and Zuul, as before."""
    test_ci.serves(rebooted)
