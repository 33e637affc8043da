"""The hosts that the pillar names, and the order in which their roles need each other."""

from __future__ import annotations

import graphlib
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Network

import yaml

from lab.hosts.places import LabError
from lab.saltconfig import REPOSITORY
from saltern.rollout import host_needs

MASTER_ROLE = "salt-master"


@dataclass(frozen=True)
class Host:
    """One host of ``pillar/dev/site.yaml``."""

    id: str
    address: str
    roles: tuple[str, ...]
    aliases: tuple[str, ...]

    @property
    def is_master(self) -> bool:
        return MASTER_ROLE in self.roles


@dataclass(frozen=True)
class Site:
    """The hosts by id, in the order in which they come up."""

    domain: str
    network: IPv4Network
    hosts: dict[str, Host]
    services: dict[str, str]
    needs: dict[str, frozenset[str]]
    """Host id -> ids of the hosts that must be up before it."""

    @property
    def gateway(self) -> str:
        return str(self.network[1])

    @property
    def master(self) -> Host:
        return next(host for host in self.hosts.values() if host.is_master)

    def chosen(self, ids: Iterable[str]) -> list[Host]:
        """Return the hosts named (all when none is); a name may lack the domain.

        Raises :class:`LabError` for a host that the site does not have.
        """
        full = [name if "." in name else f"{name}.{self.domain}" for name in ids]
        for name in full:
            if name not in self.hosts:
                raise LabError(f"no host {name} in pillar/dev/site.yaml: {', '.join(self.hosts)}")
        return [host for host in self.hosts.values() if not full or host.id in full]


def load() -> Site:
    """Read pillar/dev/site.yaml and salt/roles.yaml of this checkout."""
    site = yaml.safe_load((REPOSITORY / "pillar/dev/site.yaml").read_text())
    table = yaml.safe_load((REPOSITORY / "salt/roles.yaml").read_text())
    hosts = {
        id_: Host(id_, row["address"], tuple(row["roles"]), tuple(row.get("aliases", ())))
        for id_, row in site["hosts"].items()
    }
    needs = host_needs(
        {id_: host.roles for id_, host in hosts.items()},
        {role: row["needs"] for role, row in table.items()},
    )
    order = graphlib.TopologicalSorter(needs).static_order()
    return Site(
        site["domain"],
        IPv4Network(site["network"]),
        {id_: hosts[id_] for id_ in order},
        site["services"],
        needs,
    )
