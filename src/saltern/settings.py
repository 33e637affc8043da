"""Settings: one frozen dataclass a group; unknown keys are refused."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, dataclass, field, fields
from typing import Any, TypeVar, cast

from saltern.errors import Broken
from saltern.typed import fits, hints, spelled

T = TypeVar("T")

SECTIONS = ("registry", "check", "review", "gerrit", "mirror", "converge")
"""Sections of a settings file; the master's configuration has the same but gerrit and mirror."""

ENFORCE = "enforce"
REPORT = "report"
LEAVE = "leave"
POLICIES = ("groups", "access", "settings")


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
    members_limit: float = 0.5
    """Share (0..1) of a group's members that one converge may take out of it; three always may."""
    policy: Mapping[str, str] = field(default_factory=dict)
    """For each of groups, access and settings what becomes of what somebody changed on the server:
    ``enforce`` (repair it, the default), ``report`` it, or ``leave`` it."""
    retired_description: str | None = None
    """Description of projects with ``retired: true``, in which ``{description}`` stands for
    their own; ``None``: their own."""
    retired_acl: str | None = None
    """ACL file (a path as in ``acl-config``) of projects with ``retired: true``; ``None``: their
    own."""
    moved_description: str = "Renamed to {project}."
    """Description of a project whose content moved to another name, which ``{project}`` stands
    for."""

    def __post_init__(self) -> None:
        for name, word in self.policy.items():
            if name not in POLICIES or word not in (ENFORCE, REPORT, LEAVE):
                raise Broken(
                    f"registry.policy: {name!r}: {word!r} is not one of {', '.join(POLICIES)} with "
                    f"{ENFORCE}, {REPORT} or {LEAVE}",
                    code="settings",
                )


@dataclass(frozen=True)
class CheckSettings:
    """What the rules of ``saltern check`` ask for. Codes and what they say: ``saltern rule``."""

    ignore: tuple[str, ...] = ()
    """Codes of rules that are not applied. What holds a project up cannot be left out."""
    severity: Mapping[str, str] = field(default_factory=dict)
    """Code to ``error`` or ``warning``, in place of the rule's own severity."""
    root_labels: tuple[str, ...] | None = None
    """Labels that All-Projects defines. ``None``: not known; then Code-Review counts as defined,
    and so does what five ACL files or more grant votes on."""
    operators: tuple[str, ...] = ()
    """Search operators of plugins and aliases that submit requirements may use."""
    service_group: str | None = None
    """Group the service account is in; ``None``: ACLs are not checked for shutting it out."""
    core_groups: str = "^(?!(Anonymous|Registered) Users$)"
    """Regular expression that a group's name has a match of when it may be granted the extreme
    votes of Code-Review, such as ``-core$``; by default all groups but those of everybody."""
    description_orgs: tuple[str, ...] = ()
    """First parts of the names of projects that must have a description; ``*``: all."""
    name_pattern: str = "[^/]+/[^/]+"
    """Regular expression that a whole project name is asked to match."""
    upstream_schemes: tuple[str, ...] = ("https", "http", "git")
    """Schemes an ``upstream`` may have."""
    upstream_hosts: tuple[str, ...] | None = None
    """Hosts an ``upstream`` may be on (``.example.org``: and all below); ``None``: any."""
    tenant_file: str | None = None
    """Path in the registry of a Zuul tenant file; every project it names must be there too."""
    tenant_sources: tuple[str, ...] = ("gerrit",)
    """Names of the tenant file's sources that mean this Gerrit."""


@dataclass(frozen=True)
class ReviewSettings:
    """What is said on a change of the registry before it merges."""

    label: str | None = None
    """Label the service account votes on; ``None``: no vote."""
    passed: int = 1
    """Vote when the change causes no error and needs no flag."""
    failed: int = -1
    """Vote when the change causes an error or lacks a flag."""
    comments: int = 100
    """Most inline comments on one patch set; further findings are counted in the summary."""
    rows: int = 40
    """Most lines of each list in the summary."""
    upstreams: bool = False
    """Whether the minion that owns Gerrit asks new upstreams for their refs, within its limits for
    imports: any contributor makes it do so then, before anybody looked at the change."""
    protected: tuple[Mapping[str, Any], ...] = (
        {
            "refs": ("refs/*", "refs/meta/*"),
            "permissions": (
                "owner",
                "push",
                "submit",
                "create",
                "delete",
                "forgeAuthor",
                "forgeCommitter",
                "forgeServerAsCommitter",
                "removeReviewer",
                "removeLabel-*",
            ),
            "unless": (),
        },
        {"refs": ("capability",), "permissions": ("*",), "unless": ()},
    )
    """Rights that a change may grant only with the footer ``Saltern-Allow: protected-right``: rows
    of ``refs`` (ref patterns; ``capability``: global capabilities), ``permissions`` (names; ``*``
    matches any text) and ``unless`` (groups that may have them)."""


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
    """Seconds an upstream import may take; the next attempt goes on where it stopped."""
    import_bytes: int = 4_000_000_000
    """Bytes on disk that an upstream import may need while it is under way."""
    import_schemes: tuple[str, ...] = ("https", "http", "git", "ssh")
    """Schemes of upstreams that are fetched."""
    import_hosts: tuple[str, ...] | None = None
    """Hosts that are fetched from (``.example.org``: all below it), whatever their addresses;
    ``None``: all whose addresses are public."""
    verify_tls: bool = True
    """Whether the server's certificate is checked."""
    ca_file: str | None = None
    """File of the CA certificates that count, such as the system's store; ``None``: those that
    Python brings, or that the environment's ``REQUESTS_CA_BUNDLE`` names."""
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
    links: Mapping[str, str] = field(default_factory=dict)
    """Base URLs that notes and the status page link to: ``gerrit``, ``mirror`` (a project's name
    is appended, or put where ``{project}`` stands) and ``status``; what is absent has no link."""
    page_dir: str | None = None
    """Directory on the master that every round writes the status page into; ``None``: none."""
    page_runs: int = 20
    """Latest runs that have a page of their own."""
    keep_days: float | None = 90.0
    """Days that the journal keeps what runs did; ``None``: for ever. What is stuck, the latest runs
    of each kind and the totals of the metrics stay."""


def build(cls: type[T], data: Mapping[str, Any] | None, where: str) -> T:
    """Return ``cls(**data)``; ``where`` names the origin for messages.

    Raises :class:`Broken` on an unknown or missing key, or a value of another type.
    """
    if not isinstance(data, Mapping | None):
        raise Broken(f"{where}: not a mapping; write 'setting: value' lines", code="settings")
    data = dict(data or {})
    known = {f.name: f for f in fields(cast(Any, cls))}
    unknown = sorted(set(data) - set(known), key=str)
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
        wanted = hints(cast(Any, cls))[name]
        if not fits(value, wanted):
            kind = "nothing" if value is None else type(value).__name__
            what = f"setting {name!r} must be {spelled(wanted)}, not {kind}"
            raise Broken(f"{where}: {what}", code="settings")
        if isinstance(value, list):
            data[name] = tuple(value)
    return cls(**data)
