"""Projects: names, creation step by step, what REST and ssh show of them."""

from __future__ import annotations

import re

from .configedit import edit, write_access
from .errors import bad_request, conflict, forbidden, not_found, unprocessable
from .gitconfig import Document
from .labelconfig import Label
from .model import Project, User
from .projectconfig import (
    BOOLEANS,
    STATES,
    SUBMIT_TYPES,
    Permission,
    Rule,
    Section,
    groups_file,
    padded,
)
from .repo import CONFIG_REF, EMPTY_TREE, Repo
from .rest import encode
from .site import Site

_RECEIVE_ORDER = (
    "use_contributor_agreements",
    "use_signed_off_by",
    "require_change_id",
    "create_new_change_for_all_not_in_target",
    "enable_signed_push",
    "require_signed_push",
    "reject_implicit_merges",
)
BOOLEAN = ("TRUE", "FALSE", "INHERIT")
_FORBIDDEN = set("?*:<>|$\\~%\r\n")
_SHOWN_ENCODED = set("?%:<>|$\\")
INPUT_TYPES = {
    "branches": list,
    "owners": list,
    "parent": str,
    "description": str,
    "create_empty_commit": bool,
    "permissions_only": bool,
    "submit_type": tuple(SUBMIT_TYPES),
    "max_object_size_limit": str,
    **dict.fromkeys(BOOLEANS, BOOLEAN),
}


def strip_suffix(name: str) -> str:
    """``x/``, ``x.git`` and ``x`` are one project."""
    return name.removesuffix(".git").rstrip("/")


def shown(name: str) -> str:
    """A refused name as the message shows it."""
    return "".join(f"%{ord(c):02X}" if c in _SHOWN_ENCODED else c for c in name)


def check_name(name: str) -> None:
    """Refusal 400 if no project may be called so."""
    parts = name.split("/")
    bad = (
        not name
        or _FORBIDDEN & set(name)
        or "" in parts
        or (len(parts) > 1 and ({".", ".."} & set(parts)))
        or any(p.endswith(".git") for p in parts[:-1])
        or any(len(p.encode()) > 251 for p in parts)
    )
    if bad:
        raise bad_request(f"invalid project name: {shown(name)}")


def full_ref(name: str) -> str:
    """A branch's full name."""
    return name if name.startswith("refs/") else f"refs/heads/{name.lstrip('/')}"


def valid_ref(ref: str) -> bool:
    """Whether git takes a ref of this name."""
    return not (
        re.search(r"[\x00-\x20\x7f~^:?*\[\\]|\.\.|@\{|//", ref)
        or any(p.startswith(".") or p.endswith(".lock") or not p for p in ref.split("/"))
        or ref.endswith(".")
    )


# --- looking at one ---


def labels_of(site: Site, project: Project) -> dict[str, tuple[Project, Label]]:
    """The effective labels: name to the project that defines it and the definition."""
    found: dict[str, tuple[Project, Label]] = {}
    for each in reversed(site.chain(project)):
        for name, label in each.config.labels.items():
            old = found.get(name)
            if old is None or old[1].can_override:
                found.pop(name, None)
                found[name] = (each, label)
    return found


def label_type_info(label: Label) -> dict:
    """LabelTypeInfo: values and default."""
    values = {padded(v): text for v, text in sorted(label.values.items())}
    return {"values": values, "default_value": label.default}


def basic_info(site: Site, project: Project) -> dict:
    """ProjectInfo without labels."""
    config = project.config
    info = {"id": encode(project.name), "name": project.name}
    parent = site.parent_name(project)
    if parent:
        info["parent"] = parent
    if config.description:
        info["description"] = config.description
    info["state"] = config.state
    return info


def full_info(site: Site, project: Project) -> dict:
    """ProjectInfo with labels."""
    labels = {n: label_type_info(label) for n, (_, label) in labels_of(site, project).items()}
    return {**basic_info(site, project), "labels": labels}


def require(site: Site, user: User, name: str, read: bool = True) -> Project:
    """The project a URL names; 404 if unseen, 409 if HIDDEN for this user."""
    plain = strip_suffix(name)
    project = site.project(plain) or (site.project(name) if name != plain else None)
    if project is None or not site.permissions.sees(user, project):
        raise not_found(name)
    if project.config.state == "HIDDEN" and not site.permissions.is_owner(user, project):
        raise conflict(f"project {project.name} has state HIDDEN does not permit read")
    del read
    return project


def check_readable(project: Project) -> None:
    """Contents of a HIDDEN project are closed to everybody."""
    if project.config.state == "HIDDEN":
        raise conflict(f"project {project.name} has state HIDDEN does not permit read")


def check_writable(project: Project, hidden: str = "read") -> None:
    """Refusal 409 for a project that is not ACTIVE."""
    state = project.config.state
    if state != "ACTIVE":
        verb = hidden if state == "HIDDEN" else "write"
        raise conflict(f"project {project.name} has state {state} does not permit {verb}")


# --- creation ---


async def create(site: Site, user: User, raw_name: str, fields: dict) -> Project:
    """Make a project step by step; Refusal with the real server's words."""
    if not site.permissions.capability(user, "createProject"):
        raise forbidden("create project not permitted")
    name = strip_suffix(raw_name)
    if fields.get("name") and strip_suffix(fields["name"]) != name:
        raise bad_request("name must match URL")
    check_name(name)
    if name in site.creating:
        raise _occupied(name)
    if site.project(name) is not None:
        raise conflict(f'Project "{name}" already exists')
    parent, owners, branches = _checked_input(site, fields)
    await _yield_to_rivals(site, name)
    site.creating.add(name)
    try:
        return await _create_steps(site, user, name, fields, parent, owners, branches)
    finally:
        site.creating.discard(name)


def _occupied(name: str):
    return conflict(
        f"Cannot create {name} because the name is already occupied by another project."
    )


async def _yield_to_rivals(site: Site, name: str) -> None:
    if name in site.creating or name in site.projects:
        raise _occupied(name)


def _checked_input(site: Site, fields: dict) -> tuple[str, list[tuple[str, str]], list[str]]:
    parent = strip_suffix((fields.get("parent") or "").strip()) or "All-Projects"
    if site.project(parent) is None:
        raise unprocessable(f"Project Not Found: {fields['parent']}")
    owners = []
    for text in fields.get("owners") or []:
        uuid = site.groups.find(str(text))
        if uuid is None:
            raise unprocessable(f"Group Not Found: {text}")
        owners.append((uuid, site.groups.name_of(uuid) or ""))
    branches = [full_ref(str(b)) for b in fields.get("branches") or []] or ["refs/heads/master"]
    for branch in branches:
        if not valid_ref(branch):
            raise bad_request(f'Branch "{branch}" is not a valid name.')
    return parent, owners, list(dict.fromkeys(branches))


async def _create_steps(site, user, name, fields, parent, owners, branches) -> Project:
    head = CONFIG_REF if fields.get("permissions_only") else branches[0]
    path = site.git_dir / f"{name}.git"
    if path.exists() and not any(path.iterdir()):
        path.rmdir()
    project = Project(name, Repo.create(path, head))
    project.indexed = not site.index_frozen
    project.parent_hint = parent
    site.projects[name] = project
    site.permissions.forget()
    site.events.project_created(project)
    await site.faults.project_step("repo", name)
    config = _initial_config(fields, parent, owners)
    files = {"project.config": config, "groups": groups_file(dict(sorted(owners)))}
    if CONFIG_REF not in project.repo.refs:
        site.commit_files(project, CONFIG_REF, user, "Created project", files)
    project.parent_hint = None
    await site.faults.project_step("config", name)
    if fields.get("create_empty_commit") and head != CONFIG_REF:
        author = user.account.ident()
        message = "Initial empty repository\n"
        commit = project.repo.write_commit(EMPTY_TREE, [], author, site.server_ident(), message)
        project.repo.write(b"tree", b"")
        for branch in branches:
            site.move_ref(project, branch, commit, user.account)
    return project


def _initial_config(fields: dict, parent: str, owners: list[tuple[str, str]]) -> str:
    doc = Document()
    if fields.get("description"):
        doc.set("project", None, "description", fields["description"])
    doc.set("access", None, "inheritFrom", parent)
    for key in _RECEIVE_ORDER:
        if fields.get(key, "INHERIT") != "INHERIT":
            doc.set("receive", None, BOOLEANS[key][1], fields[key].lower())
    if fields.get("max_object_size_limit"):
        doc.set("receive", None, "maxObjectSizeLimit", fields["max_object_size_limit"])
    for key in ("use_content_merge", "reject_empty_commit", "match_author_to_committer_date"):
        if fields.get(key, "INHERIT") != "INHERIT":
            doc.set("submit", None, BOOLEANS[key][1], fields[key].lower())
    action = (fields.get("submit_type") or "INHERIT").lower().replace("_", " ")
    doc.set("submit", None, "action", action)
    if owners:
        rules = [Rule(uuid, name) for uuid, name in owners]
        section = Section("refs/*", {"owner": Permission("owner", False, rules)})
        write_access(doc, {"refs/*": section})
    return doc.text()


# --- changing one ---


def set_description(site: Site, user: User, project: Project, text: str, message: str) -> None:
    """Store a description; an empty one removes it."""
    with edit(site, user, project, message or "Update description") as doc:
        doc.set("project", None, "description", text or None)
        doc.drop_empty("project", None)


def check_parent(site: Site, project: Project, parent: str, missing: type | None = None) -> str:
    """The new parent's name; Refusal for the roots, itself, a missing one or a cycle."""
    if project.name == "All-Projects":
        raise conflict("cannot set parent of All-Projects")
    name = strip_suffix(parent.strip()) or "All-Projects"
    if name == project.name:
        raise conflict("cannot set parent to self")
    if name == "All-Users":
        raise conflict("Cannot inherit from 'All-Users' project")
    wanted = site.project(name)
    if wanted is None:
        refusal = missing or unprocessable
        raise refusal(f"parent project {name} not found")
    if project in site.chain(wanted):
        raise conflict(f"cycle exists between {project.name} and {name}")
    return name


def set_parent(site: Site, user: User, project: Project, parent: str, message: str) -> None:
    """Store a checked parent."""
    with edit(site, user, project, message or f"Changed parent to {parent}.") as doc:
        doc.set("access", None, "inheritFrom", parent)


def set_state(doc: Document, state: str) -> None:
    """Write a state; ACTIVE is the absence of one."""
    text = None if state == "ACTIVE" else state.lower().replace("_", " ")
    doc.set("project", None, "state", text)
    doc.drop_empty("project", None)


__all__ = ["STATES", "check_name", "create", "full_info", "require", "strip_suffix"]
