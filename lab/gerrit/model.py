"""What the stand-in knows about: accounts, groups, projects and who is calling."""

from __future__ import annotations

import hashlib
import secrets
import time
from dataclasses import asdict, dataclass, field

from .gitconfig import ConfigError
from .labelconfig import InternalError
from .projectconfig import ProjectConfig
from .repo import CONFIG_REF, Ident, Repo

ANONYMOUS = "global:Anonymous-Users"
REGISTERED = "global:Registered-Users"
SYSTEM_GROUPS = {
    ANONYMOUS: "Anonymous Users",
    REGISTERED: "Registered Users",
    "global:Project-Owners": "Project Owners",
    "global:Change-Owner": "Change Owner",
}


def timestamp(when: float) -> str:
    """Epoch seconds as Gerrit's REST writes them (UTC, nanoseconds)."""
    return time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(when)) + ".000000000"


def hash_secret(secret: str, salt: str) -> str:
    """A stored form of a password; fast, since this guards nothing but a laboratory."""
    return hashlib.sha256(f"{salt}:{secret}".encode()).hexdigest()


@dataclass
class Account:
    id: int
    username: str | None = None
    name: str | None = None
    email: str | None = None
    emails: list[str] = field(default_factory=list)
    active: bool = True
    registered: float = 0
    status: str | None = None
    tokens: dict[str, list[str]] = field(default_factory=dict)
    keys: dict[int, str] = field(default_factory=dict)

    @property
    def shown_name(self) -> str:
        """The full name, or the user name of an account that has none."""
        return self.name or self.username or ""

    def info(self, tags: list[str] | None = None) -> dict:
        """AccountInfo with all details."""
        found: dict = {"_account_id": self.id}
        if self.shown_name:
            found["name"] = self.shown_name
        if self.email:
            found["email"] = self.email
        if self.username:
            found["username"] = self.username
        if tags:
            found["tags"] = tags
        return found

    def attribute(self) -> dict:
        """The account as events and ``gerrit query`` show it."""
        fields = {"name": self.name, "email": self.email, "username": self.username}
        return {key: value for key, value in fields.items() if value}

    def label(self) -> str:
        """``Name <mail>`` as messages show it."""
        return f"{self.shown_name} <{self.email}>" if self.email else self.shown_name

    def ident(self, when: float | None = None) -> Ident:
        """The account as author or committer of a commit."""
        moment = int(time.time() if when is None else when)
        return Ident(self.name or self.username or "", self.email or "", moment)

    def set_token(self, name: str, secret: str) -> None:
        salt = secrets.token_hex(8)
        self.tokens[name] = [salt, hash_secret(secret, salt)]

    def accepts(self, secret: str) -> bool:
        return any(hash_secret(secret, salt) == stored for salt, stored in self.tokens.values())

    def data(self) -> dict:
        return asdict(self)

    @classmethod
    def from_data(cls, data: dict) -> Account:
        data["keys"] = {int(seq): key for seq, key in data["keys"].items()}
        return cls(**data)


@dataclass
class Group:
    uuid: str
    id: int
    name: str
    description: str = ""
    owner: str = ""
    visible_to_all: bool = False
    created: float = 0
    members: list[int] = field(default_factory=list)
    includes: list[str] = field(default_factory=list)
    audit: list[dict] = field(default_factory=list)

    @property
    def ref(self) -> str:
        return f"refs/groups/{self.uuid[:2]}/{self.uuid}"

    def data(self) -> dict:
        return asdict(self)


@dataclass(frozen=True)
class User:
    """Who is calling: an account or nobody, with every group it belongs to."""

    account: Account | None
    groups: frozenset[str]

    @property
    def id(self) -> int:
        return self.account.id if self.account else 0

    @property
    def name(self) -> str | None:
        return self.account.username if self.account else None

    @property
    def key(self) -> int:
        """Identity for remembered permission answers."""
        return self.id


class Project:
    """A project: its name, its repository, and its configuration parsed on demand."""

    def __init__(self, name: str, repo: Repo):
        self.name = name
        self.repo = repo
        self.listed = True
        self.indexed = True
        self.parent_hint: str | None = None
        self._config: ProjectConfig | None = None
        self._config_at: str | None = "none"

    @property
    def config(self) -> ProjectConfig:
        """Configuration at refs/meta/config; the defaults if there is none."""
        at = self.repo.refs.get(CONFIG_REF)
        if self._config is None or at != self._config_at:
            self._config = self._parse(at) if at else ProjectConfig("")
            self._config_at = at
        return self._config

    def _parse(self, commit: str) -> ProjectConfig:
        text, groups = (self.text(commit, name) for name in ("project.config", "groups"))
        try:
            return ProjectConfig(text, groups)
        except (ConfigError, InternalError):
            return ProjectConfig("")

    def text(self, commit: str, path: str) -> str:
        """A file of a commit as text, empty if it is not there."""
        return (self.repo.file(commit, path) or b"").decode("utf-8", "replace")

    @property
    def head_branch(self) -> str:
        return self.repo.head

    @property
    def permissions_only(self) -> bool:
        return self.repo.head == CONFIG_REF
