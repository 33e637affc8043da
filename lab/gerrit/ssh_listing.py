"""ssh commands that list: projects, groups, members, and the small administrative ones."""

from __future__ import annotations

import json
import time

from .model import Project
from .rest import Call
from .rest_groups import _selected as selected_groups
from .rest_projects import listing
from .sshcommands import Fatal, Plain, Session, command, parse
from .wording import words

_LS_PROJECTS_FLAGS = "tree|t description|d all"
_LS_PROJECTS_VALUES = (
    "prefix|p match|m regex|r limit|n start|S show-branch|b type state format has-acl-for"
)
CACHES = words(
    "accounts adv_bases change_kind change_notes changeid_project changes_by_project "
    "comment_context conflicts default_preferences diff_intraline diff_summary "
    "external_ids_map gerrit_file_diff git_file_diff git_modified_files git_tags groups "
    "groups_bymember groups_byname groups_bysubgroup groups_byuuid groups_byuuid_persisted "
    "groups_external groups_external_persisted mergeability modified_files oauth_tokens "
    "permission_sort persisted_projects plugin_resources project_list projects prolog_rules "
    "pure_revert soy_sauce_compiled_templates sshkeys static_content tokens web_sessions"
)


def as_call(session: Session, query: list[tuple[str, str]], args: dict | None = None) -> Call:
    """A REST call's equivalent, for commands that share its code."""
    return Call(session.site, session.user, "GET", "", args or {}, query, {}, b"")


def escape(text: str) -> str:
    """Text as a column: control characters are written out."""
    return text.replace("\\", "\\\\").replace("\t", "\\t").replace("\n", "\\n")


@command("ls-projects")
async def ls_projects(session: Session, words: list[str]) -> str:
    _, options = parse(words, _LS_PROJECTS_FLAGS, _LS_PROJECTS_VALUES)
    if options.get("tree") and options.get("show-branch"):
        raise Fatal("--tree and --show-branch options are not compatible.")
    names = {"show-branch": "b", "prefix": "p", "match": "m", "regex": "r", "limit": "n"}
    names |= {"start": "S", "description": "d"}
    query = []
    for key, value in options.items():
        if key not in ("tree", "format"):
            name = names.get(key, key)
            query += [(name, v) for v in value] if isinstance(value, list) else [(name, "")]
    style = options.get("format", ["text"])[-1].lower()
    if options.get("tree"):
        return _tree(session)
    rows = listing(as_call(session, query))
    if style == "json":
        return json.dumps(rows, indent=2, ensure_ascii=False) + "\n"
    if style == "json_compact":
        return json.dumps(rows, separators=(",", ":"), ensure_ascii=False) + "\n"
    branches = options.get("show-branch", [])
    return "".join(_project_line(n, row, branches) for n, row in rows.items())


def _project_line(name: str, row: dict, branches: list[str]) -> str:
    heads = [row["branches"].get(branch, "-" * 40) for branch in branches]
    text = " ".join([*heads, name])
    return text + (f" - {escape(row['description'])}" if row.get("description") else "") + "\n"


def _tree(session: Session) -> str:
    site = session.site
    visible = [
        p
        for n, p in sorted(site.projects.items())
        if p.listed and site.permissions.sees(session.user, p) and p.config.state != "HIDDEN"
    ]
    by_parent: dict[str, list[Project]] = {}
    known = {p.name for p in visible}
    for project in visible:
        by_parent.setdefault(site.parent_name(project), []).append(project)
    lines: list[str] = []

    def show(name: str, level: int, last: bool) -> None:
        indent = f"{'|':<{4 * level}}" if level else ""
        lines.append(f"{indent}{'`-- ' if last else '|-- '}{name}\n")
        children = by_parent.get(name, [])
        for child in children:
            show(child.name, level + 1, child is children[-1])

    roots = [p.name for p in visible if site.parent_name(p) not in known]
    for root in sorted(roots, key=lambda n: (n != "All-Projects", n)):
        show(root, 0, True)
    return "".join(lines)


@command("ls-groups")
async def ls_groups(session: Session, words: list[str]) -> str:
    flags, values = "verbose|v visible-to-all owned", "project|p user|u g owned-by match|m regex|r"
    _, options = parse(words, flags, values)
    query = []
    for key, value in options.items():
        if key != "verbose":
            query += [(key, v) for v in value] if isinstance(value, list) else [(key, "")]
    uuids = selected_groups(as_call(session, query))
    return "".join(_group_line(session, u, bool(options.get("verbose"))) for u in uuids)


def _group_line(session: Session, uuid: str, verbose: bool) -> str:
    groups = session.site.groups
    name = escape(groups.name_of(uuid) or "") or "n/a"
    if not verbose:
        return name + "\n"
    group = groups.by_uuid.get(uuid)
    if group is None:
        return f"{name}\t{uuid}\t\tn/a\t\tfalse\n"
    owner = escape(groups.name_of(group.owner) or "")
    row = [name, uuid, escape(group.description), owner, group.owner]
    return "\t".join([*row, str(group.visible_to_all).lower()]) + "\n"


@command("ls-members")
async def ls_members(session: Session, words: list[str]) -> str:
    names, options = parse(words, "recursive")
    if not names:
        raise Fatal('Argument "GROUPNAME" is required')
    groups = session.site.groups
    group = groups.by_uuid.get(groups.find(names[0]) or "")
    if group is None or not groups.sees(session.user, group):
        return "Group not found or not visible\n"
    ids = groups.all_members(group) if options.get("recursive") else group.members
    rows = ["id\tusername\tfull name\temail"]
    for info in groups.members(ids):
        columns = [info.get(key, "n/a") for key in ("username", "name", "email")]
        rows.append("\t".join([str(info["_account_id"]), *map(escape, columns)]))
    return "\n".join(rows) + "\n"


# --- small administrative commands ---


def require_capability(session: Session, name: str, words: str) -> None:
    """End with ``... not permitted`` if the caller lacks a capability."""
    if not session.site.permissions.capability(session.user, name):
        raise Plain(f"{words} not permitted\n")


@command("plugin")
async def plugin(session: Session, words: list[str]) -> str:
    if words[:1] != ["ls"]:
        raise Fatal(f"gerrit plugin: {words[0] if words else ''}: not found")
    header = f"{'Name':<30} {'Version':<10} {'Api-Version':<16} {'Status':<8} File\n"
    return header + "-" * 79 + "\n"


@command("gc")
async def gc(session: Session, words: list[str]) -> str:
    require_capability(session, "runGC", "run garbage collection")
    parse(words, "all show-progress aggressive")
    return ""


@command("flush-caches")
async def flush_caches(session: Session, words: list[str]) -> str:
    _, options = parse(words, "all list", "cache")
    require_capability(session, "flushCaches", "flush caches")
    if options.get("list"):
        session.err = "\n".join(CACHES) + "\n"
        return ""
    for name in options.get("cache", []):
        if name not in CACHES:
            raise Fatal(f"cache {name} not found")
    return ""


@command("show-queue")
async def show_queue(session: Session, words: list[str]) -> str:
    parse(words, "wide|w by-queue|q")
    rule = "-" * 78
    header = f"{'Task':<8} {'State':<12} {'StartTime':<17} Command\n{rule}\n"
    return f"{header}{rule}\n  0 tasks\n\n"


@command("show-connections")
async def show_connections(session: Session, words: list[str]) -> str:
    parse(words, "numeric|n wide|w")
    require_capability(session, "viewConnections", "view connections")
    header = f"{'Session':<8}   {'User':<15} Remote Host\n{'-' * 62}\n"
    number = f"{id(session.process) & 0xFFFFFFFF:08x}"
    row = f"{number}   {session.user.name:<15} localhost\n"
    return f"{header}{row}--\n 1 connections; SSHD Backend: nio2\n"


@command("show-caches")
async def show_caches(session: Session, words: list[str]) -> str:
    require_capability(session, "maintainServer", "maintain server")
    now = time.strftime("%H:%M:%S   %Z")
    return f"Gerrit Code Review (stand-in)   now    {now}\n"


@command("index")
async def index(session: Session, words: list[str]) -> str:
    require_capability(session, "maintainServer", "maintain server")
    if not words or words[0] not in ("changes", "changes-in-project", "start", "activate"):
        raise Fatal(f"gerrit index: {words[0] if words else ''}: not found")
    return ""


@command("reload-config")
async def reload_config(session: Session, words: list[str]) -> str:
    require_capability(session, "administrateServer", "administrate server")
    return "No config entries updated!\n"


@command("check-project-access")
async def check_project_access(session: Session, words: list[str]) -> str:
    _, options = parse(words, "", "project|p user|u")
    site = session.site
    project = site.project(options["project"][-1])
    if project is None:
        raise Fatal(f"project {options['project'][-1]} not found")
    lines = []
    for name in options.get("user", []):
        for account in site.accounts.candidates(name):
            may = site.permissions.may(site.user(account), project, "refs/*", "read")
            lines.append(
                f"Username: '{account.username}', Email: '{account.email}', "
                f"Full Name: '{account.name}', Result: {str(may).lower()}\n"
            )
    return "".join(lines) + "\n"


@command("apropos")
async def apropos(session: Session, words: list[str]) -> str:
    raise Fatal("there is no documentation index")
