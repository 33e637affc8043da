"""The master, the library that it hands out and the site's certificates, on real hosts."""

from __future__ import annotations

import json
import subprocess

import pytest

from lab.hosts import states
from lab.hosts.machine import Machine
from tests.lab.clients import until
from tests.lab.conftest import Site

pytestmark = [pytest.mark.lab, pytest.mark.timeout(3600)]

SALT_RUN = ("salt-run", "--out=json", "--log-level=quiet")
TLS_CHANGE = "tls,nginx"
"""What a change of certificates needs of a highstate."""


def run(machine: Machine, *words: str) -> subprocess.CompletedProcess[str]:
    """Run a command on a host; its status is the caller's affair."""
    return machine.call(*words, check=False)


@pytest.fixture
def master(site: Site) -> Machine:
    """The Salt master's host."""
    (machine,) = site.with_role("salt-master")
    return machine


@pytest.fixture
def other(site: Site) -> Machine:
    """A host with nothing but a node's role."""
    return site.with_role("test-node")[0]


def wait_for_master(master: Machine, *minions: Machine) -> None:
    """Return when the master has no restart before it and ``minions`` answer."""
    until(lambda: _settled(master, "salt-master"), "the master's restart is over")
    for minion in minions:
        told = f"the restart of {minion.host.id}'s minion is over"
        until(lambda m=minion: _settled(m, "salt-minion"), told)
        ping = ("salt", "--out=txt", "--log-level=quiet", minion.host.id, "test.ping")
        until(lambda p=ping: "True" in run(master, *p).stdout, f"{minion.host.id} answers")


def _settled(machine: Machine, daemon: str) -> bool:
    state = run(machine, "systemctl", "is-active", f"saltern-restart@{daemon}.service").stdout
    return state.strip() == "inactive"


def test_master_runs_without_root(master: Machine) -> None:
    """Every process of the master is the account salt's, which owns no file of the checkout."""
    shown = run(master, "systemctl", "show", "--property=MainPID", "--value", "salt-master").stdout
    tree = run(master, "ps", "-o", "user=", "--ppid", shown.strip(), "-p", shown.strip()).stdout
    assert set(tree.split()) == {"salt"}
    owned = run(master, "find", "/srv/saltern", "-user", "salt", "-print", "-quit").stdout
    assert owned == ""


def test_pillar_is_not_on_the_file_server(master: Machine, other: Machine) -> None:
    """No minion fetches a pillar file, a key of the authority, or the master's own."""
    for path in ("pillar/dev/site.yaml", "secrets/salt_master.sls", "pki/ca.key", "../pki/ca.key"):
        words = (
            "salt-call",
            "--out=json",
            "--log-level=quiet",
            "cp.get_file_str",
            f"salt://{path}",
        )
        answer = json.loads(run(other, *words).stdout)["local"]
        assert not answer, path
    refused = run(master, "setpriv", "--reuid=nobody", "cat", "/var/lib/saltern/pki/ca.key")
    assert refused.returncode != 0


def test_status_page_is_served_over_tls_that_another_host_trusts(
    site: Site, other: Machine
) -> None:
    """curl with the system's store accepts the certificate for the service's name."""
    name = site.lab.site.services["salt"]
    done = run(other, "curl", "-sS", "-o", "/dev/null", "-w", "%{http_code}", f"https://{name}/")
    assert done.returncode == 0, done.stderr
    assert done.stdout in ("200", "403"), "403 while no round has written the page"


def test_ssh_host_keys_are_known_by_certificate_alone(site: Site, other: Machine) -> None:
    """ssh gets as far as the login, for every host by id and alias; a wrong name is refused."""
    for host in site.lab.site.hosts.values():
        for name in (host.id, *host.aliases):
            told = _ssh(other, name)
            assert "Permission denied (publickey)" in told, f"{name}: {told}"
    told = _ssh(other, site.lab.site.master.id, "-o", "HostKeyAlias=git01.lab.example.org")
    assert "Host key verification failed" in told


def _ssh(machine: Machine, name: str, *options: str) -> str:
    strict = ["-o", "StrictHostKeyChecking=yes", "-o", "BatchMode=yes"]
    certified = ["-o", "HostKeyAlgorithms=ssh-ed25519-cert-v01@openssh.com"]
    return run(machine, "ssh", *strict, *certified, *options, f"nobody@{name}", "true").stderr


@pytest.mark.slow
def test_changed_library_reaches_every_host_by_highstate(master: Machine, other: Machine) -> None:
    """The master makes a new wheel, the other host installs it, and states of the same run that
    need what is new in it work; both minions come back, and the next run changes nothing."""
    tree = master.root / "srv/saltern"
    library, state = tree / "src/saltern/__init__.py", tree / "_states/pki.py"
    before = {path: path.read_text() for path in (library, state)}
    library.write_text(before[library] + "\nLAB_MARK = 1\n")
    needed = "    from saltern.errors import SalternError\n"
    assert needed in before[state]
    state.write_text(before[state].replace(needed, f"    from saltern import LAB_MARK\n{needed}"))
    try:
        for machine in (master, other):
            apply_new_library(master, machine)
        python = ("/opt/saltern/bin/python", "-c", "import saltern; print(saltern.LAB_MARK)")
        assert run(other, *python).stdout.strip() == "1"
        for machine in (master, other):
            assert states.highstate(machine).changed == []
    finally:
        for path, text in before.items():
            path.write_text(text)
        for machine in (master, other):
            run(machine, "salt-call", "--log-level=quiet", "saltutil.sync_states")
            apply_new_library(master, machine, "salt_minion")


def apply_new_library(master: Machine, machine: Machine, sls: str | None = None) -> None:
    """Apply the highstate, or ``sls``; it must install the library, and the daemons come back."""
    applied = states.highstate(machine, sls=sls)
    assert applied.ok, applied.failed
    assert any("library-installed" in line for line in applied.changed)
    wait_for_master(master, machine)


def test_highstate_that_restarts_its_own_master_returns(master: Machine) -> None:
    """A changed setting of the master, applied through the master: the job's result comes back
    whole, and then the master has the setting."""
    private = master.root / "srv/saltern-private/secrets/salt_master.sls"
    before = private.read_text()
    began = _started(master)
    private.write_text(before + "  log_level: info\n")
    try:
        words = ("salt", "--out=json", "--log-level=quiet", "--timeout=600", master.host.id)
        done = run(master, *words, "state.apply", "salt_master")
        answer = json.loads(done.stdout[done.stdout.index("{") :])[master.host.id]
        assert [row["comment"] for row in answer.values() if row["result"] is False] == []
        assert any("saltern.conf" in row["name"] and row["changes"] for row in answer.values())
        until(lambda: _started(master) != began, "the master started again")
        wait_for_master(master, master)
    finally:
        private.write_text(before)
        assert states.highstate(master, sls="salt_master").ok
        wait_for_master(master, master)


def _started(master: Machine) -> str:
    name = "--property=ExecMainStartTimestampMonotonic"
    return run(master, "systemctl", "show", name, "salt-master").stdout


@pytest.mark.slow
def test_new_authority_is_trusted_all_the_way(site: Site, master: Machine, other: Machine) -> None:
    """While the authority's keys change step by step, the page is served over TLS that the other
    host trusts after every step; at the end by the new authority only."""
    page = f"https://{site.lab.site.services['salt']}/"
    hosts = site.lab.machines

    def spread() -> None:
        for machine in hosts:
            sls = TLS_CHANGE if machine == master else "tls"
            applied = states.highstate(machine, sls=sls)
            assert applied.ok, applied.failed
            assert run(other, "curl", "-sS", "-o", "/dev/null", page).returncode == 0

    old = _issuer(other, site)
    assert _runner(master, "authority.rotate")["step"] == "prepared"
    spread()
    assert _runner(master, "authority.rotate")["step"] == "switched"
    assert "still signed by a former key" in _runner(master, "authority.retire")["error"]
    spread()
    assert _runner(master, "authority.retire") == {"retired": 1}
    spread()
    assert _issuer(other, site) != old


def _issuer(other: Machine, site: Site) -> str:
    name = site.lab.site.services["salt"]
    words = ("openssl", "s_client", "-connect", f"{name}:443", "-servername", name)
    certificate = other.call(
        "timeout", "20", "sh", "-c", f"{' '.join(words)} </dev/null 2>/dev/null"
    )
    return next(row for row in certificate.stdout.splitlines() if row.startswith("issuer="))


def _runner(master: Machine, *words: str) -> dict:
    return json.loads(run(master, *SALT_RUN, *words).stdout)
