"""A network of its own for each lab: a router namespace with a bridge, a namespace a host.

The names a lab takes in the machine's own namespace: ``sl-ID`` (veth to the router), the nft table
``saltern_lab_ID``, and the namespaces ``saltern-LAB`` and ``saltern-LAB.HOST``.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from ipaddress import IPv4Network
from pathlib import Path

from lab.hosts.places import RUN, LabError, lock, run
from lab.hosts.site import Host, Site

UPLINKS = IPv4Network("100.64.0.0/16")
"""Shared address space (RFC 6598): the first free /30 of it joins a lab to the machine."""

FORWARD = Path("/proc/sys/net/ipv4/ip_forward")


@dataclass(frozen=True)
class Network:
    """The network of one lab."""

    lab: str
    site: Site

    @property
    def router(self) -> str:
        """Namespace from which clients see the hosts as from outside."""
        return f"saltern-{self.lab}"

    @property
    def _short(self) -> str:
        return hashlib.sha256(self.lab.encode()).hexdigest()[:8]

    @property
    def uplink(self) -> str:
        """Name of the machine's end of the way to the router."""
        return f"sl-{self._short}"

    @property
    def table(self) -> str:
        """Name of the machine's nft table for the lab."""
        return f"saltern_lab_{self._short}"

    def namespace(self, host: Host) -> str:
        """Name of the network namespace of ``host``."""
        return f"{self.router}.{host.id.split('.')[0]}"

    def up(self) -> None:
        """Make the router and its way out; nothing is done again that is there."""
        with lock(RUN / "lock"):
            if self.router in namespaces():
                return
            self._remember_forwarding()
            run("ip", "netns", "add", self.router)
            self._bridge()
            self._join_machine(_free_uplink())

    def _remember_forwarding(self) -> None:
        kept = RUN / "ip_forward"
        if not kept.exists():
            kept.write_text(FORWARD.read_text())
        FORWARD.write_text("1\n")
        (RUN / "labs").mkdir(exist_ok=True)
        (RUN / "labs" / self.lab).touch()

    def _bridge(self) -> None:
        inside = ("ip", "-n", self.router)
        run(*inside, "link", "set", "lo", "up")
        run(*inside, "link", "add", "lab", "type", "bridge")
        prefix = self.site.network.prefixlen
        run(*inside, "addr", "add", f"{self.site.gateway}/{prefix}", "dev", "lab")
        run(*inside, "link", "set", "lab", "up")
        self._in_router("sysctl", "-q", "-w", "net.ipv4.ip_forward=1")

    def _join_machine(self, net: IPv4Network) -> None:
        outer, inner = net[1], net[2]
        inside = ("ip", "-n", self.router)
        run("ip", "link", "add", self.uplink, "type", "veth",
            "peer", "name", "uplink", "netns", self.router)  # fmt: skip
        run("ip", "addr", "add", f"{outer}/30", "dev", self.uplink)
        run("ip", "link", "set", self.uplink, "up")
        run(*inside, "addr", "add", f"{inner}/30", "dev", "uplink")
        run(*inside, "link", "set", "uplink", "up")
        run(*inside, "route", "add", "default", "via", str(outer))
        for words in self._masquerade("nat", f"ip saddr {self.site.network} oifname uplink"):
            self._in_router(*words)
        for words in self._masquerade(self.table, f"ip saddr {net} oifname != {self.uplink}"):
            run(*words)

    @staticmethod
    def _masquerade(table: str, match: str) -> list[list[str]]:
        hook = "{ type nat hook postrouting priority srcnat ; }"
        return [
            ["nft", "add", "table", "ip", table],
            ["nft", "add", "chain", "ip", table, "out", hook],
            ["nft", "add", "rule", "ip", table, "out", *match.split(), "masquerade"],
        ]

    def attach(self, host: Host) -> str:
        """Give ``host`` its namespace with its address; return the namespace's path."""
        space = self.namespace(host)
        if space not in namespaces():
            run("ip", "netns", "add", space)
            port = f"v{host.address.rsplit('.', 1)[1]}"
            run("ip", "-n", self.router, "link", "add", port, "type", "veth",
                "peer", "name", "host0", "netns", space)  # fmt: skip
            run("ip", "-n", self.router, "link", "set", port, "master", "lab", "up")
            inside = ("ip", "-n", space)
            run(*inside, "link", "set", "lo", "up")
            prefix = self.site.network.prefixlen
            run(*inside, "addr", "add", f"{host.address}/{prefix}", "dev", "host0")
            run(*inside, "link", "set", "host0", "up")
            run(*inside, "route", "add", "default", "via", self.site.gateway)
        return f"/run/netns/{space}"

    def down(self) -> None:
        """Remove all of it, also what a lab that died half made left."""
        with lock(RUN / "lock"):
            for space in namespaces():
                if space == self.router or space.startswith(f"{self.router}."):
                    run("ip", "netns", "delete", space)
            run("ip", "link", "delete", self.uplink, check=False)
            run("nft", "delete", "table", "ip", self.table, check=False)
            (RUN / "labs" / self.lab).unlink(missing_ok=True)
            kept = RUN / "ip_forward"
            if kept.exists() and not any((RUN / "labs").iterdir()):
                FORWARD.write_text(kept.read_text())
                kept.unlink()

    def _in_router(self, *words: str) -> None:
        run("ip", "netns", "exec", self.router, *words)


def namespaces() -> list[str]:
    """Names of the machine's network namespaces."""
    return [row["name"] for row in json.loads(run("ip", "-j", "netns", "list").stdout or "[]")]


def _free_uplink() -> IPv4Network:
    routes = json.loads(run("ip", "-j", "route", "show", "table", "all").stdout)
    taken = [
        IPv4Network(row["dst"], strict=False)
        for row in routes
        if row["dst"] != "default" and ":" not in row["dst"]
    ]
    for net in UPLINKS.subnets(new_prefix=30):
        if not any(net.overlaps(other) for other in taken):
            return net
    raise LabError(f"no free /30 in {UPLINKS} for the lab's uplink: see ip route")
