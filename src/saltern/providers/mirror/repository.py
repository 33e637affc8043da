"""One mirrored project: made beside its place, fetched, and proved equal to Gerrit."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from dulwich.refs import DiskRefsContainer, Ref

from saltern.errors import Refused, Retry, SalternError
from saltern.providers.mirror.lock import locked, private_name
from saltern.providers.mirror.names import PRIVATE, repository_path
from saltern.providers.mirror.process import GitFailed, GitRunner
from saltern.providers.mirror.remote import Remote
from saltern.providers.mirror.state import SPACES, State, read

FETCHES = 3
"""Fetches within one attempt while Gerrit's refs keep moving."""

Refs = dict[str, str]

_LOCK_WAIT = 60.0
_NEW = ".saltern-new-"
_CONFIG = "[core]\n\trepositoryformatversion = 0\n\tfilemode = true\n\tbare = true\n"
_FOLDERS = ("objects/info", "objects/pack", "refs/heads", "refs/tags")
_FETCH = (
    "fetch",
    "--quiet",
    "--no-tags",
    "--no-write-fetch-head",
    "--no-recurse-submodules",
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

    def bring_up(self) -> Refs:
        """Make branches and tags equal to Gerrit's; return them as read back.

        Raises :class:`Retry` (no answer, refs that keep moving, another fetch at work),
        :class:`Refused` (Gerrit's no, a name or a place that cannot be used).
        """
        path = self.path
        self._check_place(path)
        with locked(self.root, self.name, _LOCK_WAIT) as lock:
            self._clear(path)
            for fetches in range(FETCHES + 1):
                wanted = self.remote.refs(self.name)
                state = read(path)
                if state is not None and not state.damage and state.refs == wanted:
                    self._dress(path)
                    return wanted
                if fetches < FETCHES:
                    self._fetch(path, state, wanted, lock)
        raise Retry(f"refs of {self.name} moved during each of {FETCHES} fetches", code="moving")

    def _fetch(self, path: Path, state: State | None, wanted: Refs, lock: int) -> None:
        if state is None or state.damage:
            self._make(path, wanted, lock)
            return
        self._dress(path)
        try:
            _remove_refs(path, state.refs.keys() - wanted.keys())
            self._git_fetch(path, lock)
        except GitFailed as error:
            if self._sound(path, lock):
                raise self._failed(error) from None
            self._make(path, wanted, lock)

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

    def _make(self, path: Path, wanted: Refs, lock: int) -> None:
        """Make the repository beside its place and rename it there, whole."""
        try:
            _lay_out(self._work)
            self._dress(self._work)
            self._git_fetch(self._work, lock, "--no-auto-maintenance")
            self._check_made(wanted)
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

    def _check_made(self, wanted: Refs) -> None:
        # git takes a page of another server (a proxy's, a login) for an empty repository.
        made = read(self._work)
        if made is None or made.damage or (wanted and not made.refs):
            raise GitFailed(f"it ended well and brought nothing usable ({made})")

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


def _remove_refs(path: Path, names: Iterable[str]) -> None:
    """Remove what a listing of Gerrit no longer has.

    ``git fetch --prune`` would empty the mirror on an answer that is not git's at all.
    """
    refs = DiskRefsContainer(os.fspath(path))
    for name in sorted(names):
        del refs[Ref(name.encode("utf-8", "surrogateescape"))]


def _lay_out(path: Path) -> None:
    """Make the folders of a bare repository; gitrepository-layout(5)."""
    for folder in _FOLDERS:
        (path / folder).mkdir(parents=True, exist_ok=True)
    _write(path / "config", _CONFIG)


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
