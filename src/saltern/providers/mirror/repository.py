"""One mirrored project: made beside its place, fetched, and proved equal to Gerrit."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from dulwich.repo import Repo

from saltern.errors import Refused, Retry, SalternError
from saltern.providers.mirror.lock import locked, private_name
from saltern.providers.mirror.names import PRIVATE, repository_path
from saltern.providers.mirror.process import GitFailed, GitRunner
from saltern.providers.mirror.remote import Remote
from saltern.providers.mirror.state import SPACES, read

FETCHES = 3
"""Fetches within one attempt while Gerrit's refs keep moving."""

_LOCK_WAIT = 60.0
_NEW = ".saltern-new-"
_FETCH = (
    "fetch",
    "--quiet",
    "--prune",
    "--no-tags",
    "--no-write-fetch-head",
    "--no-recurse-submodules",
    "--no-show-forced-updates",
)
_FSCK = ("fsck", "--connectivity-only", "--no-dangling", "--no-reflogs", "--no-progress")


@dataclass(frozen=True)
class Mirrored:
    """A project's repository on the mirror. ``head`` is the ref HEAD is to name."""

    root: Path
    name: str
    head: str
    description: str
    remote: Remote
    git: GitRunner

    @property
    def path(self) -> Path:
        """Return where the repository is served from."""
        return repository_path(self.root, self.name)

    @property
    def _work(self) -> Path:
        return self.root / PRIVATE / "work" / private_name(self.name)

    def bring_up(self) -> dict[str, str]:
        """Make branches and tags equal to Gerrit's; return them as read back.

        Raises :class:`Retry` (no answer, refs that keep moving, another fetch at work),
        :class:`Refused` (Gerrit's no, a name or a place that cannot be used).
        """
        path = self.path
        with locked(self.root, self.name, _LOCK_WAIT) as lock:
            self._clear(path)
            for _ in range(FETCHES):
                wanted = self.remote.refs(self.name)
                if not self._equal(path, wanted):
                    self._fetch(path, lock)
                if self._equal(path, wanted):
                    self._dress(path)
                    return wanted
        raise Retry(f"refs of {self.name} moved during each of {FETCHES} fetches", code="moving")

    def _equal(self, path: Path, wanted: dict[str, str]) -> bool:
        state = read(path)
        return state is not None and state.damage is None and state.refs == wanted

    def _fetch(self, path: Path, lock: int) -> None:
        state = read(path)
        if state is None or state.damage:
            self._make(path, lock)
            return
        self._dress(path)
        try:
            self._git_fetch(path, lock)
        except GitFailed as error:
            if self._sound(path, lock):
                raise self._failed(error) from None
            self._make(path, lock)

    def _git_fetch(self, path: Path, lock: int, *options: str) -> None:
        specs = (f"+{space}/*:{space}/*" for space in SPACES)
        self.git.run(path, [*_FETCH, *options, self.remote.url(self.name), *specs], lock)

    def _sound(self, path: Path, lock: int) -> bool:
        try:
            self.git.run(path, _FSCK, lock)
        except GitFailed:
            return False
        return True

    def _failed(self, error: GitFailed) -> Retry:
        return Retry(f"git fetch of {self.name} from {self.remote.host}: {error}", code="fetch")

    def _make(self, path: Path, lock: int) -> None:
        """Make the repository beside its place and rename it there, whole."""
        self._check_place(path)
        self._work.mkdir(parents=True)
        try:
            Repo.init_bare(os.fspath(self._work)).close()
            self._dress(self._work)
            self._git_fetch(self._work, lock, "--no-auto-maintenance")
        except GitFailed as error:
            shutil.rmtree(self._work)
            raise self._failed(error) from None
        except SalternError:
            shutil.rmtree(self._work)
            raise
        path.parent.mkdir(parents=True, exist_ok=True)
        old = self._work.with_suffix(".old")
        if path.exists():
            os.rename(path, old)
        os.rename(self._work, path)
        shutil.rmtree(old, ignore_errors=True)

    def _check_place(self, path: Path) -> None:
        if path.is_symlink() or (path.exists() and not _is_repository(path)):
            raise Refused(
                f"{path} is something else than a mirror of {self.name}: move it away",
                code="occupied",
            )

    def _clear(self, path: Path) -> None:
        """Remove what a killed run left; the lock says that nobody works here."""
        for left in (self._work, self._work.with_suffix(".old")):
            if left.exists():
                shutil.rmtree(left)
        for file in _leftovers(path):
            file.unlink(missing_ok=True)

    def _dress(self, path: Path) -> None:
        _write(path / "HEAD", f"ref: {self.head}\n")
        _write(path / "description", " ".join(self.description.split()) + "\n")


def _is_repository(path: Path) -> bool:
    parts = {"HEAD", "objects", "refs"}
    return path.is_dir() and (not any(path.iterdir()) or any((path / p).exists() for p in parts))


def _leftovers(path: Path) -> Iterator[Path]:
    yield from path.glob("*.lock")
    yield from path.glob(f"{_NEW}*")
    yield from (path / "objects").glob("*.lock")
    yield from (path / "objects" / "info").rglob("*.lock")
    yield from (path / "refs").rglob("*.lock")


def _write(path: Path, text: str) -> None:
    """Write a small file whole or not at all, and only when it differs."""
    wanted = text.encode("utf-8", "replace")
    try:
        if path.read_bytes() == wanted:
            return
    except FileNotFoundError:
        pass
    with tempfile.NamedTemporaryFile(dir=path.parent, prefix=_NEW, delete=False) as file:
        file.write(wanted)
        os.fchmod(file.fileno(), 0o644)
    os.replace(file.name, path)
