"""What the hosts get of the repository, and the lab's private pillar."""

from __future__ import annotations

import shutil
import tarfile
import tempfile
from collections.abc import Iterable
from pathlib import Path

from lab.hosts.places import LabError, run
from lab.saltconfig import REPOSITORY

SOURCE = Path("/srv/saltern")
PRIVATE = Path("/srv/saltern-private")
NEEDED = ("provision", "requirements", "src", "pyproject.toml", "README.md", "LICENSE",
          "salt/salt_minion/files")  # fmt: skip
"""What of the repository a host that is not the master needs to become a minion."""


def place(root: Path, only: Iterable[str] = (), revision: str | None = None) -> None:
    """Put the checkout (or a commit of it) into ``root`` as /srv/saltern.

    ``only`` limits it to some paths. Files that git ignores stay out; uncommitted ones come along.
    """
    target = root / SOURCE.relative_to("/")
    with tempfile.TemporaryDirectory(dir=root / "srv") as part:
        fresh = Path(part, "tree")
        fresh.mkdir()
        if revision:
            _commit(fresh, revision, list(only))
        else:
            _files(fresh, list(only))
        run("chown", "-R", "-h", "root:root", fresh)
        run("chmod", "-R", "u+rwX,go+rX,go-w", fresh)
        if target.exists():
            target.rename(Path(part, "old"))
        fresh.rename(target)


def place_private(root: Path, overrides: Path) -> None:
    """Put the pillar/dev of the tree in ``root``, with the files of ``overrides`` over it, beside
    that tree for the master."""
    target = root / PRIVATE.relative_to("/")
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(root / SOURCE.relative_to("/") / "pillar/dev", target)
    if overrides.is_dir():
        shutil.copytree(overrides, target, dirs_exist_ok=True)
    run("chmod", "-R", "u=rwX,g=rX,o=", target)
    run("chroot", root, "chown", "-R", "root:salt", PRIVATE)


def _files(target: Path, only: list[str]) -> None:
    git = ["git", "-C", str(REPOSITORY), "-c", f"safe.directory={REPOSITORY}"]
    listed = run(*git, "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", *only)
    for name in filter(None, listed.stdout.split("\0")):
        source, copy = REPOSITORY / name, target / name
        if not source.is_symlink() and not source.is_file():
            continue
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(source, copy, follow_symlinks=False)


def _commit(target: Path, revision: str, only: list[str]) -> None:
    git = ["git", "-C", str(REPOSITORY), "-c", f"safe.directory={REPOSITORY}"]
    with tempfile.NamedTemporaryFile(suffix=".tar") as archive:
        done = run(*git, "archive", "-o", archive.name, revision, "--", *only, check=False)
        if done.returncode:
            raise LabError(f"git archive {revision}: {done.stderr.strip()}")
        with tarfile.open(archive.name) as packed:
            packed.extractall(target, filter="tar")
