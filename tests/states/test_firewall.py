"""The firewall opens what ports.yaml says to whom it says, and nothing else."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.states.compiler import Host, dev_site, ports
from tests.states.conftest import DEV_HOSTS

ADDRESS = {name: row["address"] for name, row in dev_site()["hosts"].items()}


def rules(host: Host) -> list[str]:
    """Return the lines of the host's rules that accept a port."""
    text = ruleset(host)
    return [line.strip() for line in text.splitlines() if " dport " in line and "546" not in line]


def ruleset(host: Host, pillar: dict[str, Any] | None = None) -> str:
    """Return the text of /etc/nftables.conf."""
    chunks = host.compile(["firewall"], pillar) if pillar else host.low
    (chunk,) = [chunk for chunk in chunks if chunk["__id__"] == "firewall-rules"]
    return host.render(chunk) or ""


@pytest.mark.parametrize("name", DEV_HOSTS)
def test_host_opens_each_row_of_its_roles_once(dev_host: Callable[[str], Host], name: str) -> None:
    """Every row has its rule; no rule comes from anywhere else."""
    host = dev_host(name)
    rows = [row for role in ["base", *host.pillar["roles"]] for row in ports()[role]]
    wanted = {(row["proto"], str(row["port"])) for row in rows}
    opened = {
        (line.split(" dport ")[0].split()[-1], line.split()[line.split().index("dport") + 1])
        for line in rules(host)
    }
    assert opened == wanted


def test_port_for_roles_is_open_to_the_addresses_of_their_hosts_only(
    dev_host: Callable[[str], Host],
) -> None:
    """PostgreSQL is reached by the hosts that run Zuul's scheduler and web."""
    (rule,) = [rule for rule in rules(dev_host("ci01.lab.example.org")) if " 5432 " in rule]
    assert rule.startswith(f"ip saddr {{ {ADDRESS['ci01.lab.example.org']} }} tcp dport 5432")


def test_port_for_the_site_is_open_to_all_its_hosts(dev_host: Callable[[str], Host]) -> None:
    """Every host may reach the master, and nobody else."""
    (rule,) = [rule for rule in rules(dev_host("salt01.lab.example.org")) if " 4506 " in rule]
    listed = rule.split("{")[1].split("}")[0]
    assert {part.strip() for part in listed.split(",")} == set(ADDRESS.values())


def test_extra_rows_of_the_pillar_take_networks_and_ip6(dev_host: Callable[[str], Host]) -> None:
    """A site opens what is its own; each address family gets its rule."""
    row = {"port": 8140, "proto": "udp", "from": ["logs", "198.51.100.0/24", "2001:db8::/32"]}
    host = dev_host("node01.lab.example.org")
    extra = {"firewall": {"extra": [{**row, "what": "more"}]}}
    lines = [line.strip() for line in ruleset(host, extra).splitlines() if "8140" in line]
    logs = ADDRESS["logs01.lab.example.org"]
    assert lines == [
        f'ip saddr {{ {logs}, 198.51.100.0/24 }} udp dport 8140 accept comment "more"',
        'ip6 saddr { 2001:db8::/32 } udp dport 8140 accept comment "more"',
    ]


def test_extra_row_with_a_misspelt_role_stops_the_run(dev_host: Callable[[str], Host]) -> None:
    """A row that would open nothing is named instead of left out."""
    row = {"port": 1, "proto": "tcp", "from": ["log"], "what": "typing error"}
    host = dev_host("node01.lab.example.org")
    (error,) = host.attempt(["firewall"], {"firewall": {"extra": [row]}})
    assert "'log' is no role" in error


@pytest.mark.skipif(
    os.geteuid() != 0 or not shutil.which("nft") or not shutil.which("unshare"),
    reason="needs root, nft and unshare; the lab's tests load the rules too",
)
@pytest.mark.parametrize("name", DEV_HOSTS)
def test_rules_load_twice_in_a_network_of_their_own(
    dev_host: Callable[[str], Host], name: str, tmp_path: Path
) -> None:
    """nft takes the file, and taking it again leaves one table."""
    file = tmp_path / "nftables.conf"
    file.write_text(ruleset(dev_host(name)))
    script = f"nft -f {file} && nft -f {file} && nft -s list ruleset"
    done = subprocess.run(["unshare", "--net", "sh", "-c", script], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("table inet saltern") == 1
    assert "policy drop" in done.stdout
