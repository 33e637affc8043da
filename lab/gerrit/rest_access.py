"""REST: access rights of projects."""

from __future__ import annotations

import secrets

from .commitchecks import change_id
from .configedit import editable_sections, reorder, write_access
from .errors import Refusal, bad_request, conflict, forbidden, unprocessable
from .gitconfig import Document
from .labelconfig import regex_problem
from .model import SYSTEM_GROUPS, Project, User
from .projectconfig import (
    CAPABILITIES,
    CAPABILITY_NAMES,
    Permission,
    Rule,
    Section,
    groups_file,
    is_permission,
    ref_pattern_problem,
)
from .projects import basic_info, check_parent, require, set_parent
from .repo import CONFIG_REF
from .rest import Call, Reply, check_field, route
from .rest_projects import project_of
from .site import Site

ACTIONS = ("ALLOW", "DENY", "BLOCK", "INTERACTIVE", "BATCH")


def access_info(site: Site, user: User, project: Project) -> dict:
    """ProjectAccessInfo as the user sees it."""
    may, config = site.permissions, project.config
    owner = may.is_owner(user, project)
    sections = _visible_sections(site, user, project, owner)
    info: dict = {}
    revision = project.repo.refs.get(CONFIG_REF)
    if revision:
        info["revision"] = revision
    if project.name != "All-Projects":
        info["inherits_from"] = basic_info(site, site.chain(project)[1])
    info["local"] = {s.name: {"permissions": _permissions(s)} for s in sections}
    if owner:
        info["is_owner"] = True
    owned = [s.name for s in sections if owner or may.owns_ref(user, project, s.name)]
    info["owner_of"] = owned or (["refs/*"] if owner else [])
    if owner and config.state == "ACTIVE":
        info["can_upload"] = True
    if owner:
        info |= {"can_add": True, "can_add_tags": True}
    info["config_visible"] = owner or may.may(user, project, CONFIG_REF, "read")
    info["groups"] = _groups(site, sections)
    info["config_web_links"] = []
    return info


def _visible_sections(site: Site, user: User, project: Project, owner: bool) -> list[Section]:
    may = site.permissions
    reads_config = may.may(user, project, CONFIG_REF, "read")
    return [
        section
        for name, section in project.config.sections.items()
        if owner or reads_config or (name != CAPABILITIES and may.owns_ref(user, project, name))
    ]


def _permissions(section: Section) -> dict:
    found = {}
    for permission in section.permissions.values():
        row: dict = {}
        if permission.name.startswith("label-"):
            row["label"] = permission.name[6:]
        if permission.exclusive:
            row["exclusive"] = True
        row["rules"] = rules = {}
        for rule in sorted(permission.rules, key=lambda r: -(r.high - r.low)):
            rules.setdefault(rule.uuid or rule.group, _rule_info(rule))
        if permission.rules or permission.exclusive:
            found[permission.name] = row
    return found


def _rule_info(rule: Rule) -> dict:
    row = {"action": rule.action, "force": rule.force}
    if rule.low or rule.high:
        row |= {"min": rule.low, "max": rule.high}
    return row


def _groups(site: Site, sections: list[Section]) -> dict:
    found = {}
    for section in sections:
        for permission in section.permissions.values():
            for rule in permission.rules:
                name = site.groups.name_of(rule.uuid)
                if rule.uuid in SYSTEM_GROUPS:
                    found[rule.uuid] = {"name": name}
                elif name is not None:
                    url = f"#/admin/groups/uuid-{rule.uuid}"
                    found[rule.uuid] = {"url": url, "name": name}
    return found


@route("GET", "projects/{project}/access")
def get_access(call: Call) -> dict:
    return access_info(call.site, call.user, project_of(call))


@route("GET", "access")
def list_access(call: Call) -> dict:
    call.only("project", "p")
    names = call.options("project", "p")
    found = {n: require(call.site, call.user, n) for n in names}
    return {n: access_info(call.site, call.user, p) for n, p in found.items()}


# --- changing ---


def read_sections(call: Call, data: dict | None) -> list[Section]:
    """The sections of an ``add`` or ``remove``, groups resolved; Refusal 422 for unknown ones."""
    found = []
    for name, section_info in (data or {}).items():
        check_field(section_info, dict)
        permissions = (section_info or {}).get("permissions")
        check_field(permissions, dict)
        if permissions is None:
            continue
        section = Section(name)
        for key, info in permissions.items():
            check_field(info, dict)
            rules = (info or {}).get("rules")
            if rules is None:
                continue
            check_field(rules, dict)
            permission = Permission(key, bool(info.get("exclusive")))
            for group, rule in rules.items():
                permission.rules.append(_read_rule(call, group, rule or {}))
            section.permissions[key] = permission
        found.append(section)
    return found


def _read_rule(call: Call, group: str, data: dict) -> Rule:
    check_field(data.get("action"), ACTIONS)
    uuid = call.site.groups.find(group)
    if uuid is None:
        raise unprocessable(f"{group} is not a valid group ID")
    rule = Rule(uuid, call.site.groups.name_of(uuid) or "", data.get("action") or "ALLOW")
    rule.force = bool(data.get("force"))
    rule.low, rule.high = int(data.get("min") or 0), int(data.get("max") or 0)
    return rule


def check_additions(project: Project, sections: list[Section]) -> None:
    """Refuse sections and permissions that do not exist."""
    for section in sections:
        if section.name == CAPABILITIES:
            if project.name != "All-Projects":
                raise bad_request(
                    "Cannot edit global capabilities for projects other than All-Projects"
                )
            known = CAPABILITY_NAMES
            unknown = [p for p in section.permissions if p not in known]
            if unknown:
                raise bad_request(f"Unknown global capability: {unknown[0]}")
            continue
        if not section.name.startswith(("refs/", "^refs/")):
            raise bad_request("invalid section name")
        if section.name.startswith("^") and regex_problem(section.name):
            raise Refusal(500, "Internal server error")
        if ref_pattern_problem(section.name) is not None:
            raise bad_request(
                f"com.google.gerrit.exceptions.InvalidNameException: Invalid Name: {section.name}"
            )
        for name in section.permissions:
            if not is_permission(name):
                raise bad_request(f"Unknown permission: {name}")


def apply_removals(sections: dict[str, Section], removed: list[Section]) -> None:
    """Take rules, permissions or whole sections away."""
    for section in removed:
        mine = sections.get(section.name)
        if mine is None:
            continue
        if not section.permissions:
            del sections[section.name]
            continue
        for permission in section.permissions.values():
            _remove_permission(mine, permission)
        if not mine.permissions:
            del sections[section.name]


def _remove_permission(section: Section, permission: Permission) -> None:
    mine = section.get(permission.name)
    if mine is None:
        return
    gone = {rule.uuid for rule in permission.rules}
    mine.rules = [r for r in mine.rules if r.uuid not in gone] if gone else []
    if not mine.rules:
        del section.permissions[mine.name]


def apply_additions(sections: dict[str, Section], added: list[Section]) -> None:
    """Add rules to what is there."""
    for section in added:
        mine = sections.setdefault(section.name, Section(section.name))
        for permission in section.permissions.values():
            known = mine.get(permission.name)
            if known is None:
                mine.permissions[permission.name] = permission
                continue
            known.exclusive = permission.exclusive or known.exclusive
            known.rules += [r for r in permission.rules if r not in known.rules]


def _check_rights(call: Call, project: Project, touched: list[Section]) -> None:
    if call.site.permissions.is_owner(call.user, project):
        return
    for section in touched:
        if not call.site.permissions.may(call.user, project, section.name, "owner"):
            raise forbidden(f"not permitted: write ref config on {section.name}")
    if not touched:
        raise forbidden("write refs/meta/config not permitted")


def changed_files(call: Call, project: Project, data: dict) -> dict[str, str]:
    """The two files after an access input was applied; everything checked."""
    removed, added = (read_sections(call, data.get(key)) for key in ("remove", "add"))
    _check_rights(call, project, [*removed, *added])
    check_additions(project, added)
    at = project.repo.refs.get(CONFIG_REF)
    doc = Document(project.text(at, "project.config") if at else "")
    before = project.text(at, "groups") if at else ""
    sections = editable_sections(project.config)
    if not removed and not added:
        return {"project.config": doc.text(), "groups": before}
    apply_removals(sections, removed)
    apply_additions(sections, added)
    write_access(doc, sections)
    reorder(doc)
    used = {
        rule.uuid: rule.group
        for section in sections.values()
        for permission in section.permissions.values()
        for rule in permission.rules
        if rule.uuid
    }
    return {"project.config": doc.text(), "groups": groups_file(dict(sorted(used.items())))}


@route("POST", "projects/{project}/access", anonymous=False)
def post_access(call: Call) -> dict:
    project = project_of(call)
    data = call.body(add=dict, remove=dict, parent=str, message=str)
    files = changed_files(call, project, data)
    parent = data.get("parent")
    if parent is not None:
        if not call.site.permissions.is_admin(call.user):
            raise forbidden("administrate server not permitted")
        parent = check_parent(call.site, project, parent, conflict)
    message = (data.get("message") or "Modify access rules").rstrip("\n")
    call.site.commit_files(project, CONFIG_REF, call.user, message, files)
    if parent is not None:
        set_parent(call.site, call.user, project, parent, message)
    return access_info(call.site, call.user, project)


@route("PUT", "projects/{project}/access:review", anonymous=False)
def review_access(call: Call) -> Reply:
    from .changeinfo import change_info

    site, project = call.site, project_of(call)
    data = call.body(add=dict, remove=dict, parent=str, message=str)
    files = changed_files(call, project, data)
    repo, old = project.repo, project.repo.refs[CONFIG_REF]
    tree = repo.files(repo.commit(old).tree)
    for path, text in files.items():
        if text:
            tree[path] = (0o100644, repo.write(b"blob", text.encode()))
    root = repo.write_tree(tree)
    if root == repo.commit(old).tree:
        raise conflict("no changes")
    message = (data.get("message") or "Review access change").rstrip("\n")
    key = change_id(message) or "I" + secrets.token_hex(20)
    author = call.user.account.ident()
    text = f"{message}\n\nChange-Id: {key}\n"
    commit = repo.write_commit(root, [old], author, site.server_ident(), text)
    change = site.changes.create(project, CONFIG_REF, key, commit, call.user)
    change.add_message(call.user.id, "Uploaded patch set 1.", 1, "autogenerated:gerrit:newPatchSet")
    site.changes.save(change, call.user, "Create change")
    site.changes.announce_patch_set(change, call.user)
    return Reply(201, change_info(site, call.user, change, set()))


@route("GET", "projects/{project}/check.access")
def check_access(call: Call) -> dict:
    project = project_of(call)
    if not call.site.permissions.capability(call.user, "viewAccess"):
        raise forbidden("view access not permitted")
    name, ref = call.option("account"), call.option("ref")
    if not name:
        raise bad_request("input requires 'account'")
    account = call.site.accounts.resolve_input(name, call.user)
    user = call.site.user(account)
    permission = call.option("perm") or "read"
    may, logs = call.site.permissions, []
    if not may.sees(user, project):
        text = f"user {account.id} cannot see project {project.name}"
        return {"status": 403, "message": text, "debug_logs": logs}
    refs = [
        name
        for name, section in project.config.sections.items()
        if permission == "read" and may.may(user, project, name, "read") and section.get("read")
    ][:1]
    allowed = True
    for each in [*refs, *([ref] if ref else [])]:
        allowed = may.may(user, project, each, permission)
        logs.append(_explained(call, user, project, each, permission, allowed))
    if ref and not allowed:
        text = (
            f"user {account.id} lacks permission {permission} for {ref} in project {project.name}"
        )
        return {"status": 403, "message": text, "debug_logs": logs}
    return {"status": 200, "debug_logs": logs}


def _explained(call, user, project, ref, permission, allowed) -> str:
    can = "can" if allowed else "cannot"
    why = call.site.permissions.explain(user, project, ref, permission)
    return (
        f"'{user.name}' {can} perform '{permission}' with force=false on project "
        f"'{project.name}' for ref '{ref}'" + (f" ({why})" if allowed and why else "")
    )
