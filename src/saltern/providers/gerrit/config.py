"""refs/meta/config: what a commit of it says, and new commits for it."""

from __future__ import annotations

import stat
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from dulwich.object_store import MemoryObjectStore
from dulwich.objects import Blob, Commit, ObjectID, ShaFile, Tree

from saltern.providers.gerrit.cache import Cache
from saltern.providers.gerrit.git import Git
from saltern.registry.acl import SYSTEM_GROUPS, AclDocument, AclSyntaxError, digest
from saltern.registry.settingskeys import access_digest, is_bare, plain_rows

META_CONFIG = "refs/meta/config"
PROJECT_CONFIG = "project.config"
GROUPS = "groups"


@dataclass(frozen=True)
class MetaConfig:
    """What one commit of refs/meta/config holds.

    ``digest`` is that of the ACL without its description, ``access_digest`` also without plain
    settings, and ``plain`` are those; ``bare``: it says no more than Gerrit does when it makes a
    project. ``named`` are the groups that project.config names, ``groups`` the groups file as
    ``{name: uuid}``, ``state`` the project's state it sets, ``others`` the entries of its tree
    beside these two files as ``{name: (mode, object id)}``.
    """

    digest: str
    state: str
    named: tuple[str, ...] = ()
    groups: Mapping[str, str] = field(default_factory=dict)
    others: Mapping[str, tuple[int, str]] = field(default_factory=dict)
    access_digest: str = ""
    plain: Mapping[str, list[str]] = field(default_factory=dict)
    bare: bool = False

    @classmethod
    def of(
        cls, config: bytes, groups: bytes, others: Mapping[str, tuple[int, str]] | None = None
    ) -> MetaConfig:
        """Return what the files' bytes say; unparsable ones have a digest nothing else has."""
        listed = parse_groups(groups)
        try:
            document = AclDocument.parse(config, PROJECT_CONFIG)
        except AclSyntaxError:
            unparsable = f"unparsable {Blob.from_string(config).id.decode()}"
            return cls(unparsable, "ACTIVE", (), listed, others or {}, unparsable)
        return cls(
            digest(document),
            document.state or "ACTIVE",
            tuple(document.group_names),
            listed,
            others or {},
            access_digest(document),
            plain_rows(document),
            is_bare(document),
        )

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> MetaConfig:
        """Rebuild from what :meth:`to_data` returned."""
        others = {name: (mode, sha) for name, (mode, sha) in data["others"].items()}
        return cls(**{**data, "named": tuple(data["named"]), "others": others})

    def to_data(self) -> dict[str, Any]:
        """Return plain data for the cache."""
        return asdict(self)

    def seen(self) -> dict[str, Any]:
        """Return what an observation tells of it; the groups file needs the server's UUIDs."""
        return {
            "digest": self.digest,
            "access_digest": self.access_digest,
            "plain": dict(self.plain),
            "bare": self.bare,
            "state": self.state,
        }

    def wrong_groups(self, uuid_of: Callable[[str], str | None]) -> list[str]:
        """Return the named groups whose UUID here is not the server's.

        Groups of other systems (their UUIDs have a colon, as in ``ldap:cn=x``) are not in the
        server's listing and count as right.
        """
        wrong = []
        for name in self.named:
            have, want = self.groups.get(name), SYSTEM_GROUPS.get(name) or uuid_of(name)
            foreign = want is None and have is not None and ":" in have
            if have is None or (have != want and not foreign):
                wrong.append(name)
        return wrong


def parse_groups(text: bytes) -> dict[str, str]:
    """Return a groups file (``UUID TAB name`` lines, ``#`` comments) as ``{name: uuid}``."""
    found = {}
    for line in text.decode("utf-8", "replace").splitlines():
        uuid, tab, name = line.partition("\t")
        if tab and not line.startswith("#"):
            found[name.strip()] = uuid.strip()
    return found


class MetaConfigs:
    """Contents of refs/meta/config by commit id, each read from the server at most once."""

    def __init__(self, git: Git, cache: Cache):
        self._git = git
        self._cache = cache

    def known(self, commits: Iterable[str]) -> dict[str, MetaConfig]:
        """Return what the cache has of ``commits``."""
        found = self._cache.get(commits)
        return {commit: MetaConfig.from_data(data) for commit, data in found.items()}

    def remember(self, known: Mapping[str, MetaConfig]) -> None:
        """Put contents into the cache."""
        self._cache.put({commit: meta.to_data() for commit, meta in known.items()})

    def read(self, project: str, commit: str) -> MetaConfig:
        """Return what ``commit`` of ``project`` holds, from the cache or by one fetch."""
        if known := self.known([commit]):
            return known[commit]
        meta, _ = self.files(project, commit)
        return meta

    def files(self, project: str, commit: str) -> tuple[MetaConfig, dict[str, bytes]]:
        """Return what ``commit`` holds, and ``project.config`` and ``groups`` as they stand."""
        meta, files = _content(self._git.objects(project, commit), commit)
        self.remember({commit: meta})
        return meta, files


def _content(store: MemoryObjectStore, commit: str) -> tuple[MetaConfig, dict[str, bytes]]:
    found = store[ObjectID(commit.encode())]
    assert isinstance(found, Commit)  # noqa: S101 - a ref of Gerrit's configuration
    tree = store[found.tree]
    assert isinstance(tree, Tree)  # noqa: S101
    entries = {entry.path.decode("utf-8", "surrogateescape"): entry for entry in tree.iteritems()}

    def text(name: str) -> bytes:
        entry = entries.pop(name, None)
        return store[entry.sha].as_raw_string() if entry else b""

    files = {name: text(name) for name in (PROJECT_CONFIG, GROUPS)}
    others = {name: (entry.mode, entry.sha.decode()) for name, entry in entries.items()}
    return MetaConfig.of(files[PROJECT_CONFIG], files[GROUPS], others), files


@dataclass(frozen=True)
class Identity:
    """Author and committer of the commits Saltern makes."""

    name: str
    email: str

    def line(self) -> bytes:
        """Return ``Name <email>`` as git writes it."""
        clean = {ord(char): None for char in "<>\n\0"}
        return f"{self.name.translate(clean)} <{self.email.translate(clean)}>".encode()


def new_commit(
    files: Mapping[str, bytes],
    message: str,
    identity: Identity,
    parent: str | None = None,
    others: Mapping[str, tuple[int, str]] | None = None,
) -> tuple[str, list[ShaFile]]:
    """Return a commit id and the objects to send: the tree holds ``files`` and ``others``.

    ``others`` names objects that the server has already.
    """
    tree = Tree()
    blobs = [Blob.from_string(content) for content in files.values()]
    for name, blob in zip(files, blobs, strict=True):
        tree.add(name.encode("utf-8", "surrogateescape"), stat.S_IFREG | 0o644, blob.id)
    for name, (mode, sha) in (others or {}).items():
        tree.add(name.encode("utf-8", "surrogateescape"), mode, ObjectID(sha.encode()))
    commit = Commit()
    commit.tree = tree.id
    commit.parents = [ObjectID(parent.encode())] if parent else []
    commit.author = commit.committer = identity.line()
    commit.author_time = commit.commit_time = int(time.time())
    commit.author_timezone = commit.commit_timezone = 0
    commit.encoding = b"UTF-8"
    commit.message = message.encode()
    return commit.id.decode(), [commit, tree, *blobs]
