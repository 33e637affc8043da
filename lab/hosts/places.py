"""Where a lab keeps what it makes, and how it runs programs."""

from __future__ import annotations

import fcntl
import os
import re
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from lab.saltconfig import REPOSITORY

RUN = Path("/run/saltern-lab")
"""What lives as long as the machine is up: the lock and what to put back when the last lab goes."""

NEED = {
    "mmdebstrap": "mmdebstrap",
    "systemd-nspawn": "systemd-container",
    "nft": "nftables",
    "ip": "iproute2",
    "nsenter": "util-linux",
    "openssl": "openssl",
    "git": "git",
}
"""Programs the lab uses and Debian's packages that have them."""


class LabError(Exception):
    """A lab cannot be made or used; the text says what to do."""


def cache() -> Path:
    """Folder of base images and package archives, shared by all labs of this user."""
    given = os.environ.get("SALTERN_LAB_CACHE")
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    path = Path(given) if given else Path(base, "saltern", "lab")
    path.mkdir(parents=True, exist_ok=True)
    return path.resolve()


def work(name: str) -> Path:
    """Folder of the lab ``name``: hosts, keys, pillar; SALTERN_LAB_WORK moves it elsewhere."""
    if not re.fullmatch(r"[a-z][a-z0-9-]{0,15}", name):
        raise LabError(f"lab name {name!r}: a lower-case letter, then up to 15 of a-z, 0-9, hyphen")
    base = os.environ.get("SALTERN_LAB_WORK")
    return (Path(base) if base else REPOSITORY / ".lab" / "hosts").resolve() / name


def run(
    *words: str | Path,
    check: bool = True,
    stdin: str | None = None,
    env: dict[str, str] | None = None,
    cwd: Path | None = None,
) -> subprocess.CompletedProcess[str]:
    """Run a program and return what it printed.

    Raises :class:`LabError` with the end of its output when it fails and ``check`` is set.
    """
    done = subprocess.run(
        [str(word) for word in words],
        check=False,
        capture_output=True,
        text=True,
        input=stdin if stdin is not None else "",
        env=env,
        cwd=cwd,
    )
    if check and done.returncode:
        told = (done.stderr + done.stdout).strip()[-2000:]
        raise LabError(f"{_shown(words)} ended with {done.returncode}:\n{told}")
    return done


def _shown(words: Sequence[str | Path]) -> str:
    return " ".join(str(word) for word in words[:8])


@contextmanager
def lock(path: Path) -> Iterator[None]:
    """Hold ``path`` against other labs' processes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def require_programs() -> None:
    """Install what the lab runs and is missing; raise :class:`LabError` where that cannot be."""
    if os.geteuid() != 0:
        raise LabError("the lab makes namespaces and mounts: run it as root (sudo make lab)")
    missing = [package for program, package in NEED.items() if not _on_path(program)]
    if not missing:
        return
    if not _on_path("apt-get"):
        raise LabError(f"missing programs; install the packages {' '.join(missing)}")
    env = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    run("apt-get", "update", "-qq", env=env)
    run("apt-get", "install", "-y", "-qq", "--no-install-recommends", *missing, env=env)


def _on_path(program: str) -> bool:
    return any(Path(folder, program).exists() for folder in os.get_exec_path())
