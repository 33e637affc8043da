"""One host: an overlay over the base image, booted by systemd-nspawn in its own namespaces."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from lab.hosts import archives, reach
from lab.hosts.places import LabError, cache, run
from lab.hosts.site import Host

BOOT_SECONDS = 180
STOP_SECONDS = 30
KILL_SECONDS = 90
CGROUPS = Path("/sys/fs/cgroup")
HALT = signal.SIGRTMIN + 4
"""What systemd as process 1 takes as "power off"."""

SUPERVISE = """
for group in $1; do echo $$ >"$group/cgroup.procs"; done
shift
while :; do
    "$@"
    status=$?
    [ $status -eq 133 ] || exit $status
done
"""
"""Runs systemd-nspawn in its control groups; 133 is how it asks to be started again: a reboot."""

ENVIRONMENT = {
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "HOME": "/root",
    "LANG": "C.UTF-8",
    "TERM": "dumb",
}


@dataclass(frozen=True)
class Machine:
    """A host of a lab; all it has on disk is under ``folder``."""

    lab: str
    host: Host
    folder: Path
    namespace: str

    @property
    def root(self) -> Path:
        """The host's file system, mounted also while the host is stopped."""
        return self.folder / "root"

    @property
    def _cgroup(self) -> str:
        return f"saltern-lab/{self.lab}/{self.host.id}"

    @property
    def provisioned(self) -> bool:
        """Whether the provision script has ended well on the host."""
        return (self.folder / "provisioned").exists()

    def mark_provisioned(self) -> None:
        """Remember that the provision script has ended well."""
        (self.folder / "provisioned").touch()

    # Life

    def create(self, layers: Sequence[Path]) -> None:
        """Lay the host's disk over ``layers``, unless it is there already."""
        for name in ("upper", "work", "root"):
            (self.folder / name).mkdir(parents=True, exist_ok=True)
        if not os.path.ismount(self.root):
            lower = ":".join(map(str, layers))
            upper = f"upperdir={self.folder}/upper,workdir={self.folder}/work"
            run(
                "mount",
                "-t",
                "overlay",
                "-o",
                f"lowerdir={lower},{upper}",
                "saltern-lab",
                self.root,
            )
        if (self.folder / "made").exists():
            return
        name = self.host.id
        (self.root / "etc/hostname").write_text(f"{name.split('.')[0]}\n")
        hosts = f"127.0.0.1 localhost\n{self.host.address} {name} {name.split('.')[0]}\n"
        (self.root / "etc/hosts").write_text(hosts)
        reach.copy_resolver(self.root)
        (self.folder / "made").touch()

    def start(self) -> None:
        """Boot the host and wait until systemd has settled.

        Raises :class:`LabError` when it has not within three minutes.
        """
        if self.leader():
            return
        log = (self.folder / "console.log").open("ab")
        process = subprocess.Popen(
            self._boot_command(), stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            start_new_session=True,
        )  # fmt: skip
        log.close()
        (self.folder / "pid").write_text(f"{process.pid}\n")
        self._await(lambda: self.settled(process), BOOT_SECONDS, "boot")

    def _boot_command(self) -> list[str]:
        archive = archives.prepare(self.lab, self.host.id)
        pip = cache() / "pip"
        pip.mkdir(exist_ok=True)
        nspawn = [
            "systemd-nspawn", "--quiet", f"--directory={self.root}", "--boot", "--keep-unit",
            "--register=no", f"--machine={self.host.id.split('.')[0]}-{self.lab}"[:64],
            f"--hostname={self.host.id.split('.')[0]}", "--console=read-only",
            "--resolv-conf=off", "--timezone=off", "--link-journal=no", "--notify-ready=no",
            f"--network-namespace-path={self.namespace}",
            "--capability=CAP_NET_ADMIN", "--kill-signal=SIGRTMIN+4",
            f"--bind={archive}:/var/cache/apt/archives", f"--bind={pip}:/root/.cache/pip",
        ]  # fmt: skip
        if Path("/run/systemd/system").is_dir():
            unit = f"--unit={self._cgroup.replace('/', '-')}"
            scope = ["systemd-run", "--scope", "--quiet", "--property=Delegate=yes", unit]
            return [*scope, "sh", "-c", SUPERVISE, "sh", "", *nspawn]
        groups = " ".join(map(str, self._make_cgroups()))
        return ["sh", "-c", SUPERVISE, "sh", groups, *nspawn]

    def _make_cgroups(self) -> list[Path]:
        """Make the host's groups where no systemd of the machine does, one in each hierarchy."""
        found = [CGROUPS / name for name in ("systemd", "unified", "memory", "pids")]
        roots = [path for path in found if (path / "cgroup.procs").exists()] or [CGROUPS]
        groups = [path / self._cgroup for path in roots]
        for group in groups:
            group.mkdir(parents=True, exist_ok=True)
        return groups

    def settled(self, process: subprocess.Popen[bytes] | None = None) -> bool:
        """Say whether the boot is over, with failed units or without."""
        if process is not None and process.poll() is not None:
            raise LabError(f"{self.host.id} ended while it booted: see {self.folder}/console.log")
        if not self.leader():
            return False
        state = self.call("systemctl", "is-system-running", check=False).stdout.strip()
        return state in ("running", "degraded")

    def failed_units(self) -> list[str]:
        """Names of the units that failed."""
        shown = self.call("systemctl", "--failed", "--plain", "--no-legend", check=False)
        return [line.split()[0] for line in shown.stdout.splitlines() if line.strip()]

    def stop(self) -> None:
        """Shut the host down, by force when it takes too long; the disk stays."""
        outer = self._outer()
        processes = [outer, *_descendants(outer)] if outer else []
        if leader := self.leader():
            os.kill(leader, HALT)
            deadline = time.monotonic() + STOP_SECONDS
            while _alive(outer) and time.monotonic() < deadline:
                time.sleep(0.1)
        for pid in filter(_alive, processes):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self._await(lambda: not any(map(_alive, processes)), KILL_SECONDS, "stop")
        (self.folder / "pid").unlink(missing_ok=True)

    def reboot(self) -> None:
        """Boot the host again from its disk."""
        self.stop()
        self.start()

    def remove(self) -> None:
        """Stop the host and remove all that it has."""
        self.stop()
        archives.keep(self.lab, self.host.id)
        while os.path.ismount(self.root):
            run("umount", self.root)
        for hierarchy in (CGROUPS, *CGROUPS.glob("*/")):
            _remove_cgroup(hierarchy / self._cgroup)
        shutil.rmtree(self.folder, ignore_errors=False)

    # Processes

    def _outer(self) -> int | None:
        """Process id of what runs systemd-nspawn, or None."""
        try:
            pid = int((self.folder / "pid").read_text())
            words = Path(f"/proc/{pid}/cmdline").read_bytes().decode().split("\0")
        except (FileNotFoundError, ProcessLookupError, ValueError):
            return None
        return pid if f"--directory={self.root}" in words else None

    def leader(self) -> int | None:
        """Process id (as the machine sees it) of the host's process 1, or None."""
        outer = self._outer()
        for child in _descendants(outer):
            try:
                status = Path(f"/proc/{child}/status").read_text()
                name = Path(f"/proc/{child}/comm").read_text().strip()
            except (FileNotFoundError, ProcessLookupError):
                continue
            inner = next(line for line in status.splitlines() if line.startswith("NSpid:"))
            if inner.split()[-1] == "1" and len(inner.split()) > 2 and name == "systemd":
                return child
        return None

    def command(self, words: Sequence[str | Path]) -> list[str]:
        """Return the command that runs ``words`` as root on the host.

        Raises :class:`LabError` when the host is not up.
        """
        leader = self.leader()
        if not leader:
            raise LabError(f"{self.host.id} is not up")
        env = [f"{name}={value}" for name, value in ENVIRONMENT.items()]
        enter = ["nsenter", "-t", str(leader), "-m", "-u", "-i", "-p", "-n", "-C", "-r", "-w"]
        return [*enter, "env", "-i", *env, *map(str, words)]

    def call(
        self, *words: str | Path, check: bool = True, stdin: str | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run a program as root on the host; raise :class:`LabError` when it fails."""
        return run(*self.command(words), check=check, stdin=stdin)

    def _await(self, done: Callable[[], bool], seconds: float, what: str) -> None:
        deadline = time.monotonic() + seconds
        while not done():
            if time.monotonic() > deadline:
                raise LabError(
                    f"{self.host.id} did not {what} in {seconds} s: see {self.folder}/console.log"
                )
            time.sleep(0.05)


def _descendants(pid: int | None) -> list[int]:
    """Process ids below ``pid`` down to the host's process 1, the nearest first."""
    if pid is None:
        return []
    try:
        listed = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        inner = Path(f"/proc/{pid}/status").read_text().partition("NSpid:")[2].split("\n")[0]
    except (FileNotFoundError, ProcessLookupError):
        return []
    if len(inner.split()) > 1:
        return []
    return [found for word in listed for found in (int(word), *_descendants(int(word)))]


def _alive(pid: int | None) -> bool:
    if pid is None:
        return False
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"


def _remove_cgroup(path: Path) -> None:
    """Remove a group with all below it, and its parents when they are empty too."""
    for folder in sorted((p for p in path.rglob("*") if p.is_dir()), reverse=True):
        folder.rmdir()
    for folder in (path, path.parent, path.parent.parent):
        if folder.name.startswith("saltern") or folder.is_dir():
            try:
                folder.rmdir()
            except OSError:
                return
