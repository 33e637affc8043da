"""What every host has: logins, firewall, time, updates, metrics, journal; and drift repaired."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab.hosts import states
from lab.hosts.machine import Machine
from lab.hosts.places import run
from lab.saltconfig import REPOSITORY
from tests.lab.conftest import Site

pytestmark = [pytest.mark.lab, pytest.mark.timeout(600, func_only=True)]

ADMIN, KEY = "labadmin", "/root/base-key"
STRICT = ("-o", "StrictHostKeyChecking=yes", "-o", "BatchMode=yes", "-o", "ConnectTimeout=10")
PORT = 9100


@pytest.fixture(scope="module")
def node(site: Site) -> Machine:
    """A host with nothing but a node's role."""
    return site.with_role("test-node")[0]


@pytest.fixture(scope="module")
def client(site: Site) -> Iterator[Machine]:
    """Another host, with the admin's private key in a file."""
    (machine,) = site.with_role("salt-master")
    path = machine.root / KEY.lstrip("/")
    path.touch(mode=0o600)
    path.write_text((REPOSITORY / "pillar/dev/labadmin.key").read_text())
    yield machine
    path.unlink()


def ssh(
    client: Machine, login: str, *command: str, options: tuple[str, ...] = ()
) -> subprocess.CompletedProcess[str]:
    """Log in with the admin's key and run a command."""
    words = ("ssh", *STRICT, "-o", "IdentitiesOnly=yes", "-i", KEY, *options, login, *command)
    return client.call(*words, check=False)


def test_admin_logs_in_with_his_key_and_becomes_root(site: Site, client: Machine) -> None:
    """On every host, by its name, with its host key known beforehand."""
    for host in site.lab.site.hosts:
        done = ssh(client, f"{ADMIN}@{host}", "sudo", "-n", "id", "-un")
        assert (done.stdout, done.returncode) == ("root\n", 0), f"{host}: {done.stderr}"


def test_password_is_not_asked_for(client: Machine, node: Machine) -> None:
    """sshd offers nobody to log in with a password."""
    options = ("-o", "PubkeyAuthentication=no")
    done = ssh(client, f"{ADMIN}@{node.host.id}", "true", options=options)
    assert "Permission denied (publickey)" in done.stderr


def test_root_does_not_log_in_with_a_key_it_has(client: Machine, node: Machine) -> None:
    """A key in root's own authorized_keys opens nothing."""
    keys = node.root / "root/.ssh/authorized_keys"
    before = keys.read_text() if keys.exists() else None
    public = (node.root / f"home/{ADMIN}/.ssh/authorized_keys").read_text()
    keys.parent.mkdir(mode=0o700, exist_ok=True)
    keys.write_text((before or "") + public)
    keys.chmod(0o600)
    try:
        done = ssh(client, f"root@{node.host.id}", "true")
    finally:
        keys.unlink() if before is None else keys.write_text(before)
    assert "Permission denied" in done.stderr
    assert done.returncode


def test_firewall_is_loaded_and_drops_what_no_row_names(site: Site) -> None:
    """Every host has the table in its kernel, with drop as the policy, and loads it at boot."""
    for machine in site.lab.machines:
        table = machine.call("nft", "list", "table", "inet", "saltern").stdout
        assert "hook input priority filter; policy drop;" in table, machine.host.id
        enabled = machine.call("systemctl", "is-enabled", "nftables", check=False).stdout
        assert enabled == "enabled\n", machine.host.id


def test_updates_of_security_come_by_themselves(node: Machine) -> None:
    """The timers run, and take the distribution's security updates and no others."""
    for timer in ("apt-daily.timer", "apt-daily-upgrade.timer"):
        assert node.call("systemctl", "is-active", timer, check=False).stdout == "active\n"
    settings = node.call("apt-config", "dump").stdout.splitlines()
    assert 'APT::Periodic::Unattended-Upgrade "1";' in settings
    origins = [row for row in settings if "Origins-Pattern::" in row or "Allowed-Origins::" in row]
    assert len(origins) == 1
    assert "${distro_codename}-security" in origins[0]


def test_journal_is_kept_and_limited(site: Site) -> None:
    """journald itself names the limit of the pillar for what it keeps on the disk."""
    for machine in site.lab.machines:
        words = ("journalctl", "--unit=systemd-journald", "--output=cat", "--boot", "--no-pager")
        told = machine.call(*words).stdout.splitlines()
        size = next(row for row in reversed(told) if row.startswith("System Journal"))
        assert "(/var/log/journal/" in size, machine.host.id
        assert "max 500.0M" in size, machine.host.id


def test_time_is_kept_where_the_clock_is_the_hosts_own(node: Machine) -> None:
    """timesyncd is there and not masked; in a container, whose clock is the machine's, systemd
    leaves it off by its own condition."""
    shown = node.call("systemctl", "show", "--property=LoadState,Conditions", "systemd-timesyncd")
    assert "LoadState=loaded" in shown.stdout
    assert node.call("systemd-detect-virt", "--container", check=False).stdout.strip() != "none"


def test_metrics_are_for_hosts_of_the_site_with_a_certificate(
    site: Site, client: Machine, node: Machine
) -> None:
    """The node exporter answers another host that shows its certificate, nobody without one, and
    is closed from outside."""
    url = f"https://{node.host.id}:{PORT}/metrics"
    tls = "/etc/saltern/tls"
    curl = ("curl", "--silent", "--show-error", "--max-time", "20")
    identity = ("--cert", f"{tls}/host.crt", "--key", f"{tls}/host.key")
    assert "node_memory_MemTotal_bytes" in client.call(*curl, *identity, url).stdout
    refused = client.call(*curl, url, check=False)
    assert (refused.stdout, bool(refused.returncode)) == ("", True)
    assert reached_from_outside(site, node, 22)
    assert not reached_from_outside(site, node, PORT)


def reached_from_outside(site: Site, machine: Machine, port: int) -> bool:
    words = ["ip", "netns", "exec", site.lab.network.router, "timeout", "5", "bash", "-c"]
    script = 'exec 3<>"/dev/tcp/$1/$2"'
    return not run(*words, script, "bash", machine.host.address, str(port), check=False).returncode


def test_drift_is_repaired_and_reported(node: Machine) -> None:
    """A package removed, a unit stopped and disabled, a file edited, a firewall opened, all by
    hand: the next highstate says and repairs these, and nothing else."""
    config = node.root / "etc/systemd/journald.conf.d/saltern.conf"
    before = config.read_text()
    config.write_text(before + "SystemMaxUse=5G\n")
    node.call("apt-get", "remove", "--yes", "--quiet", "zstd")
    node.call("systemctl", "disable", "--now", "prometheus-node-exporter")
    rule = ("tcp", "dport", "8080", "accept")
    node.call("nft", "insert", "rule", "inet", "saltern", "input", *rule)

    applied = states.highstate(node)
    assert applied.failed == []
    assert sorted(applied.changed) == [
        "backup-tools (backup)",
        "firewall-loaded (firewall)",
        "journald (journald)",
        "journald-config (journald)",
        "node-exporter (node_exporter)",
    ]
    assert config.read_text() == before
    assert Path(node.root, "usr/bin/zstd").exists()
    for asked in ("is-active", "is-enabled"):
        done = node.call("systemctl", asked, "prometheus-node-exporter", check=False)
        assert done.returncode == 0, done.stdout
    assert "8080" not in node.call("nft", "list", "table", "inet", "saltern").stdout
