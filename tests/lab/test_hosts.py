"""The lab itself: hosts boot, are apart, come back, and go without a trace."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from lab.hosts.lab import Lab
from lab.hosts.machine import Machine
from lab.hosts.network import FORWARD, namespaces
from lab.hosts.places import LabError, run
from lab.saltconfig import REPOSITORY

pytestmark = pytest.mark.lab

HOST, OTHER = "node01", "ci02"


@pytest.fixture
def new_lab(root: None) -> Iterator[Callable[[str], Lab]]:
    """A maker of labs that are removed at the end, whatever happened."""
    made: list[Lab] = []

    def make(name: str) -> Lab:
        made.append(Lab(f"try-{name}"))
        return made[-1]

    yield make
    for lab in made:
        lab.down()


def eventually(done: Callable[[], bool], seconds: float = 60) -> bool:
    """Wait until ``done()``, at most ``seconds``; return whether it is."""
    deadline = time.monotonic() + seconds
    while not done():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.1)
    return True


def boot_id(machine: Machine) -> str:
    return machine.call("cat", "/proc/sys/kernel/random/boot_id").stdout


def pings(machine: Machine, address: str) -> bool:
    return not machine.call("ping", "-c1", "-W2", address, check=False).returncode


def traces(lab: Lab) -> dict[str, list[str]]:
    """What of ``lab`` the machine still has, by kind; only kinds that have something."""
    spaces = [name for name in namespaces() if name.split(".")[0] == lab.network.router]
    folder = str(lab.folder)
    commands = [
        path.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        for path in Path("/proc").glob("[0-9]*/cmdline")
        if path.exists()
    ]
    found = {
        "namespaces": spaces,
        "links": [w for w in run("ip", "-o", "link").stdout.split() if lab.network.uplink in w],
        "tables": [
            line
            for line in run("nft", "list", "tables").stdout.split()
            if lab.network.table in line
        ],
        "mounts": [m for m in Path("/proc/mounts").read_text().splitlines() if folder + "/" in m],
        "processes": [c for c in commands if f"--directory={folder}/" in c],
        "cgroups": [str(p) for p in Path("/sys/fs/cgroup").glob(f"*/saltern-lab/{lab.name}")],
        "folders": [folder] if lab.folder.exists() else [],
    }
    return {kind: rows for kind, rows in found.items() if rows}


def test_two_labs_at_once_same_addresses_do_not_meet(new_lab: Callable[[str], Lab]) -> None:
    """Each lab has its own network: a host is reached in its lab and not from the other."""
    one, two = new_lab("one"), new_lab("two")
    (first,) = one.boot([HOST])
    here, there = two.boot([HOST, OTHER])
    assert first.host.address in (here.host.address, there.host.address)
    assert pings(here, there.host.address)
    other = one.machine(OTHER).host.address
    assert other in (here.host.address, there.host.address)
    assert not pings(first, other)
    outside = 'exec 3<>"/dev/tcp/$1/22"; head -c 4 <&3'
    words = ["ip", "netns", "exec", one.network.router, "timeout", "20", "bash", "-c", outside]
    assert run(*words, "bash", first.host.address).stdout == "SSH-"


def test_host_rebooted_keeps_its_disk_and_comes_back(new_lab: Callable[[str], Lab]) -> None:
    """A reboot from outside is a new boot over the same disk, with nothing failed."""
    (machine,) = new_lab("reboot").boot([HOST])
    machine.call("sh", "-c", "echo kept >/root/kept")
    before = boot_id(machine)
    machine.reboot()
    assert boot_id(machine) != before
    assert machine.call("cat", "/root/kept").stdout == "kept\n"
    assert machine.failed_units() == []


def test_host_reboots_itself_comes_back(new_lab: Callable[[str], Lab]) -> None:
    """``systemctl reboot`` on the host boots it again, with its address."""
    (machine,) = new_lab("itself").boot([HOST])
    before = boot_id(machine)
    machine.call("systemctl", "reboot", check=False)

    def back() -> bool:
        try:
            return machine.settled() and boot_id(machine) != before
        except LabError:
            return False

    assert eventually(back)
    assert machine.host.address in machine.call("hostname", "-I").stdout


def test_lab_down_leaves_nothing(new_lab: Callable[[str], Lab]) -> None:
    """No namespace, link, table, mount, process, cgroup or folder of the lab stays."""
    forwarded = FORWARD.read_text()
    lab = new_lab("down")
    lab.boot([HOST])
    assert {"namespaces", "links", "tables", "mounts", "processes", "folders"} <= set(traces(lab))
    lab.down()
    assert traces(lab) == {}
    assert FORWARD.read_text() == forwarded


def test_up_killed_down_removes_what_it_left(new_lab: Callable[[str], Lab]) -> None:
    """A lab whose command died half way goes by ``down`` like any other."""
    lab = new_lab("killed")
    words = [sys.executable, "-m", "lab.hosts", "--name", lab.name, "up", "--no-highstate"]
    process = subprocess.Popen(
        [*words, "--only", HOST],
        cwd=REPOSITORY,
        start_new_session=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        assert eventually(lambda: any(machine.leader() for machine in lab.machines), 300)
    finally:
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    lab.down()
    assert traces(lab) == {}


def test_keys_of_the_lab_stay_private(new_lab: Callable[[str], Lab]) -> None:
    """No key of the operator's side can be read by others on the machine."""
    lab = new_lab("keys")
    lab.boot([HOST])
    private = list(lab.keys.rglob("*.pem"))
    assert private
    assert all(path.stat().st_mode & 0o077 == 0 for path in private)
    assert lab.keys.stat().st_mode & 0o077 == 0


def test_host_not_in_the_pillar_is_refused_by_name(root: None) -> None:
    """A wrong host name is answered with the names there are."""
    with pytest.raises(LabError, match=r"no host nope\.lab\.example\.org .*node01"):
        Lab("try-names").boot(["nope"])
