"""What the hosts' disks are laid over: Debian, and on it /opt/saltern, made once and kept.

A layer is named after a digest of what it is made from, so that a change of the lock file or of
the provision script makes a new one.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
import tomllib
from collections.abc import Callable
from pathlib import Path

from lab.hosts import debian, reach
from lab.hosts.places import cache, lock, run
from lab.saltconfig import REPOSITORY

KEPT = 3
"""Layers of each kind that stay when a new one is made."""

PROVISION = """set -e
mount --make-rprivate /
mount -t overlay -o "lowerdir=$1,upperdir=$2/upper,workdir=$2/work" layer "$2/root"
cd "$2/root"
mount -t proc proc proc
mount --rbind /dev dev
mount --bind "$3" var/cache/apt/archives
mkdir -p root/.cache/pip tmp/saltern
mount --bind "$4" root/.cache/pip
mount --bind "$2/source" tmp/saltern
chroot . env -i "PATH=$PATH" HOME=/root LANG=C.UTF-8 /tmp/saltern/provision/host --packages
"""


def ensure(tell: Callable[[str], None]) -> list[Path]:
    """Return the layers, the uppermost first; made where they are not there (some minutes)."""
    with lock(cache() / "layers.lock"):
        lower = _layer("debian", _debian_digest(), debian.make, tell)
        name = hashlib.sha256(f"{lower.name} {_provision_digest()}".encode()).hexdigest()
        upper = _layer("saltern", name, lambda root: _provision(lower, root), tell)
    return [upper, lower]


def _layer(
    kind: str, digest: str, make: Callable[[Path], None], tell: Callable[[str], None]
) -> Path:
    target = cache() / f"{kind}-{digest[:16]}"
    if target.is_dir():
        target.touch()
        return target
    tell(f"making the image layer {target.name}")
    _remove_old(kind)
    part = Path(tempfile.mkdtemp(prefix="part-", dir=cache()))
    part.chmod(0o755)
    try:
        make(part / "root")
        (part / "root").rename(target)
    finally:
        _remove(part)
    return target


def _debian_digest() -> str:
    sources = [Path(module.__file__ or "").read_bytes() for module in (debian, reach)]
    return hashlib.sha256(b"".join(sources)).hexdigest()


def _provision_digest() -> str:
    """Digest of what `provision/host --packages` installs and how."""
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    wanted = [project["dependencies"], {e: extras[e] for e in extras if e not in ("lab", "dev")}]
    digest = hashlib.sha256(json.dumps(wanted).encode())
    for name in ("provision/host", "requirements/lock.txt"):
        digest.update((REPOSITORY / name).read_bytes())
    return digest.hexdigest()


def _provision(lower: Path, target: Path) -> None:
    """Run the provision script on an overlay over ``lower``; its upper side becomes ``target``."""
    with tempfile.TemporaryDirectory(prefix="part-", dir=cache()) as part:
        for name in ("upper", "work", "root"):
            Path(part, name).mkdir()
        for name in ("provision/host", "requirements/lock.txt", "pyproject.toml"):
            copy = Path(part, "source", name)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(REPOSITORY / name, copy)
        kept = [cache() / "debootstrap", cache() / "pip"]
        for folder in kept:
            folder.mkdir(exist_ok=True)
        run("unshare", "--mount", "sh", "-c", PROVISION, "sh", lower, part, *kept)
        Path(part, "upper").rename(target)


def _remove_old(kind: str) -> None:
    """Remove what an interrupted build left, and all but the newest layers that no host uses."""
    mounts = Path("/proc/mounts").read_text()
    layers = sorted(cache().glob(f"{kind}-*"), key=lambda path: path.stat().st_mtime)
    unused = [path for path in layers[: 1 - KEPT] if str(path) not in mounts]
    for folder in [*cache().glob("part-*"), *unused]:
        _remove(folder)


def _remove(folder: Path) -> None:
    """Remove a tree without following a mount in it: it may have been /dev."""
    run("rm", "-rf", "--one-file-system", folder)
