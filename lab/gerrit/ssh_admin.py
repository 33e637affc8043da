"""ssh commands that change projects, groups and accounts."""

from __future__ import annotations

import re

from . import projects as p
from .errors import Refusal
from .model import Account, Group, Project
from .repo import ZERO
from .rest_branches import create_branch as make_branch
from .rest_config import apply_config
from .rest_projects import set_head as move_head
from .ssh_listing import as_call, require_capability
from .sshcommands import Fatal, Plain, Session, command, parse

_BOOLEANS = {
    "content-merge": "use_content_merge",
    "change-id": "require_change_id",
    "contributor-agreements": "use_contributor_agreements",
    "signed-off-by": "use_signed_off_by",
    "reject-empty-commit": "reject_empty_commit",
    "new-change-for-all-not-in-target": "create_new_change_for_all_not_in_target",
}
_SHORT_BOOLEANS = {
    "require-change-id": "require_change_id",
    "use-content-merge": "use_content_merge",
    "use-contributor-agreements": "use_contributor_agreements",
    "use-signed-off-by": "use_signed_off_by",
    "create-new-change-for-all-not-in-target": "create_new_change_for_all_not_in_target",
}
_CREATE_FLAGS = (
    "empty-commit permissions-only suggest-parents|S require-change-id|id use-content-merge "
    "use-contributor-agreements|ca use-signed-off-by|so "
    "create-new-change-for-all-not-in-target|ncfa help|h"
)
_CREATE_VALUES = (
    "branch|b description|d owner|o parent|p submit-type|t max-object-size-limit plugin-config "
    + " ".join(_BOOLEANS)
)


def project_named(session: Session, name: str) -> Project:
    """A project argument; Fatal if it is not there for the caller."""
    found = session.site.project(p.strip_suffix(name))
    if found is None or not session.site.permissions.sees(session.user, found):
        raise Fatal(f"project {p.strip_suffix(name)} not found")
    return found


def group_named(session: Session, name: str) -> str:
    """The UUID of a group argument; Fatal if there is none."""
    uuid = session.site.groups.find(name)
    if uuid is None:
        raise Fatal(f'Group "{name}" does not exist')
    return uuid


def account_named(session: Session, name: str) -> Account:
    """An account argument; Fatal if there is no active one."""
    try:
        return session.site.accounts.resolve(name, session.user)
    except Refusal:
        raise Fatal(f'user "{name}" not found') from None


@command("create-project")
async def create_project(session: Session, words: list[str]) -> str:
    names, options = parse(words, _CREATE_FLAGS, _CREATE_VALUES)
    if options.get("help"):
        raise Plain("gerrit create-project [NAME] [--] ...\n")
    site = session.site
    if options.get("suggest-parents"):
        parents = {site.parent_name(x) for x in site.projects.values()} | {"All-Users"}
        return "".join(f"{name}\n" for name in sorted(parents) if name)
    if not site.permissions.capability(session.user, "createProject"):
        raise Plain("create project not permitted\n")
    if not names:
        raise Fatal("Project name is required.")
    fields = _project_fields(session, options)
    try:
        await p.create(site, session.user, names[0], fields)
    except Refusal as refusal:
        if refusal.status == 409:
            raise Fatal("Project already exists") from None
        raise
    return ""


def _project_fields(session: Session, options: dict) -> dict:
    fields: dict = {"branches": options.get("branch", [])}
    if "parent" in options:
        fields["parent"] = project_named(session, options["parent"][-1]).name
    fields["owners"] = [group_named(session, name) for name in options.get("owner", [])]
    fields["description"] = options.get("description", [""])[-1]
    fields["create_empty_commit"] = bool(options.get("empty-commit"))
    fields["permissions_only"] = bool(options.get("permissions-only"))
    if "submit-type" in options:
        fields["submit_type"] = options["submit-type"][-1].upper()
    if "max-object-size-limit" in options:
        fields["max_object_size_limit"] = options["max-object-size-limit"][-1]
    for key, name in _BOOLEANS.items():
        if key in options:
            fields[name] = options[key][-1].upper()
    for key, name in _SHORT_BOOLEANS.items():
        if options.get(key):
            fields[name] = "TRUE"
    return fields


@command("set-project")
async def set_project(session: Session, words: list[str]) -> str:
    flags = "use-content-merge no-content-merge require-change-id|id no-change-id|nid"
    values = "description|d submit-type|t project-state|ps max-object-size-limit "
    names, options = parse(words, flags, values + " ".join(_BOOLEANS))
    if not names:
        raise Fatal('Argument "NAME" is required')
    project = project_named(session, names[0])
    if not session.site.permissions.is_owner(session.user, project):
        raise Fatal("restricted to project owner")
    fields: dict = {}
    if "description" in options:
        fields["description"] = options["description"][-1]
    if "project-state" in options:
        fields["state"] = options["project-state"][-1].upper()
    if "submit-type" in options:
        fields["submit_type"] = options["submit-type"][-1].upper()
    for key, name in _BOOLEANS.items():
        if key in options:
            fields[name] = options[key][-1].upper()
    apply_config(session.site, session.user, project, fields, keep_description=True)
    return ""


@command("set-project-parent")
async def set_project_parent(session: Session, words: list[str]) -> str:
    names, options = parse(words, "", "parent|p children-of exclude")
    require_capability(session, "administrateServer", "administrate server")
    parent = "All-Projects"
    if "parent" in options:
        parent = project_named(session, options["parent"][-1]).name
    children = [project_named(session, name) for name in names]
    problems = []
    for child in children:
        try:
            wanted = p.check_parent(session.site, child, parent)
        except Refusal as refusal:
            mark = "'" if refusal.text.startswith("cycle") else ""
            problems.append(f"error: {refusal.text}{mark}")
            continue
        p.set_parent(session.site, session.user, child, wanted, "")
    if problems:
        raise Fatal("\n".join(problems))
    return ""


@command("set-head")
async def set_head(session: Session, words: list[str]) -> str:
    names, options = parse(words, "", "new-head")
    project = project_named(session, names[0])
    ref = p.full_ref(options["new-head"][-1])
    move_head(session.site, session.user, project, ref)
    return ""


@command("create-branch")
async def create_branch(session: Session, words: list[str]) -> str:
    names, _ = parse(words)
    project = project_named(session, names[0])
    ref = p.full_ref(names[1])
    if ref in project.repo.refs:
        raise Fatal(f'branch "{ref}" already exists')
    make_branch(as_call(session, []), project, ref, names[2])
    return ""


@command("ban-commit")
async def ban_commit(session: Session, words: list[str]) -> str:
    names, _ = parse(words, "", "reason|r")
    project_named(session, names[0])
    commits = [name for name in names[1:] if name != ZERO]
    rows = "".join(f"{name}\n" for name in commits)
    return f"The following commits were banned:\n{rows}\n"


# --- groups ---


@command("create-group")
async def create_group(session: Session, words: list[str]) -> str:
    names, options = parse(words, "visible-to-all", "owner|o description|d member|m group|g")
    site = session.site
    if not site.permissions.capability(session.user, "createGroup"):
        raise Plain("create group not permitted\n")
    if not names:
        raise Fatal('Argument "GROUP" is required')
    fields: dict = {"description": options.get("description", [""])[-1]}
    if "owner" in options:
        fields["owner_id"] = group_named(session, options["owner"][-1])
    members = [account_named(session, name) for name in options.get("member", [])]
    fields["members"] = [str(account.id) for account in members]
    fields["visible_to_all"] = bool(options.get("visible-to-all"))
    includes = [group_named(session, name) for name in options.get("group", [])]
    if site.groups.name_taken(names[0].strip()):
        raise Fatal(f"group '{names[0].strip()}' already exists")
    group = await site.groups.create(names[0], fields, session.user)
    site.groups.change_includes(group, session.user, add=includes)
    return ""


def _owned_group(session: Session, name: str) -> Group:
    uuid = group_named(session, name)
    group = session.site.groups.by_uuid.get(uuid)
    if group is None or not session.site.groups.owns(session.user, group):
        raise Fatal(f'Group "{name}" does not exist')
    return group


@command("set-members")
async def set_members(session: Session, words: list[str]) -> str:
    values = "add|a remove|r include|i exclude|e"
    names, options = parse(words, "", values)
    people = {
        key: [account_named(session, n) for n in options.get(key, [])] for key in ("add", "remove")
    }
    uuids = {
        key: [group_named(session, n) for n in options.get(key, [])]
        for key in ("include", "exclude")
    }
    out = []
    groups = session.site.groups
    for name in names:
        group = _owned_group(session, name)
        for key, verb in (("remove", "removed from"), ("add", "added to")):
            ids = [a.id for a in people[key]]
            if ids:
                groups.change_members(group, session.user, **{key: ids})
                mails = ", ".join(a.email or a.name or str(a.id) for a in people[key])
                out.append(f"Members {verb} group {group.name}: {mails}\n")
        steps = (("exclude", "remove", "excluded from"), ("include", "add", "included to"))
        for key, action, verb in steps:
            if uuids[key]:
                groups.change_includes(group, session.user, **{action: uuids[key]})
                shown = ", ".join(groups.name_of(u) or u for u in uuids[key])
                out.append(f"Groups {verb} group {group.name}: {shown}\n")
    return "".join(out)


@command("rename-group")
async def rename_group(session: Session, words: list[str]) -> str:
    names, _ = parse(words)
    session.site.groups.rename(_owned_group(session, names[0]), names[1], session.user)
    return ""


# --- accounts ---


@command("create-account")
async def create_account(session: Session, words: list[str]) -> str:
    values = "group|g full-name email ssh-key http-password"
    names, options = parse(words, "generate-http-password", values)
    site = session.site
    if not site.permissions.capability(session.user, "createAccount"):
        raise Plain("create account not permitted\n")
    if not names:
        raise Fatal('Argument "USERNAME" is required')
    fields = {
        "name": options.get("full-name", [""])[-1],
        "email": options.get("email", [None])[-1],
        "http_password": options.get("http-password", [None])[-1],
        "groups": [group_named(session, name) for name in options.get("group", [])],
    }
    key = options.get("ssh-key", [None])[-1]
    fields["ssh_key"] = await session.stdin() if key == "-" else key
    if site.accounts.by_username(names[0]):
        site.accounts.next_id()
    try:
        site.accounts.create(names[0], fields, session.user)
    except Refusal as refusal:
        if refusal.text == "account exists":
            raise Fatal(f"username '{names[0]}' already exists") from None
        raise
    return ""


@command("set-account")
async def set_account(session: Session, words: list[str]) -> str:
    values = (
        "full-name add-email delete-email preferred-email add-ssh-key delete-ssh-key http-password"
    )
    names, options = parse(words, "active inactive clear-http-password", values)
    require_capability(session, "modifyAccount", "modify account")
    account, site = account_named(session, names[0]), session.site
    if "full-name" in options:
        account.name = options["full-name"][-1]
    for email in options.get("add-email", []):
        if not re.fullmatch(r"\S+@\S+", email):
            raise Fatal("invalid email address")
        account.emails = [*dict.fromkeys([*account.emails, email])]
        account.email = account.email or email
    if "http-password" in options:
        account.set_token("default", options["http-password"][-1])
    for key in options.get("add-ssh-key", []):
        site.accounts.add_key(account, await session.stdin() if key == "-" else key)
    if options.get("inactive"):
        account.active = False
    if options.get("active"):
        account.active = True
    site.accounts.save(account)
    return ""
