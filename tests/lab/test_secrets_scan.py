"""No secret of the pillar lies about: files, logs, job cache, event bus, process lists."""

from __future__ import annotations

import os
import secrets
import signal
import subprocess
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import jinja2
import pytest
import yaml

from lab.hosts.machine import Machine
from lab.saltconfig import REPOSITORY
from tests.lab.clients import until
from tests.lab.conftest import Site

pytestmark = [pytest.mark.lab, pytest.mark.timeout(600, func_only=True)]

DEV = REPOSITORY / "pillar/dev"
NAMES = {"registerEmailPrivateKey", "restTokenPrivateKey", "password", "keystore_password"}
KEYS = {"private_key", "ssh_key", "ssh_host_key"}
FOLDER = "/root/scan"
LEFT_OUT = (
    "/proc", "/sys", "/usr", "/opt/*/lib", "/opt/*/*/lib", "/var/lib/dpkg", "/var/lib/apt",
    "/var/cache/apt", "/srv/saltern",
)  # fmt: skip
"""The kernel's, what packages bring, and the checkout, which is public and has the fakes in it."""
REACHED = """
skip=""
for path in {left_out}; do skip="$skip -path $path -prune -o"; done
set -f
setpriv --reuid=65534 --regid=65534 --clear-groups \
    find / /run /tmp /usr/local -xdev $skip -type f -readable -print0 2>/dev/null |
    xargs -0 -r grep -lsF -f {folder}/wanted
"""
KEPT = """
{{ find {places} -type f -print0 2>/dev/null | xargs -0 -r grep -lsF -f {folder}/wanted
journalctl --no-pager -o cat | grep -F -f {folder}/wanted && echo 'in the journal'; }} || true
"""


def secret_lines() -> list[str]:
    """Return what no one may read: passwords, hashes, and the lines of private keys that differ
    from key to key and are not of its public half."""
    found: set[str] = set()
    for path in sorted((DEV / "secrets").glob("*.sls")):
        text = jinja2.Environment(autoescape=False).from_string(path.read_text()).render()  # noqa: S701
        found.update(_leaves(yaml.safe_load(text)))
    for path in DEV.glob("*.key"):
        found.update(_key_lines(path.read_text()))
    return sorted(found)


def _leaves(tree: object, name: str = "") -> Iterator[str]:
    if isinstance(tree, dict):
        for key, value in tree.items():
            yield from _leaves(value, str(key))
    elif name in KEYS:
        yield from _key_lines(str(tree))
    else:
        yield str(tree)


def _key_lines(text: str) -> list[str]:
    """The armour says nothing, the first line is any key's, the next one ends the public half."""
    return [line for line in text.split("\n")[3:] if len(line) > 16 and "-" not in line]


@pytest.fixture
def wanted(site: Site) -> Iterator[list[str]]:
    """The secrets; each host has them in a file that only root reads, and forgets them."""
    lines = secret_lines()
    for machine in site.lab.machines:
        folder = machine.root / FOLDER.lstrip("/")
        folder.mkdir(mode=0o700)
        (folder / "wanted").write_text("\n".join(lines) + "\n")
    yield lines
    for machine in site.lab.machines:
        machine.call("rm", "-rf", FOLDER)


def test_every_secret_of_the_pillar_is_looked_for() -> None:
    """What the scan takes for secrets has passwords, hashes and keys of every file."""
    lines = secret_lines()
    text = "".join(path.read_text() for path in (DEV / "secrets").glob("*.sls"))
    assert sum(line.startswith("not-a-secret-") for line in lines) == len(
        {word.rstrip("'") for word in text.split() if word.strip("'").startswith("not-a-secret-")}
    )
    assert sum(line.startswith("$6$") for line in lines) == 1
    assert text.count("BEGIN OPENSSH PRIVATE KEY") * 2 <= len(lines)


def test_files_that_all_may_read_hold_no_secret(site: Site, wanted: list[str]) -> None:
    """On every host, an account without rights finds none in what it can open; it does find a word
    that was put there to be found."""
    planted = [_plant(machine) for machine in site.lab.machines]
    try:
        with ThreadPoolExecutor(2) as pool:
            found = list(pool.map(_reached, site.lab.machines))
    finally:
        for path in planted:
            path.unlink()
    expected = [["/var/tmp/planted"] for _ in site.lab.machines]
    assert found == expected, [machine.host.id for machine in site.lab.machines]


def _plant(machine: Machine) -> Path:
    word = secrets.token_hex(16)
    with (machine.root / FOLDER.lstrip("/") / "wanted").open("a") as file:
        file.write(f"{word}\n")
    path = machine.root / "var/tmp/planted"
    path.write_text(f"a {word}\n")
    path.chmod(0o644)
    return path


def _reached(machine: Machine) -> list[str]:
    left_out = " ".join(f"'{path}'" for path in LEFT_OUT)
    script = REACHED.format(left_out=left_out, folder=FOLDER)
    return sorted(machine.call("bash", "-c", script, check=False).stdout.splitlines())


def test_jobs_leave_no_secret_on_the_bus_in_process_lists_logs_or_the_job_cache(
    site: Site, wanted: list[str]
) -> None:
    """While a host gets its highstate, the master its component, and the minions of Gerrit and the
    mirror converge: nothing of the pillar's secrets on the event bus or in any process's
    arguments; and afterwards none in any log or in the cache of jobs."""
    (master,) = site.with_role("salt-master")
    node = site.with_role("test-node")[0]
    with listened(master) as bus, watched(site, wanted) as seen:
        salt(master, node.host.id, "state.highstate", "queue=True")
        salt(master, master.host.id, "state.apply", "salt_master", "queue=True")
        salt(master, "*", "saltutil.refresh_pillar")
        master.call("salt-run", "--log-level=quiet", "projects.converge", "deep=True", check=False)
    told = bus.read_text()
    assert "state.highstate" in told
    assert node.host.id in told
    assert [line for line in wanted if line in told] == []
    assert seen == set()
    assert {m.host.id: found for m in site.lab.machines if (found := _kept(m))} == {}


def salt(master: Machine, target: str, *words: str) -> None:
    """Order a job from the master and wait for it; it must not fail."""
    options = ("--out=json", "--static", "--log-level=quiet", "--timeout=300")
    done = master.call("salt", *options, target, *words, check=False)
    assert done.returncode == 0, done.stdout[-2000:]


@contextmanager
def listened(master: Machine) -> Iterator[Path]:
    """Write what comes over the master's event bus into the file that is yielded."""
    path = master.root / FOLDER.lstrip("/") / "bus"
    with path.open("w") as file:
        words = ("salt-run", "--log-level=quiet", "state.event", "pretty=True")
        process = subprocess.Popen(
            master.command(("env", "PYTHONUNBUFFERED=1", *words)),
            stdin=subprocess.DEVNULL, stdout=file, stderr=subprocess.DEVNULL,
            start_new_session=True,
        )  # fmt: skip
    try:
        hear = ("salt-call", "--log-level=quiet", "event.send", "lab/scan")
        until(lambda: master.call(*hear) and "lab/scan" in path.read_text(), "the bus is heard")
        yield path
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


@contextmanager
def watched(site: Site, wanted: list[str]) -> Iterator[set[str]]:
    """Look at the arguments of every process of the hosts; collect those that hold a secret."""
    seen: set[str] = set()
    spaces = {_space(machine.leader()) for machine in site.lab.machines}
    over = threading.Event()

    def look() -> None:
        while not over.wait(0.05):
            for arguments in _arguments(spaces):
                if any(line in arguments for line in wanted):
                    seen.add(arguments)

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield seen
    finally:
        over.set()
        thread.join()


def _space(pid: int | str | None) -> int:
    return Path(f"/proc/{pid}/ns/pid").stat().st_ino


def _arguments(spaces: set[int]) -> Iterator[str]:
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            if _space(name) in spaces:
                yield Path(f"/proc/{name}/cmdline").read_bytes().decode(errors="replace")
        except (FileNotFoundError, ProcessLookupError, PermissionError):
            continue


def _kept(machine: Machine) -> list[str]:
    places = "/var/log /var/cache/salt/master/jobs /var/cache/salt/minion/proc"
    script = KEPT.format(places=places, folder=FOLDER)
    return sorted(machine.call("bash", "-c", script).stdout.splitlines())
