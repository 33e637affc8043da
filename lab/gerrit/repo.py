"""Bare git repositories on disk; their refs are also held in memory.

Every write goes through this process, so the in-memory refs are authoritative once a
repository is loaded; other processes (``git upload-pack``) read the same files.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import time
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from dulwich.object_store import DiskObjectStore

ZERO = "0" * 40
EMPTY_TREE = "4b825dc642cb6eb9a060e54bf8d69288fbee4904"
CONFIG_REF = "refs/meta/config"
_KINDS = {1: b"commit", 2: b"tree", 3: b"blob", 4: b"tag"}
_GIT_CONFIG = (
    "[core]\n\trepositoryformatversion = 0\n\tfilemode = true\n\tbare = true\n"
    "[receive]\n\tadvertisePushOptions = true\n[uploadpack]\n\tallowAnySHA1InWant = true\n"
)


class LockFailure(Exception):
    """A ``<ref>.lock`` file stands in the way of a ref update."""


class ObjectMissing(KeyError):
    """An object id that is not in the repository."""


@dataclass(frozen=True)
class Ident:
    """An author or committer: name, e-mail, epoch seconds, offset from UTC in minutes."""

    name: str
    email: str
    when: int
    tz: int = 0

    def line(self) -> str:
        sign = "-" if self.tz < 0 else "+"
        hours, minutes = divmod(abs(self.tz), 60)
        return f"{self.name} <{self.email}> {self.when} {sign}{hours:02d}{minutes:02d}"


@dataclass(frozen=True)
class Commit:
    """A parsed commit."""

    id: str
    tree: str
    parents: tuple[str, ...]
    author: Ident
    committer: Ident
    message: str

    @property
    def subject(self) -> str:
        """The first paragraph of the message, joined to one line."""
        paragraph = self.message.lstrip("\n").split("\n\n", 1)[0]
        return " ".join(line.strip() for line in paragraph.splitlines())


def parse_ident(text: str) -> Ident:
    """``Name <mail> 123 +0100`` as an Ident; missing parts are empty or zero."""
    name, _, rest = text.partition("<")
    email, _, rest = rest.partition(">")
    fields = rest.split()
    when = int(fields[0]) if fields else 0
    zone = fields[1] if len(fields) > 1 else "+0000"
    minutes = int(zone[1:3]) * 60 + int(zone[3:5])
    return Ident(name.strip(), email, when, -minutes if zone[0] == "-" else minutes)


def parse_commit(oid: str, raw: bytes) -> Commit:
    """A commit object's payload as a Commit."""
    head, _, body = raw.partition(b"\n\n")
    tree, parents, people = "", [], {}
    for line in head.decode("utf-8", "replace").split("\n"):
        key, _, value = line.partition(" ")
        if key == "tree":
            tree = value
        elif key == "parent":
            parents.append(value)
        elif key in ("author", "committer"):
            people[key] = parse_ident(value)
    nobody = Ident("", "", 0)
    return Commit(
        oid,
        tree,
        tuple(parents),
        people.get("author", nobody),
        people.get("committer", nobody),
        body.decode("utf-8", "replace"),
    )


def parse_tree(raw: bytes) -> list[tuple[int, str, str]]:
    """A tree object's payload as ``(mode, name, id)`` rows."""
    rows, at = [], 0
    while at < len(raw):
        space = raw.index(b" ", at)
        nul = raw.index(b"\0", space)
        name = raw[space + 1 : nul].decode("utf-8", "surrogateescape")
        rows.append((int(raw[at:space], 8), name, raw[nul + 1 : nul + 21].hex()))
        at = nul + 21
    return rows


class Repo:
    """One bare repository.

    ``refs`` maps full names to 40-hex ids and must not be changed from outside; ``head`` is
    the ref that HEAD points to.
    """

    def __init__(self, path: Path):
        self.path = path
        self.refs: dict[str, str] = {}
        self.head = "refs/heads/master"
        self._store: DiskObjectStore | None = None
        self._commits: dict[str, Commit] = {}

    @classmethod
    def create(cls, path: Path, head: str) -> Repo:
        """Make an empty bare repository with HEAD pointing to ``head``."""
        os.makedirs(path / "objects/pack")
        os.mkdir(path / "refs")
        (path / "config").write_text(_GIT_CONFIG)
        (path / "HEAD").write_text(f"ref: {head}\n")
        repo = cls(path)
        repo.head = head
        return repo

    @classmethod
    def load(cls, path: Path) -> Repo:
        """Open a repository and read its refs from disk."""
        repo = cls(path)
        repo.head = (path / "HEAD").read_text().strip().removeprefix("ref: ")
        with contextlib.suppress(FileNotFoundError):
            for line in (path / "packed-refs").read_text().splitlines():
                if line[:1] not in ("#", "^"):
                    oid, _, name = line.partition(" ")
                    repo.refs[name] = oid
        for folder, _, files in os.walk(path / "refs"):
            for file in files:
                if not file.endswith(".lock"):
                    full = os.path.join(folder, file)
                    name = os.path.relpath(full, path)
                    repo.refs[name] = Path(full).read_text().strip()
        return repo

    # --- objects ---

    def _object_path(self, oid: str) -> str:
        return f"{self.path}/objects/{oid[:2]}/{oid[2:]}"

    def read(self, oid: str) -> tuple[bytes, bytes]:
        """``(kind, payload)`` of an object; ObjectMissing if there is none."""
        try:
            with open(self._object_path(oid), "rb") as file:
                header, _, data = zlib.decompress(file.read()).partition(b"\0")
            return header.split(b" ")[0], data
        except FileNotFoundError:
            pass
        if oid == EMPTY_TREE:
            return b"tree", b""
        if self._store is None:
            self._store = DiskObjectStore(str(self.path / "objects"))
        try:
            number, data = self._store.get_raw(oid.encode())
        except KeyError:
            raise ObjectMissing(oid) from None
        return _KINDS[number], data

    def has(self, oid: str) -> bool:
        """Whether the object is there."""
        if os.path.exists(self._object_path(oid)):
            return True
        try:
            self.read(oid)
        except (ObjectMissing, ValueError):
            return False
        return True

    def write(self, kind: bytes, data: bytes) -> str:
        """Store a loose object and return its id."""
        full = b"%s %d\0" % (kind, len(data)) + data
        oid = hashlib.sha1(full, usedforsecurity=False).hexdigest()
        path = self._object_path(oid)
        if not os.path.exists(path):
            temporary = f"{self.path}/objects/{oid}.{time.monotonic_ns()}.tmp"
            with open(temporary, "wb") as file:
                file.write(zlib.compress(full, 1))
            try:
                os.rename(temporary, path)
            except FileNotFoundError:
                os.mkdir(os.path.dirname(path))
                os.rename(temporary, path)
        return oid

    def commit(self, oid: str) -> Commit:
        """The commit ``oid``, through tags; ObjectMissing if it is none."""
        found = self._commits.get(oid)
        if found is None:
            kind, data = self.read(oid)
            if kind == b"tag":
                return self.commit(data.split(b"\n", 1)[0].split(b" ")[1].decode())
            if kind != b"commit":
                raise ObjectMissing(oid)
            found = self._commits[oid] = parse_commit(oid, data)
        return found

    def tree(self, oid: str) -> list[tuple[int, str, str]]:
        """The rows ``(mode, name, id)`` of a tree."""
        return parse_tree(self.read(oid)[1])

    def files(self, tree: str, prefix: str = "") -> dict[str, tuple[int, str]]:
        """All files below a tree: path to ``(mode, id)``."""
        found = {}
        for mode, name, oid in self.tree(tree):
            if mode == 0o40000:
                found.update(self.files(oid, f"{prefix}{name}/"))
            else:
                found[prefix + name] = (mode, oid)
        return found

    def file(self, commit: str, path: str) -> bytes | None:
        """A file's content at a commit, None if it is not there."""
        tree = self.commit(commit).tree
        *folders, name = path.split("/")
        for folder in folders:
            tree = next((o for m, n, o in self.tree(tree) if n == folder and m == 0o40000), "")
            if not tree:
                return None
        oid = next((o for m, n, o in self.tree(tree) if n == name and m != 0o40000), None)
        return None if oid is None else self.read(oid)[1]

    def write_tree(self, files: dict[str, tuple[int, str]]) -> str:
        """Store the trees for ``path -> (mode, blob id)`` and return the root's id."""
        here: list[tuple[bytes, int, str]] = []
        below: dict[str, dict[str, tuple[int, str]]] = {}
        for path, entry in files.items():
            folder, slash, rest = path.partition("/")
            if slash:
                below.setdefault(folder, {})[rest] = entry
            else:
                here.append((path.encode("utf-8", "surrogateescape"), *entry))
        for folder, entries in below.items():
            here.append((folder.encode(), 0o40000, self.write_tree(entries)))
        here.sort(key=lambda row: row[0] + (b"/" if row[1] == 0o40000 else b""))
        data = b"".join(b"%o %s\0" % (m, n) + bytes.fromhex(o) for n, m, o in here)
        return self.write(b"tree", data)

    def write_commit(
        self,
        tree: str,
        parents: Iterable[str],
        author: Ident,
        committer: Ident,
        message: str,
    ) -> str:
        """Store a commit and return its id."""
        lines = [f"tree {tree}", *(f"parent {p}" for p in parents)]
        lines += [f"author {author.line()}", f"committer {committer.line()}", "", message]
        return self.write(b"commit", "\n".join(lines).encode("utf-8", "surrogateescape"))

    def ancestors(self, tips: Iterable[str], without: Iterable[str] = ()) -> list[str]:
        """Commits reachable from ``tips`` and not from ``without``, newest walk first."""
        hidden: set[str] = set()
        queue = [oid for oid in without if self.has(oid)]
        while queue:
            oid = queue.pop()
            if oid not in hidden:
                with contextlib.suppress(ObjectMissing):
                    queue.extend(self.commit(oid).parents)
                hidden.add(oid)
        seen, found, queue = set(), [], list(tips)
        while queue:
            oid = queue.pop(0)
            if oid not in seen and oid not in hidden:
                seen.add(oid)
                found.append(oid)
                queue.extend(self.commit(oid).parents)
        return found

    def contains(self, tip: str, commit: str) -> bool:
        """Whether ``commit`` is reachable from ``tip``."""
        if tip == commit:
            return True
        seen, queue = set(), [tip]
        while queue:
            oid = queue.pop()
            if oid == commit:
                return True
            if oid not in seen:
                seen.add(oid)
                queue.extend(self.commit(oid).parents)
        return False

    # --- refs ---

    def update_ref(self, name: str, new: str) -> None:
        """Set a ref, or delete it with ZERO; LockFailure if it is locked."""
        path = self.path / name
        lock = f"{path}.lock"
        try:
            handle = _create(lock)
        except FileExistsError:
            raise LockFailure(name) from None
        except FileNotFoundError:
            os.makedirs(os.path.dirname(path), exist_ok=True)
            handle = _create(lock)
        if new == ZERO:
            os.close(handle)
            self._delete_ref(name, path)
            os.unlink(lock)
            return
        with os.fdopen(handle, "w") as file:
            file.write(new + "\n")
        os.rename(lock, path)
        self.refs[name] = new

    def _delete_ref(self, name: str, path: Path) -> None:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path)
        packed = self.path / "packed-refs"
        if packed.exists():
            lines = packed.read_text().splitlines(keepends=True)
            packed.write_text("".join(x for x in lines if x.split(" ")[-1].strip() != name))
        self.refs.pop(name, None)

    def set_head(self, target: str) -> None:
        """Point HEAD to a ref."""
        temporary = self.path / "HEAD.lock"
        temporary.write_text(f"ref: {target}\n")
        os.rename(temporary, self.path / "HEAD")
        self.head = target

    def clash(self, name: str) -> str | None:
        """An existing ref that is a folder of ``name`` or has it as a folder."""
        for other in self.refs:
            if other.startswith(name + "/") or name.startswith(other + "/"):
                return other
        return None

    def destroy(self) -> None:
        """Remove the repository from disk."""
        shutil.rmtree(self.path)


def _create(path: str) -> int:
    """Open a file that must not be there yet."""
    return os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY)
