"""Who may do what: Gerrit's evaluation of access sections along the chain of parents."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import TYPE_CHECKING

from .projectconfig import CAPABILITIES, Permission, Rule, Section
from .repo import CONFIG_REF

if TYPE_CHECKING:
    from .model import Project, User
    from .site import Site

PROJECT_OWNERS = "global:Project-Owners"
CHANGE_OWNER = "global:Change-Owner"


@lru_cache(maxsize=4096)
def _regex(pattern: str) -> re.Pattern | None:
    try:
        return re.compile(pattern)
    except re.error:
        return None


def _expand(pattern: str, user: User) -> str:
    if "${" not in pattern:
        return pattern
    name = user.name or ""
    sharded = f"{user.id % 100:02d}/{user.id}" if user.id else ""
    quote = re.escape if pattern.startswith("^") else str
    return pattern.replace("${username}", quote(name)).replace("${shardeduserid}", quote(sharded))


def matches(pattern: str, ref: str, user: User) -> bool:
    """Whether an access section's name covers a ref."""
    pattern = _expand(pattern, user)
    if pattern.startswith("^"):
        compiled = _regex(pattern)
        return bool(compiled and compiled.fullmatch(ref))
    if pattern.endswith("/*"):
        return ref.startswith(pattern[:-1])
    return pattern == ref


def _specificity(pattern: str, ref: str) -> tuple:
    return (pattern != ref, pattern.startswith("^"), -len(pattern))


class Permissions:
    """Answers permission questions; remembers answers until ``forget`` is called."""

    def __init__(self, site: Site):
        self._site = site
        self._memo: dict[tuple, object] = {}

    def forget(self) -> None:
        """To be called whenever a configuration or a group changes."""
        self._memo.clear()

    # --- capabilities ---

    def capability(self, user: User, name: str) -> bool:
        """Whether All-Projects grants a global capability; administrators have all."""
        return self.is_admin(user) or self._granted(user, name)

    def is_admin(self, user: User) -> bool:
        return user.account is not None and self._granted(user, "administrateServer")

    def _granted(self, user: User, name: str) -> bool:
        section = self._site.all_projects.config.sections.get(CAPABILITIES)
        permission = section.get(name) if section else None
        rules = permission.rules if permission else []
        return any(r.action == "ALLOW" and r.uuid in user.groups for r in rules)

    def is_batch(self, user: User) -> bool:
        """Whether the user's requests run at batch priority."""
        section = self._site.all_projects.config.sections.get(CAPABILITIES)
        permission = section.get("priority") if section else None
        return bool(permission) and any(r.uuid in user.groups for r in permission.rules)

    # --- projects ---

    def is_owner(self, user: User, project: Project) -> bool:
        """Owner of the whole project: an administrator or a declared owner of refs/*."""
        return self.is_admin(user) or self.is_declared_owner(user, project)

    def is_declared_owner(self, user: User, project: Project) -> bool:
        for each in self._site.chain(project):
            section = each.config.sections.get("refs/*")
            owner = section.get("owner") if section else None
            rules = [r for r in owner.rules if r.action == "ALLOW"] if owner else []
            if rules:
                return any(r.uuid in user.groups for r in rules)
        return False

    def sees(self, user: User, project: Project) -> bool:
        """Whether the project exists for the user: some ref is readable."""
        key = ("sees", user.key, project.name)
        if key not in self._memo:
            self._memo[key] = self._sees(user, project)
        return bool(self._memo[key])

    def _sees(self, user: User, project: Project) -> bool:
        if self.is_owner(user, project):
            return True
        for each in self._site.chain(project):
            for name, section in each.config.sections.items():
                permission = section.get("read")
                if permission and self._any_allow(user, project, permission):
                    ref = _expand(name, user)
                    ref = ref[:-1] if ref.endswith("/*") else ref
                    if not self._blocked(user, project, ref, "read", False):
                        return True
        return False

    def _any_allow(self, user: User, project: Project, permission: Permission) -> bool:
        return any(
            r.action == "ALLOW" and self._concerns(user, project, r) for r in permission.rules
        )

    # --- refs ---

    def may(
        self,
        user: User,
        project: Project,
        ref: str,
        permission: str,
        force: bool = False,
        change_owner: bool = False,
    ) -> bool:
        """Whether access sections allow a permission on a ref (labels: see vote_range)."""
        key = (user.key, project.name, ref, permission, force, change_owner)
        if key not in self._memo:
            self._memo[key] = self._may(user, project, ref, permission, force, change_owner)
        return bool(self._memo[key])

    def _may(self, user, project, ref, permission, force, change_owner) -> bool:
        if self._blocked(user, project, ref, permission, force, change_owner):
            return False
        return any(
            (rule.force or not force) and self._concerns(user, project, rule, change_owner)
            for rule in self._allow_rules(user, project, ref, permission)
        )

    def owns_ref(self, user: User, project: Project, ref: str) -> bool:
        return self.may(user, project, ref, "owner") or self.is_owner(user, project)

    def reads(self, user: User, project: Project, ref: str) -> bool:
        """Whether a ref is readable; changes are the caller's concern."""
        if ref.startswith("refs/groups/") and project.name == "All-Users":
            return self._site.groups.visible_ref(user, ref)
        if ref.startswith("refs/tags/") and not self.may(user, project, ref, "read"):
            return self._reads_some_branch(user, project)
        return self.may(user, project, ref, "read")

    def _reads_some_branch(self, user: User, project: Project) -> bool:
        heads = (r for r in project.repo.refs if r.startswith("refs/heads/"))
        return any(self.may(user, project, ref, "read") for ref in heads)

    def updates(self, user: User, project: Project, ref: str, force: bool = False) -> bool:
        """Whether a push may move a ref."""
        if ref == CONFIG_REF and not self.is_owner(user, project):
            return False
        return self.may(user, project, ref, "push", force)

    def vote_range(
        self, user: User, project: Project, ref: str, permission: str, change_owner: bool = False
    ) -> tuple[int, int]:
        """Lowest and highest score a user may give on a ref."""
        low = high = 0
        for rule in self._allow_rules(user, project, ref, permission):
            if self._concerns(user, project, rule, change_owner):
                low, high = min(low, rule.low), max(high, rule.high)
        for section in self._matching(user, project, ref):
            found = section.get(permission)
            for rule in found.rules if found else []:
                if rule.action == "BLOCK" and self._concerns(user, project, rule, change_owner):
                    low, high = max(low, rule.low + 1), min(high, rule.high - 1)
        return low, high

    def explain(self, user: User, project: Project, ref: str, permission: str) -> str | None:
        """The group and rule that allow a permission, as check.access words it."""
        for rule in self._allow_rules(user, project, ref, permission):
            if self._concerns(user, project, rule):
                return f"allowed for group '{rule.uuid}' by rule '{rule.text(False)}'"
        return None

    def _matching(self, user: User, project: Project, ref: str) -> list[Section]:
        found = [
            section
            for each in self._site.chain(project)
            for name, section in each.config.sections.items()
            if name != CAPABILITIES and matches(name, ref, user)
        ]
        found.sort(key=lambda section: _specificity(section.name, ref))
        return found

    def _allow_rules(
        self, user: User, project: Project, ref: str, permission: str
    ) -> Iterator[Rule]:
        seen = set()
        for section in self._matching(user, project, ref):
            found = section.get(permission)
            if found is None:
                continue
            for rule in found.rules:
                key = (section.name, rule.uuid)
                if key not in seen and rule.action == "ALLOW":
                    yield rule
                seen.add(key)
            if found.exclusive:
                return

    def _blocked(self, user, project, ref, permission, force, change_owner=False) -> bool:
        for each in self._site.chain(project):
            sections = [
                section
                for name, section in each.config.sections.items()
                if name != CAPABILITIES and matches(name, ref, user)
            ]
            sections.sort(key=lambda section: _specificity(section.name, ref))
            if self._blocked_in(sections, user, project, permission, force, change_owner):
                return True
        return False

    def _blocked_in(self, sections, user, project, permission, force, change_owner) -> bool:
        for section in sections:
            found = section.get(permission)
            if found is None:
                continue
            mine = [r for r in found.rules if self._concerns(user, project, r, change_owner)]
            allowed = any(r.action == "ALLOW" and (r.force or not force) for r in mine)
            if any(r.action == "BLOCK" and (force or not r.force) for r in mine):
                return not allowed
            if found.exclusive and allowed:
                return False
        return False

    def _concerns(
        self, user: User, project: Project, rule: Rule, change_owner: bool = False
    ) -> bool:
        if rule.uuid == PROJECT_OWNERS:
            return self.is_declared_owner(user, project)
        if rule.uuid == CHANGE_OWNER:
            return change_owner
        return rule.uuid in user.groups
