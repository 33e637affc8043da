"""A lab: the hosts of the site, their network, keys and trees."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from lab.hosts import image, places, tree, war
from lab.hosts.machine import Machine
from lab.hosts.network import Network
from lab.hosts.places import LabError, run
from lab.hosts.progress import Progress
from lab.hosts.site import Host, Site, load
from lab.saltconfig import REPOSITORY

KEYS = "/root/salt-keys"


@dataclass
class Lab:
    """The lab called ``name``; nothing exists until :meth:`up`."""

    name: str
    site: Site = field(default_factory=load)
    progress: Progress = field(default_factory=Progress)
    revision: str | None = None
    """The commit that the hosts get; the checkout as it stands when there is none."""

    def __post_init__(self) -> None:
        self.folder = places.work(self.name)
        self.network = Network(self.name, self.site)

    @property
    def keys(self) -> Path:
        """Salt keys, made on the operator's side."""
        return self.folder / "keys"

    @property
    def pillar(self) -> Path:
        """Files laid over pillar/dev on the master, for what only this lab has."""
        return self.folder / "pillar"

    @property
    def war_file(self) -> Path:
        """The gerrit.war of this lab; without it its Gerrit is the stand-in."""
        return self.folder / "gerrit.war"

    def machine(self, host: Host | str) -> Machine:
        """Return the machine of a host, by its id (with or without the domain)."""
        if isinstance(host, str):
            (host,) = self.site.chosen([host])
        space = f"/run/netns/{self.network.namespace(host)}"
        return Machine(self.name, host, self.folder / host.id, space)

    @property
    def machines(self) -> list[Machine]:
        """The machines that were created, in the order in which they come up."""
        found = [self.machine(host) for host in self.site.hosts.values()]
        return [machine for machine in found if machine.folder.is_dir()]

    def up(self, ids: Sequence[str] = (), *, again: bool = False) -> list[Machine]:
        """Boot and provision the hosts (all when none is named) and the master they need.

        A host that was provisioned is left alone, unless ``again`` is set.
        """
        machines = self.boot([*ids, self.site.master.id] if ids else [])
        bare = [machine for machine in machines if again or not machine.provisioned]
        self._provision_all([machine for machine in bare if machine.host.is_master])
        self._provision_all([machine for machine in bare if not machine.host.is_master])
        return machines

    def boot(self, ids: Sequence[str] = ()) -> list[Machine]:
        """Boot the hosts (all when none is named) as the base image makes them."""
        places.require_programs()
        hosts = self.site.chosen(ids)
        layers = image.ensure(self.progress.tell)
        self.folder.mkdir(parents=True, exist_ok=True)
        self._take_war()
        run(REPOSITORY / "provision/keys", self.keys, *self.site.hosts)
        self.network.up()
        machines = [self.machine(host) for host in hosts]
        for machine in machines:
            self._boot(machine, layers)
        return machines

    def _boot(self, machine: Machine, layers: Sequence[Path]) -> None:
        self.network.attach(machine.host)
        machine.create(layers)
        machine.start()
        failed = machine.failed_units()
        told = f", failed units: {' '.join(failed)}" if failed else ""
        self.progress.tell(f"{machine.host.id}: up{told}")

    def _provision_all(self, machines: Sequence[Machine]) -> None:
        with ThreadPoolExecutor(2) as pool:
            for _ in pool.map(self.provision, machines):
                pass

    def provision(self, machine: Machine) -> None:
        """Make a booted host a minion, or the master, with the repository's script."""
        host = machine.host
        self.place_tree(machine)
        self._place_keys(machine)
        words = ["/srv/saltern/provision/host", "--id", host.id, "--keys", KEYS]
        words += ["--master", self.site.master.address, "--master-name", self.site.services["salt"]]
        with self.progress.phase(f"{host.id}: provision"):
            done = machine.call(*words, *(["--role-master"] if host.is_master else []), check=False)
        (machine.folder / "provision.log").write_text(done.stdout + done.stderr)
        if done.returncode:
            told = (done.stdout + done.stderr).strip()[-4000:]
            raise LabError(f"{host.id}: provision/host ended with {done.returncode}:\n{told}")
        machine.mark_provisioned()

    def place_tree(self, machine: Machine) -> None:
        """Copy the tree into the host; the pillar only into the master."""
        if not machine.host.is_master:
            tree.place(machine.root, tree.NEEDED, self.revision)
            self._place_war(machine)
            return
        tree.place(machine.root, revision=self.revision)
        run("chroot", machine.root, "sh", "-c", MAKE_SALT_USER)
        tree.place_private(machine.root, self.pillar)

    def _take_war(self) -> None:
        """Keep what GERRIT_WAR names as the lab's Gerrit for as long as the lab is there."""
        given, target = os.environ.get("GERRIT_WAR"), self.pillar / "gerrit_program.sls"
        if given and not target.exists():
            if any(m.provisioned for m in self.machines if "gerrit" in m.host.roles):
                raise LabError(f"the lab {self.name} has the stand-in already: take it down first")
            text = war.pillar(Path(given))
            self.pillar.mkdir(exist_ok=True)
            shutil.copyfile(given, self.war_file)
            target.write_text(text)

    def _place_war(self, machine: Machine) -> None:
        target = machine.root / war.PLACE
        if "gerrit" in machine.host.roles and self.war_file.exists() and not target.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(self.war_file, target)

    def _place_keys(self, machine: Machine) -> None:
        """Give a host its own key pair; the master its own and the public ones of all."""
        target = machine.root / KEYS.lstrip("/")
        shutil.rmtree(target, ignore_errors=True)
        (target / "minions").mkdir(parents=True, mode=0o700)
        own = [f"minions/{machine.host.id}.pem", f"minions/{machine.host.id}.pub", "master.pub"]
        if machine.host.is_master:
            own += ["master.pem", *(f"minions/{id_}.pub" for id_ in self.site.hosts)]
        for name in own:
            shutil.copy(self.keys / name, target / name)

    def down(self) -> None:
        """Remove the lab, or what is left of it."""
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(Machine.remove, reversed(self.machines)))
        self.network.down()
        if self.folder.exists():
            shutil.rmtree(self.folder)


MAKE_SALT_USER = """getent passwd salt >/dev/null || useradd --system --user-group \
--home-dir /var/lib/saltern --shell /usr/sbin/nologin salt"""
