"""Words that Gerrit knows in ``project.config``.

Taken from Gerrit's public documentation (access-control, config-project-config, config-labels,
config-submit-requirements) and sources of 3.11 and later, and from the refusals recorded for
this project. Gerrit takes a word that is not listed here without a word, or refuses the push.
"""

from __future__ import annotations

import re
from functools import lru_cache

PERMISSIONS = (
    "abandon",
    "addPatchSet",
    "aiReview",
    "create",
    "createSignedTag",
    "createTag",
    "delete",
    "deleteChanges",
    "deleteOwnChanges",
    "editCustomKeyedValues",
    "editHashtags",
    "editTopicName",
    "forgeAuthor",
    "forgeCommitter",
    "forgeServerAsCommitter",
    "owner",
    "push",
    "pushMerge",
    "read",
    "rebase",
    "removeReviewer",
    "revert",
    "submit",
    "submitAs",
    "toggleWipState",
    "viewPrivateChanges",
)
LABEL_PREFIXES = ("label-", "labelAs-", "removeLabel-")
"""Prefixes of permissions on a label; unlike other names they are case-sensitive."""
LEGACY_PERMISSIONS = {"pushTag": "createTag", "pushSignedTag": "createSignedTag"}
_PLUGIN_PERMISSION = r"plugin-[A-Za-z0-9]+(?:-[A-Za-z0-9]+)+"
_KNOWN = {name.lower() for name in PERMISSIONS}

RANGED_CAPABILITIES = frozenset({"querylimit", "batchchangeslimit"})

STATES = ("ACTIVE", "READ_ONLY", "HIDDEN")
SUBMIT_ACTIONS = (
    "INHERIT",
    "FAST_FORWARD_ONLY",
    "MERGE_IF_NECESSARY",
    "REBASE_IF_NECESSARY",
    "REBASE_ALWAYS",
    "MERGE_ALWAYS",
    "CHERRY_PICK",
)

INHERITABLE_BOOLEANS = frozenset(
    {
        ("change", "privatebydefault"),
        ("change", "workinprogressbydefault"),
        ("receive", "createnewchangeforallnotintarget"),
        ("receive", "enablesignedpush"),
        ("receive", "rejectimplicitmerges"),
        ("receive", "requirechangeid"),
        ("receive", "requirecontributoragreement"),
        ("receive", "requiresignedoffby"),
        ("receive", "requiresignedpush"),
        ("reviewer", "enablebyemail"),
        ("reviewer", "skipaddingauthorandcommitterasreviewers"),
        ("submit", "matchauthortocommitterdate"),
        ("submit", "mergecontent"),
        ("submit", "rejectemptycommit"),
    }
)
"""``(section, key)`` of settings that are true, false or INHERIT (the default)."""
BOOLEANS = {
    ("commentlink", "enabled"): True,
    ("label", "allowpostsubmit"): True,
    ("label", "canoverride"): True,
    ("label", "ignoreselfapproval"): False,
    ("receive", "checkreceivedobjects"): True,
    ("submit-requirement", "canoverrideinchildprojects"): False,
}
"""``(section, key)`` of plain booleans, with what holds when the key is absent."""
_TRUE = {"true", "yes", "on", "1"}
_FALSE = {"false", "no", "off", "0"}

LABEL_FUNCTIONS = ("NoBlock", "NoOp", "PatchSetLock")
"""Label functions that may still be set."""
DEPRECATED_LABEL_KEYS = {
    "copyallscoresiflistoffilesdidnotchange": "has:unchanged-files",
    "copyallscoresifnochange": "changekind:NO_CHANGE",
    "copyallscoresifnocodechange": "changekind:NO_CODE_CHANGE",
    "copyallscoresonmergefirstparentupdate": "changekind:MERGE_FIRST_PARENT_UPDATE",
    "copyallscoresontrivialrebase": "changekind:TRIVIAL_REBASE",
    "copyanyscore": "is:ANY",
    "copymaxscore": "is:MAX",
    "copyminscore": "is:MIN",
    "copyvalue": "is:VALUE",
}
"""Label keys that Gerrit refuses, with the ``copyCondition`` to write instead."""
SUBMIT_REQUIREMENT_KEYS = (
    "description",
    "applicableIf",
    "submittableIf",
    "overrideIf",
    "canOverrideInChildProjects",
)


@lru_cache(maxsize=1024)
def label_of(permission: str) -> str | None:
    """Return the label a permission is about, ``None`` when it is about none."""
    for prefix in LABEL_PREFIXES:
        if permission.startswith(prefix) and len(permission) > len(prefix):
            return permission[len(prefix) :]
    return None


@lru_cache(maxsize=1024)
def is_permission(name: str) -> bool:
    """Return whether Gerrit knows ``name`` as a permission (a plugin's counts)."""
    return (
        name.lower() in _KNOWN
        or name in LEGACY_PERMISSIONS
        or label_of(name) is not None
        or re.fullmatch(_PLUGIN_PERMISSION, name) is not None
    )


def fold_permission(name: str) -> str:
    """Return the one spelling of a permission name: equal for names Gerrit takes for equal."""
    name = LEGACY_PERMISSIONS.get(name, name)
    for prefix in LABEL_PREFIXES:
        if name.startswith(prefix):
            return prefix + name[len(prefix) :].lower()
    folded = name.lower()
    return name if folded.startswith(("label-", "labelas-", "removelabel-")) else folded


def boolean(value: str | None) -> bool | None:
    """Return the boolean a value means, ``None`` when it is not one. A bare key is true."""
    if value is None:
        return True
    word = value.lower()
    return True if word in _TRUE else False if word in _FALSE else None


def enum(value: str, words: tuple[str, ...]) -> str | None:
    """Return the word that ``value`` means; blanks and dashes count as underscores."""
    word = value.replace(" ", "_").replace("-", "_").upper()
    return word if word in words else None


EXPRESSION_OPERATORS = frozenset(
    {
        "added", "after", "age", "assignee", "attention", "author", "authoremail", "before",
        "branch", "bug", "cc", "change", "cherrypickof", "comment", "commentby", "commit",
        "committer", "committeremail", "conflicts", "deleted", "delta", "destination", "dir",
        "directory", "distinctvoters", "draftby", "editby", "ext", "extension", "f", "file",
        "footer", "from", "has", "hasfooter", "hashtag", "inhashtag", "intopic", "is", "label",
        "limit", "mergedafter", "mergedbefore", "message", "o", "onlyextensions", "onlyexts",
        "owner", "ownerin", "p", "parentof", "parentproject", "parentrepo", "parentrepository",
        "path", "prefixhashtag", "prefixsubject", "prefixtopic", "project", "projects", "query",
        "r", "ref", "repo", "repos", "repositories", "repository", "revertof", "reviewedby",
        "reviewer", "reviewerin", "rule", "since", "size", "star", "starredby", "status",
        "subject", "submissionid", "submittable", "topic", "tr", "unresolved", "until",
        "uploader", "uploaderemail", "uploaderin", "visibleto", "watchedby",
    }
)  # fmt: skip
"""Search operators that submit requirements may use (user-search, config-submit-requirements)."""
CONDITION_OPERATORS = ("approverin", "changekind", "has", "is", "uploaderin")
"""Operators of a label's ``copyCondition``."""
CONDITION_VOTES = ("ANY", "MAX", "MIN", "NEGATIVE", "POSITIVE")
CHANGE_KINDS = (
    "MERGE_FIRST_PARENT_UPDATE",
    "NO_CHANGE",
    "NO_CODE_CHANGE",
    "REWORK",
    "TRIVIAL_REBASE",
    "TRIVIAL_REBASE_WITH_MESSAGE_UPDATE",
)

SECTION_KEYS: dict[str, tuple[str, ...]] = {
    "accounts": ("sameGroupVisibility",),
    "allowsuperproject": ("all", "matching"),
    "branchorder": ("branch",),
    "change": ("privateByDefault", "workInProgressByDefault"),
    "commentlink": ("enabled", "html", "link", "match", "prefix", "suffix", "text"),
    "contributor-agreement": (
        "accepted",
        "agreementUrl",
        "autoVerify",
        "description",
        "excludeProjects",
        "matchProjects",
    ),
    "dashboard": ("default", "local-default"),
    "label": (
        "abbreviation",
        "allowPostSubmit",
        "branch",
        "canOverride",
        "copyCondition",
        "defaultValue",
        "description",
        "function",
        "ignoreSelfApproval",
        "value",
    ),
    "notify": ("email", "filter", "header", "type"),
    "project": ("description", "state"),
    "receive": (
        "checkReceivedObjects",
        "createNewChangeForAllNotInTarget",
        "enableSignedPush",
        "maxObjectSizeLimit",
        "rejectImplicitMerges",
        "requireChangeId",
        "requireContributorAgreement",
        "requireSignedOffBy",
        "requireSignedPush",
    ),
    "reviewer": ("enableByEmail", "skipAddingAuthorAndCommitterAsReviewers"),
    "submit": ("action", "matchAuthorToCommitterDate", "mergeContent", "rejectEmptyCommit"),
}
"""Keys that Gerrit reads in sections with a fixed set of them (config-project-config)."""
