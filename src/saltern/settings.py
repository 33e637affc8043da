"""Settings: one frozen dataclass a group; unknown keys are refused."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, dataclass, field, fields
from typing import Any, TypeVar, cast

from saltern.errors import Broken

T = TypeVar("T")

SECTIONS = ("registry", "check", "review", "gerrit", "mirror", "converge")
"""Sections of a settings file; the master's configuration has the same but gerrit and mirror."""

ENFORCE = "enforce"
REPORT = "report"
LEAVE = "leave"


@dataclass(frozen=True)
class RegistrySettings:
    """Where the registry is and how its files are to be read."""

    project: str = "infra/project-config"
    """Gerrit project that holds the registry."""
    branch: str = "master"
    """Branch whose tip is what should exist (short name)."""
    url: str | None = None
    """Git URL (no credentials in it) to fetch the registry from; ``None``: a directory is given."""
    projects_file: str = "gerrit/projects.yaml"
    """Path of the projects file in that repository."""
    groups_file: str = "gerrit/groups.yaml"
    """Path of the groups file in that repository; it need not exist."""
    acl_dir: str = "gerrit/acls"
    """Path of the ACL directory in that repository."""
    acl_prefixes: tuple[str, ...] = ("/home/gerrit2/acls",)
    """Absolute directories that ``acl-config`` values may start with; each means ``acl_dir``."""
    default_parent: str = "All-Projects"
    """Parent of a project whose ACL has no ``inheritFrom``."""
    default_branch: str = "master"
    """Default branch of a project that names none."""
    defaults: Mapping[str, Any] = field(default_factory=dict)
    """Keys every project entry has unless it says otherwise (jeepyb's ``projects.ini``)."""
    group_owner: str = "Administrators"
    """Group that owns the groups Saltern makes."""
    allow_local_upstreams: bool = False
    """Whether ``upstream`` may be a path or a ``file:`` URL (tests and demonstrations)."""
    retire_limit: float = 0.25
    """Share (0..1) of the active projects that one converge may make read-only or hidden."""
    policy: Mapping[str, str] = field(default_factory=dict)
    """For each of groups, access and settings what becomes of what somebody changed on the server:
    ``enforce`` (repair it, the default), ``report`` it, or ``leave`` it."""


@dataclass(frozen=True)
class CheckSettings:
    """How the registry is checked."""


@dataclass(frozen=True)
class ReviewSettings:
    """What is said on changes of the registry before they merge."""


@dataclass(frozen=True)
class GerritSettings:
    """How the minion that owns Gerrit reaches it. Secrets come from pillar."""

    url: str
    """Base URL, without a trailing slash and without credentials."""
    username: str = "saltern"
    """Service account."""
    password: str = field(default="", repr=False)
    """HTTP password of the service account."""
    cache_dir: str = "/var/cache/saltern"
    """Directory for digests by commit id, the group lock and import work."""
    workers: int = 4
    """Requests in flight at once beside the one group creation."""
    timeout: float = 60.0
    """Seconds before an unanswered request is given up (and looked at again)."""
    import_timeout: float = 3600.0
    """Seconds an upstream import may take."""
    verify_tls: bool = True
    """Whether the server's certificate is checked."""
    review_host: str | None = None
    """``host`` of the .gitreview in first commits; ``None``: the host in ``url``."""
    review_port: int = 29418
    """``port`` of the .gitreview in first commits."""
    committer_email: str = "saltern@localhost"
    """E-mail of the commits Saltern makes when the service account has none of its own; the
    account must then have Forge Committer."""


@dataclass(frozen=True)
class MirrorSettings:
    """How the minion that owns the git mirror keeps it."""

    root: str
    """Directory of the bare repositories (``NAME.git``)."""
    source_url: str
    """Base URL to fetch from, ``SOURCE/NAME``; no credentials in it."""
    username: str = ""
    """Account for fetching; empty: anonymous."""
    password: str = field(default="", repr=False)
    """Its HTTP password."""
    public_url: str = ""
    """Base URL under which the mirror is served; for reports."""
    workers: int = 4
    """Fetches at once."""
    timeout: float = 600.0
    """Seconds one fetch may take."""


@dataclass(frozen=True)
class ConvergeSettings:
    """How the master runs a plan."""

    state_dir: str = "/var/lib/saltern"
    """Directory of journal, lock and registry clone on the master."""
    owners: Mapping[str, str] = field(default_factory=dict)
    """Minion id that owns each provider, e.g. ``{"gerrit": "review01", "mirror": "git01"}``.
    A provider nobody owns has no steps."""
    attempts: int = 5
    """Attempts at a step within one run before it is put on the stuck list."""
    backoff: float = 1.0
    """Seconds before the second attempt; doubled for each further one."""
    backoff_limit: float = 30.0
    """Most seconds between two attempts."""
    batch: int = 100
    """Most steps in one job."""
    job_timeout: float = 1800.0
    """Seconds after which a job whose minion still answers is given up."""


def build(cls: type[T], data: Mapping[str, Any] | None, where: str) -> T:
    """Return ``cls(**data)``; ``where`` names the origin for messages.

    Raises :class:`Broken` on an unknown or missing key, or a value of another type.
    """
    data = dict(data or {})
    known = {f.name: f for f in fields(cast(Any, cls))}
    unknown = sorted(set(data) - set(known))
    if unknown:
        raise Broken(
            f"{where}: unknown setting {unknown[0]!r}; known are {', '.join(sorted(known))}",
            code="settings",
        )
    required = {n for n, f in known.items() if f.default is f.default_factory is MISSING}
    missing = sorted(required - set(data))
    if missing:
        raise Broken(f"{where}: setting {missing[0]!r} is missing", code="settings")
    for name, value in data.items():
        if isinstance(value, list):
            data[name] = tuple(value)
    return cls(**data)
