"""A project's configuration: ``project.config`` and ``groups`` of refs/meta/config.

Parsing notes what Gerrit would refuse in ``errors`` and keeps what Gerrit keeps.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from .gitconfig import Document
from .labelconfig import (
    FALSE,
    TRUE,
    InternalError,
    check_comment_links,
    read_labels,
    read_requirements,
    regex_problem,
)
from .wording import words

CAPABILITIES = "GLOBAL_CAPABILITIES"
GROUPS_HEADER = "# UUID                                  \tGroup Name\n#\n"
PERMISSIONS = words(
    "abandon addPatchSet aiReview create createSignedTag createTag delete deleteChanges "
    "deleteOwnChanges editHashtags editCustomKeyedValues editTopicName forgeAuthor "
    "forgeCommitter forgeServerAsCommitter owner push pushMerge read rebase removeReviewer "
    "revert submit submitAs toggleWipState viewPrivateChanges"
)
CAPABILITY_NAMES = words(
    "accessDatabase administrateServer batchChangesLimit createAccount createGroup "
    "createProject deleteGroup emailReviewers flushCaches killTask maintainServer "
    "modifyAccount priority queryLimit readAs runAs runGC streamEvents viewAccess "
    "viewAllAccounts viewCaches viewConnections viewPlugins viewQueue viewSecondaryEmails"
)
_KNOWN = {p.lower() for p in PERMISSIONS}
BOOLEANS = {
    # REST field: (section, key, value inherited from the built-in default)
    "use_contributor_agreements": ("receive", "requireContributorAgreement"),
    "use_content_merge": ("submit", "mergeContent"),
    "use_signed_off_by": ("receive", "requireSignedOffBy"),
    "create_new_change_for_all_not_in_target": ("receive", "createNewChangeForAllNotInTarget"),
    "require_change_id": ("receive", "requireChangeId"),
    "reject_implicit_merges": ("receive", "rejectImplicitMerges"),
    "private_by_default": ("change", "privateByDefault"),
    "work_in_progress_by_default": ("change", "workInProgressByDefault"),
    "enable_reviewer_by_email": ("reviewer", "enableByEmail"),
    "match_author_to_committer_date": ("submit", "matchAuthorToCommitterDate"),
    "reject_empty_commit": ("submit", "rejectEmptyCommit"),
    "skip_adding_author_and_committer_as_reviewers": (
        "reviewer",
        "skipAddingAuthorAndCommitterAsReviewers",
    ),
    "enable_signed_push": ("receive", "enableSignedPush"),
    "require_signed_push": ("receive", "requireSignedPush"),
}
SUBMIT_TYPES = [
    "INHERIT",
    "FAST_FORWARD_ONLY",
    "MERGE_IF_NECESSARY",
    "REBASE_IF_NECESSARY",
    "REBASE_ALWAYS",
    "MERGE_ALWAYS",
    "CHERRY_PICK",
]
STATES = ("ACTIVE", "READ_ONLY", "HIDDEN")


@dataclass
class Rule:
    """One rule of a permission; ``low`` and ``high`` are a label's or limit's range."""

    uuid: str
    group: str
    action: str = "ALLOW"
    force: bool = False
    low: int = 0
    high: int = 0

    def text(self, ranged: bool) -> str:
        """The rule as it is written in project.config."""
        words = [] if self.action == "ALLOW" else [self.action.lower()]
        if self.force:
            words.append("+force")
        if ranged and (self.low or self.high):
            words.append(f"{signed(self.low)}..{signed(self.high)}")
        return " ".join([*words, f"group {self.group}"])


@dataclass
class Permission:
    name: str
    exclusive: bool = False
    rules: list[Rule] = field(default_factory=list)


@dataclass
class Section:
    """An access section: a ref pattern and its permissions by name."""

    name: str
    permissions: dict[str, Permission] = field(default_factory=dict)

    def get(self, name: str) -> Permission | None:
        found = self.permissions.get(name)
        if found is None:
            lower = name.lower()
            found = next((p for n, p in self.permissions.items() if n.lower() == lower), None)
        return found


def signed(value: int) -> str:
    """A score as Gerrit writes it: ``+1``, ``-1``, ``0``."""
    return f"+{value}" if value > 0 else str(value)


def padded(value: int) -> str:
    """A score as a JSON key: zero is `` 0``."""
    return " 0" if value == 0 else signed(value)


def groups_file(groups: dict[str, str]) -> str:
    """The ``groups`` file for ``uuid -> name``, sorted as the server sorts it."""
    if not groups:
        return ""
    return GROUPS_HEADER + "".join(f"{uuid:<40}\t{name}\n" for uuid, name in groups.items())


def is_permission(name: str) -> bool:
    """Whether Gerrit keeps a permission of this name when it reads project.config."""
    return name.lower() in _KNOWN or name.lower().startswith(("label-", "labelas-", "removelabel-"))


def is_ranged(name: str) -> bool:
    """Whether rules of this permission carry a range."""
    return name.lower().startswith(("label", "removelabel")) or name in (
        "queryLimit",
        "batchChangesLimit",
    )


class ProjectConfig:
    """Parsed configuration of one commit; raises gitconfig.ConfigError if unparsable."""

    def __init__(self, config: str, groups: str = ""):
        self.document = Document(config)
        self.errors: list[str] = []
        self.groups = self._read_groups(groups)
        self._by_name: dict[str, str] = {}
        for uuid, name in self.groups.items():
            self._by_name.setdefault(name, uuid)
        get = self.document.get
        self.description = get("project", None, "description") or ""
        self.parent = get("access", None, "inheritFrom")
        self.state = self._enum("project", "state", STATES) or "ACTIVE"
        self.booleans = {k: self._boolean(*where) for k, where in BOOLEANS.items()}
        self.submit_type = self._enum("submit", "action", SUBMIT_TYPES)
        self.max_object_size = get("receive", None, "maxObjectSizeLimit")
        self.sections = self._read_sections()
        self.labels = read_labels(self.document, self.errors.append)
        self.requirements = read_requirements(self.document, self.errors.append)
        check_comment_links(self.document, self.errors.append)
        self.size_limit = self._size(self.max_object_size)

    # --- scalar values ---

    def _enum(self, section: str, key: str, allowed: tuple | list) -> str | None:
        value = self.document.get(section, None, key)
        if value is None:
            return None
        canonical = value.upper().replace(" ", "_").replace("-", "_")
        if canonical not in allowed:
            self.errors.append(f"project.config: Invalid value: {section}.{key}={value}")
            return None
        return canonical

    def _boolean(self, section: str, key: str) -> str:
        value = self.document.get(section, None, key)
        if value is None or value.lower() == "inherit":
            return "INHERIT"
        if value.lower() in TRUE + FALSE:
            return "TRUE" if value.lower() in TRUE else "FALSE"
        self.errors.append(f"project.config: Invalid value: {section}.{key}={value}")
        return "INHERIT"

    @staticmethod
    def _size(text: str | None) -> int:
        if not text:
            return 0
        match = re.fullmatch(r"\s*(\d+)\s*([kmg]?)\s*", text, re.IGNORECASE)
        if not match:
            raise InternalError(f"Invalid value: receive.maxObjectSizeLimit={text}")
        return int(match[1]) << {"": 0, "k": 10, "m": 20, "g": 30}[match[2].lower()]

    # --- groups ---

    def _read_groups(self, text: str) -> dict[str, str]:
        found = {}
        for number, line in enumerate(text.splitlines(), 1):
            if not line or line.startswith("#"):
                continue
            uuid, tab, name = line.partition("\t")
            if not tab:
                self.errors.append(f"groups:{number}: missing tab delimiter")
                continue
            found[uuid.strip()] = name.strip()
        return found

    def group_uuid(self, name: str) -> str | None:
        return self._by_name.get(name)

    # --- access ---

    def _read_sections(self) -> dict[str, Section]:
        sections = {}
        for ref in self.document.subsections("access"):
            if not ref.startswith(("refs/", "^refs/")) or not self._valid_ref(ref):
                continue
            section = sections[ref] = Section(ref)
            exclusive = " ".join(
                self.document.get_list("access", ref, "exclusiveGroupPermissions")
            ).split()
            for name in exclusive:
                if is_permission(name):
                    section.permissions[name] = Permission(name, True)
            for name in self.document.names("access", ref):
                if name.lower() != "exclusivegrouppermissions" and is_permission(name):
                    self._read_permission("access", ref, name, section)
        if self.document.names("capability"):
            section = sections[CAPABILITIES] = Section(CAPABILITIES)
            for name in self.document.names("capability"):
                self._read_permission("capability", None, name, section)
        return sections

    def _valid_ref(self, ref: str) -> bool:
        problem = ref_pattern_problem(ref)
        if problem is not None:
            text = f"project.config: Invalid ref name: Invalid Name: {ref} {problem}"
            self.errors.append(text.rstrip())
        return problem is None

    def _read_permission(
        self, section: str, subsection: str | None, name: str, into: Section
    ) -> None:
        permission = into.permissions.setdefault(name, Permission(name))
        where = f"{section}.{subsection}.{name}" if subsection else f"{section}.null.{name}"
        for text in self.document.get_list(section, subsection, name):
            try:
                rule = self._parse_rule(text, is_ranged(name))
            except ValueError as error:
                self.errors.append(f"project.config: Invalid rule in {where}: {error}")
                continue
            uuid = self.group_uuid(rule.group)
            if uuid is None:
                self.errors.append(f'project.config: group "{rule.group}" not in groups')
                rule.uuid = ""
            else:
                rule.uuid = uuid
            permission.rules.append(rule)

    @staticmethod
    def _parse_rule(text: str, ranged: bool) -> Rule:
        if not text:
            raise InternalError("an empty rule")
        rest = text.strip()
        rule = Rule("", "")
        for word in ("deny", "block", "interactive", "batch"):
            if rest.startswith(word + " "):
                rule.action, rest = word.upper(), rest[len(word) + 1 :].strip()
                break
        if rest.startswith("+force "):
            rule.force, rest = True, rest[7:].strip()
        if ranged and not rest.startswith("group "):
            span, _, rest = rest.partition(" ")
            match = re.fullmatch(r"([+-]?\d+)\.\.([+-]?\d+)", span)
            if not match or int(match[1]) > int(match[2]):
                raise ValueError(f"Invalid range in rule: {text}")
            rule.low, rule.high = int(match[1]), int(match[2])
        rest = rest.strip()
        if not rest.startswith("group "):
            raise ValueError(f"Rule must include group: {text}")
        rule.group = rest[6:].strip()
        return rule


def ref_pattern_problem(ref: str) -> str | None:
    """Why a section's name is no ref pattern, in the real server's words."""
    if ref.startswith("^"):
        problem = regex_problem(ref)
        return f"{problem}\n{ref}" if problem else None
    plain = re.sub(r"\$\{[a-z]+\}", "x", ref)
    plain = plain.removesuffix("/*") + "/x" if plain.endswith("/*") else plain
    if re.search(r"[\[\]?:~^\\ ]|\.\.|\*|@\{", plain):
        problem = regex_problem(ref)
        if problem:
            at = int(problem.rsplit(" ", 1)[1])
            return f"{problem}\n{ref}\n{' ' * at}^"
        return ""
    return None
