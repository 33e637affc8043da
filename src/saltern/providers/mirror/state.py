"""What a bare repository holds, read without a process."""

from __future__ import annotations

import os
import re
import zlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from dulwich.errors import ChecksumMismatch, FileFormatException, ObjectFormatException
from dulwich.object_store import DiskObjectStore
from dulwich.objects import Commit, ObjectID, Tag
from dulwich.refs import PackedRefsException, read_packed_refs_with_peeled

SPACES = ("refs/heads", "refs/tags")
"""What is mirrored: branches and tags."""

_SHA = re.compile(rb"[0-9a-f]{40}\n?")
_UNREADABLE = (
    AssertionError,
    ChecksumMismatch,
    EOFError,
    FileFormatException,
    KeyError,
    ObjectFormatException,
    OSError,
    ValueError,
    zlib.error,
)


@dataclass(frozen=True)
class State:
    """A repository as found.

    ``head`` is the branch HEAD names. ``refs`` are branches and tags with what they point
    at. ``damage`` says why the repository is to be made anew; ``head_damage`` why HEAD is
    to be written again.
    """

    head: str | None = None
    refs: dict[str, str] = field(default_factory=dict)
    damage: str | None = None
    head_damage: str | None = None

    @property
    def broken(self) -> str | None:
        """Return what is wrong with it, ``None`` for a sound one."""
        return self.damage or self.head_damage


def read(path: Path, only: Iterable[str] | None = None) -> State | None:
    """Return the state of the repository at ``path``; ``None`` when nothing is there.

    The tips of the refs in ``only`` (default: of all) and of HEAD are looked up: each must
    be there and whole, and a commit's tree as well. What lies deeper is not read.
    """
    if not os.path.lexists(path):
        return None
    head, head_damage = _head(path)
    try:
        refs = _refs(path)
    except (OSError, ValueError, PackedRefsException) as error:
        return State(head, {}, f"its refs cannot be read ({error})", head_damage)
    wanted = set(refs) if only is None else {*only, head or ""} & set(refs)
    damage = _tips_damage(path, {ref: refs[ref] for ref in sorted(wanted)})
    return State(head, refs, damage, head_damage)


def _head(path: Path) -> tuple[str | None, str | None]:
    try:
        text = (path / "HEAD").read_bytes()
    except OSError as error:
        return None, f"HEAD cannot be read ({error.strerror})"
    if not text.startswith(b"ref: refs/heads/"):
        return None, "HEAD names no branch"
    return text[5:].decode("utf-8", "replace").rstrip("\n"), None


def _refs(path: Path) -> dict[str, str]:
    if not (path / "objects").is_dir() or not (path / "refs").is_dir():
        raise ValueError("it has no objects or no refs folder")
    refs = _packed(path)
    for space in SPACES:
        for name, sha in _loose(path, space):
            refs[name] = sha
    return refs


def _packed(path: Path) -> dict[str, str]:
    try:
        with open(path / "packed-refs", "rb") as file:
            return {
                name.decode("utf-8", "surrogateescape"): sha.decode()
                for sha, name, _peeled in read_packed_refs_with_peeled(file)
                if name.startswith((b"refs/heads/", b"refs/tags/"))
            }
    except FileNotFoundError:
        return {}


def _loose(path: Path, space: str) -> Iterable[tuple[str, str]]:
    top = os.fspath(path)
    for folder, _, files in os.walk(os.path.join(top, space), onerror=_fail):
        for file in files:
            if file.endswith(".lock"):
                continue
            full = os.path.join(folder, file)
            with open(full, "rb") as opened:
                value = opened.read()
            name = os.path.relpath(full, top)
            if not _SHA.fullmatch(value):
                raise ValueError(f"{name} holds no object id")
            yield name, value[:40].decode()


def _fail(error: OSError) -> None:
    if not isinstance(error, FileNotFoundError):
        raise error


def _tips_damage(path: Path, tips: dict[str, str]) -> str | None:
    if not tips:
        return None
    store = DiskObjectStore(os.fspath(path / "objects"))
    try:
        for ref, sha in tips.items():
            damage = _tip_damage(store, ObjectID(sha.encode()))
            if damage:
                return f"{ref}: {damage}"
    finally:
        store.close()
    return None


def _tip_damage(store: DiskObjectStore, sha: ObjectID) -> str | None:
    try:
        found = store[sha]
        if found.id != sha:
            return f"object {sha.decode()} is damaged"
        if isinstance(found, Commit):
            below = found.tree
        elif isinstance(found, Tag):
            below = found.object[1]
        else:
            return None
        store[below].check()
    except _UNREADABLE as error:
        return f"object {sha.decode()} or what it names is missing or damaged ({error!r:.200})"
    return None
