"""The commit that a checkout is compared with, read through the ``git`` command.

A library that reads repositories takes longer to import than ``git`` takes to answer.
"""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
import weakref
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, NamedTuple, cast

from saltern.errors import Broken
from saltern.registry.trees import Item, TreeSource

_GIT = ("git", "-c", "safe.directory=*")
"""Whoever owns the checkout may have it checked: nothing it configures is run (`_environment`)."""
_GONE = (b" missing", b" ambiguous")


class Object(NamedTuple):
    """One object of a repository: id (hex), kind (``commit``, ``tree``, ``blob``), and bytes."""

    id: str
    kind: str
    data: bytes


class Unreadable(Broken):
    """``git`` ended instead of answering."""


class Objects:
    """Objects of the repository around ``directory``, from one ``git cat-file --batch``."""

    def __init__(self, directory: Path):
        self._process = subprocess.Popen(
            [*_GIT, "-C", directory, "cat-file", "--batch"],
            env=_environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        weakref.finalize(self, _end, self._process)

    def get(self, name: str) -> Object | None:
        """Return what ``name``, in any of git's spellings, stands for; ``None``: nothing.

        Raises :class:`Unreadable` when there is no repository that git reads.
        """
        asked, answers = cast(IO[bytes], self._process.stdin), cast(IO[bytes], self._process.stdout)
        try:
            asked.write(os.fsencode(name) + b"\n")
            asked.flush()
        except BrokenPipeError:
            raise self._ended() from None
        head = answers.readline()
        if not head.endswith(b"\n"):
            raise self._ended()
        if head.rstrip().endswith(_GONE):
            return None
        oid, kind, size = head.decode("ascii").split()
        data = answers.read(int(size))
        answers.read(1)  # the line feed behind an object
        return Object(oid, kind, data)

    def _ended(self) -> Unreadable:
        said = cast(IO[bytes], self._process.stderr).read().decode("utf-8", "replace")
        return Unreadable(f"git cannot read the repository: {' '.join(said.split())[:500]}")


class CommittedSource(TreeSource):
    """The files of a folder as a commit has them."""

    def __init__(self, objects: Objects, commit: str):
        self._objects = objects
        folder = objects.get(f"{commit}:./")
        super().__init__(commit, folder.id if folder and folder.kind == "tree" else None)

    def listed(self, tree: str) -> Mapping[str, Item]:
        """See :meth:`TreeSource.listed`."""
        return dict(_items(self._data(tree), len(tree) // 2))

    def bytes_of(self, blob: str) -> bytes:
        """See :meth:`TreeSource.bytes_of`."""
        return self._data(blob)

    def _data(self, oid: str) -> bytes:
        found = self._objects.get(oid)
        if found is None:
            raise Broken(f"object {oid} is not in the repository; fetch it, or clone anew")
        return found.data


def committed(directory: Path, name: str) -> CommittedSource:
    """Return the files of ``directory``, inside a work tree, before the changes since ``name``.

    ``name`` is a commit in any of git's spellings. If HEAD is not built on it, their last common
    commit counts. Raises :class:`Broken` when there is no repository or no such commit.
    """
    try:
        objects = Objects(directory)
        found = objects.get(f"{name}^{{commit}}") if name.isprintable() else None
        if found is None:
            raise Broken(f"{name[:200]!r} is no commit of the repository of {directory}")
        above = re.match(r"(?:HEAD|@)(?:[~^]|\Z)", name)
        return CommittedSource(objects, found.id if above else _before(directory, found.id))
    except FileNotFoundError as error:
        raise Broken("the command git is not there; install it to tell what changed") from error
    except Unreadable as error:
        raise Broken(
            f"{directory} is in no git work tree, so nothing is known of {name[:200]}: {error}"
        ) from error


def _before(directory: Path, commit: str) -> str:
    """Return the commit, or the last that HEAD has in common with it."""
    found = subprocess.run(
        [*_GIT, "-C", directory, "merge-base", "HEAD", commit],
        env=_environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        check=False,
    )
    return found.stdout.decode("ascii").partition("\n")[0] or commit


def _environment() -> dict[str, str]:
    """Return the environment for git: the repository is the one around, and nothing is fetched."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    return kept | {"GIT_ALLOW_PROTOCOL": "none", "GIT_NO_LAZY_FETCH": "1", "LC_ALL": "C"}


def _items(data: bytes, width: int) -> Iterator[tuple[str, Item]]:
    """Yield names and items of a tree object: ``MODE NAME``, a zero, an id of ``width`` bytes."""
    at = 0
    while at < len(data):
        zero = data.index(b"\0", at)
        mode, _, name = data[at:zero].partition(b" ")
        at = zero + 1 + width
        yield name.decode("utf-8", "surrogateescape"), Item(int(mode, 8), data[zero + 1 : at].hex())


def _end(process: subprocess.Popen[bytes]) -> None:
    for stream in (process.stdin, process.stdout, process.stderr):
        if stream is not None:
            with contextlib.suppress(BrokenPipeError):  # git ended before it read the question
                stream.close()
    process.wait()
