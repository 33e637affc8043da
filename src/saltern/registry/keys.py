"""Every key a contributor may write: the one table that checks, schema and documentation read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

TEXT = "text"
BOOLEAN = "boolean"
LIST = "list"
MAPPING = "mapping"
ENUM = "enum"
TRI = "tri"
"""``true``, ``false`` or ``inherit``, as Gerrit's own settings."""


@dataclass(frozen=True)
class Key:
    """One key: its ``shape``, whether it ``decides`` what is made, and what it is ``about``.

    ``values`` are what an ``enum`` takes; a ``list`` holds texts.
    """

    name: str
    shape: str
    about: str
    decides: bool = True
    values: tuple[str, ...] = ()


def _table(keys: Iterable[Key]) -> Mapping[str, Key]:
    return MappingProxyType({key.name: key for key in keys})


STATES: Mapping[str, str] = MappingProxyType(
    {"active": "ACTIVE", "read-only": "READ_ONLY", "hidden": "HIDDEN"}
)
"""``state`` as contributors write it, to Gerrit's word."""

SUBMIT_TYPES = (
    "inherit",
    "merge-if-necessary",
    "fast-forward-only",
    "rebase-if-necessary",
    "rebase-always",
    "merge-always",
    "cherry-pick",
)

_SETTINGS = (
    Key("submit-type", ENUM, "How changes are submitted.", values=SUBMIT_TYPES),
    Key("use-content-merge", TRI, "Whether changes to one file are merged by content."),
    Key("use-contributor-agreements", TRI, "Whether an agreement is needed to upload."),
    Key("use-signed-off-by", TRI, "Whether commits must be signed off."),
    Key("require-change-id", TRI, "Whether commits must have a Change-Id."),
    Key(
        "create-new-change-for-all-not-in-target",
        TRI,
        "Whether each commit that the branch lacks becomes a change.",
    ),
    Key("enable-signed-push", TRI, "Whether signed pushes are taken."),
    Key("require-signed-push", TRI, "Whether only signed pushes are taken."),
    Key("reject-implicit-merges", TRI, "Whether pushes that merge another branch are refused."),
    Key("private-by-default", TRI, "Whether new changes are private."),
    Key("work-in-progress-by-default", TRI, "Whether new changes are work in progress."),
    Key("enable-reviewer-by-email", TRI, "Whether reviewers may be added by e-mail address."),
    Key(
        "match-author-to-committer-date",
        TRI,
        "Whether a submitted commit's author date becomes its committer date.",
    ),
    Key("reject-empty-commit", TRI, "Whether a submit that changes nothing is refused."),
    Key("max-object-size-limit", TEXT, "The largest object a push may bring, such as 10m."),
)

SETTING_KEYS = _table(_SETTINGS)
"""Keys that stand for plain settings of Gerrit's ``project.config``."""

CORE_KEYS = _table(
    (
        Key("project", TEXT, "The project's name on Gerrit."),
        Key("description", TEXT, "A sentence or two about it."),
        Key("acl-config", TEXT, "Its ACL file; the ACL directory's NAME.config if left out."),
        Key("default-branch", TEXT, "The branch that HEAD names."),
        Key("options", LIST, "Words such as no-gerrit."),
        Key("upstream", TEXT, "A git URL to import from, once."),
        Key("upstream-prefix", TEXT, "What imported branches are put below."),
        Key("upstream-branches", LIST, "Patterns of the branches to import; all if left out."),
        Key("upstream-tags", LIST, "Patterns of the tags to import; all if left out."),
        Key("track-upstream", BOOLEAN, "Whether the upstream is followed."),
        Key("state", ENUM, "Whether it takes changes and is seen.", values=tuple(STATES)),
        Key("retired", BOOLEAN, "Whether it is finished: read-only from now on."),
        Key("parent", TEXT, "The project it inherits access rights from."),
        Key("previously", LIST, "Names it had before; its content moves here from them."),
        *_SETTINGS,
    )
)
"""Keys that decide what is made."""

OTHER_KEYS = _table(
    Key(name, shape, about, decides=False)
    for name, shape, about in (
        ("cgit-alias", MAPPING, "For a cgit page; decides nothing here."),
        ("docimpact-group", TEXT, "For documentation bugs; decides nothing here."),
        ("groups", LIST, "Groups of an issue tracker; decides nothing here."),
        ("has-downloads", BOOLEAN, "Decides nothing here."),
        ("has-issues", BOOLEAN, "Decides nothing here."),
        ("has-pull-requests", BOOLEAN, "Decides nothing here."),
        ("has-wiki", BOOLEAN, "Decides nothing here."),
        ("homepage", TEXT, "The project's web page; decides nothing here."),
        ("launchpad", TEXT, "Decides nothing here."),
        ("use-storyboard", BOOLEAN, "Decides nothing here."),
    )
)
"""Keys that jeepyb's users write and that decide nothing here."""

KEYS: Mapping[str, Key] = MappingProxyType({**CORE_KEYS, **OTHER_KEYS})
"""All keys of an entry of ``projects.yaml``."""

UNSUPPORTED_KEYS = ("acl-append", "acl-parameters")

OPTIONS = (
    "delay-release",
    "direct-release",
    "has-downloads",
    "has-issues",
    "has-pull-requests",
    "has-wiki",
    "no-gerrit",
    "no-launchpad-blueprints",
    "no-launchpad-bugs",
    "track-upstream",
    "translate",
)
"""Words that jeepyb's users write below ``options``; two of them decide something here."""

GROUP_KEYS = _table(
    (
        Key("group", TEXT, "The group's name on Gerrit."),
        Key("description", TEXT, "What the group is for."),
        Key("owner", TEXT, "The group whose members manage it."),
        Key("members", LIST, "Usernames or e-mail addresses: exactly these are members."),
        Key("includes", LIST, "Groups whose members are members: exactly these."),
    )
)
"""All keys of an entry of ``groups.yaml``; what is not written is left alone on the server."""
