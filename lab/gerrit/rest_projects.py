"""REST: projects, one or listed; description, parent, HEAD, children."""

from __future__ import annotations

import re

from . import projects as p
from .errors import Refusal, bad_request, conflict, forbidden, unprocessable
from .model import Project
from .repo import CONFIG_REF
from .rest import Call, Reply, encode, route
from .wording import words

OK_STATES = ("ACTIVE", "READ_ONLY", "HIDDEN")
LISTING = words(
    "all b S start d description m match n limit p prefix r regex t tree type state "
    "has-acl-for query format q"
)


def project_of(call: Call) -> Project:
    return p.require(call.site, call.user, call.args["project"])


def owner_only(call: Call, project: Project, text: str) -> None:
    if not call.site.permissions.is_owner(call.user, project):
        raise forbidden(text)


def config_writer(call: Call) -> Project:
    """The project, for a caller who may write its configuration."""
    project = project_of(call)
    owner_only(call, project, "write refs/meta/config not permitted")
    return project


@route("PUT", "projects/{project}", anonymous=False)
async def put_project(call: Call) -> Reply:
    name = p.strip_suffix(call.args["project"])
    if call.site.project(name) is not None:
        call.expect_new(True)
    fields = call.body(**p.INPUT_TYPES)
    project = await p.create(call.site, call.user, call.args["project"], fields)
    return Reply(201, p.full_info(call.site, project))


@route("GET", "projects/{project}")
def get_project(call: Call) -> dict:
    return p.full_info(call.site, project_of(call))


@route("DELETE", "projects/{project}", anonymous=False)
def delete_project(call: Call) -> Reply:
    project_of(call)
    raise Refusal(404, "Not Found")


@route("GET", "projects")
def list_projects(call: Call) -> object:
    call.only(*LISTING)
    if call.option("query") is not None:
        return query_projects(call)
    return listing(call)


def listing(call: Call) -> dict:
    """The map of projects that the parameters select, in name order."""
    selected = _selected(call)
    branches = call.options("b")
    found, start, limit = {}, call.number("S", "start"), call.number("n", "limit")
    rows = []
    for project in selected:
        heads = _heads(call, project, branches) if branches else None
        if branches and not heads:
            continue
        rows.append((project, heads))
    shown = rows[start:]
    more = 0 < limit < len(shown)
    for project, heads in shown[:limit] if limit > 0 else shown:
        found[project.name] = _row(call, project, heads)
    if more:
        found[list(found)[-1]]["_more_projects"] = True
    return found


def _row(call: Call, project: Project, heads: dict | None) -> dict:
    row: dict = {"id": encode(project.name)}
    if call.has("t", "tree") and call.site.parent_name(project):
        row["parent"] = call.site.parent_name(project)
    if call.has("d", "description") and project.config.description:
        row["description"] = project.config.description
    row["state"] = project.config.state
    if heads:
        row["branches"] = heads
    return row


def _heads(call: Call, project: Project, branches: list[str]) -> dict[str, str]:
    found = {}
    for branch in branches if project.config.state != "HIDDEN" else ():
        for ref in (branch, f"refs/{branch}", f"refs/heads/{branch}"):
            target = project.repo.head if ref == "HEAD" else ref
            commit = project.repo.refs.get(target)
            if commit and call.site.permissions.reads(call.user, project, target):
                found[branch] = commit
                break
    return found


def _selected(call: Call) -> list[Project]:
    site, state = call.site, call.option("state")
    if state is not None and state.upper() not in OK_STATES:
        raise bad_request(f'"{state}" is not a valid value for "--state"')
    if state and call.has("all"):
        raise bad_request("'all' and 'state' may not be used together")
    keep = _name_filter(call)
    kind = (call.option("type") or "ALL").upper()
    acl = call.option("has-acl-for")
    uuid = site.groups.find(acl) if acl else None
    if acl and uuid is None:
        raise bad_request(f'Group "{acl}" does not exist')
    found = []
    for name in sorted(site.projects):
        project = site.projects[name]
        if not project.listed or not keep(name) or not site.permissions.sees(call.user, project):
            continue
        actual = project.config.state
        if state and actual != state.upper():
            continue
        if not state and actual == "HIDDEN" and not call.has("all"):
            continue
        if actual == "HIDDEN" and not site.permissions.is_owner(call.user, project):
            continue
        if kind == "CODE" and project.permissions_only:
            continue
        if kind == "PERMISSIONS" and not project.permissions_only:
            continue
        if uuid and not _names_group(project, uuid):
            continue
        found.append(project)
    return found


def _names_group(project: Project, uuid: str) -> bool:
    return any(
        rule.uuid == uuid
        for section in project.config.sections.values()
        for permission in section.permissions.values()
        for rule in permission.rules
    )


def _name_filter(call: Call):
    prefix, match = call.option("p") or call.option("prefix"), call.option("m")
    match = match if match is not None else call.option("match")
    regex = call.option("r") or call.option("regex")
    if sum(x is not None for x in (prefix, match, regex)) > 1:
        raise bad_request("specify exactly one of p/m/r")
    if prefix is not None:
        return lambda name: name.startswith(prefix)
    if match is not None:
        return lambda name: match.lower() in name.lower()
    if regex is not None:
        try:
            compiled = re.compile(regex)
        except re.error:
            raise bad_request("unexpected end-of-string") from None
        return lambda name: compiled.fullmatch(name)
    return lambda name: True


def query_projects(call: Call) -> list[dict]:
    """``query=``: an index search; at most 500 rows."""
    words = re.findall(r'(\w+):("[^"]*"|\S+)|(\S+)', call.option("query") or "")
    tests = [_query_term(key, value.strip('"'), bare) for key, value, bare in words]
    limit = call.number("limit", "n") or 500
    found = [
        project
        for name, project in sorted(call.site.projects.items())
        if project.indexed
        and call.site.permissions.sees(call.user, project)
        and all(test(call.site, project) for test in tests)
    ][call.number("start", "S") :]
    rows = [p.basic_info(call.site, project) for project in found[: min(limit, 500)]]
    if len(found) > len(rows) and rows:
        rows[-1]["_more_projects"] = True
    return rows


def _query_term(key: str, value: str, bare: str):
    if bare:
        return lambda site, project: bare.lower() in project.name.lower()
    if key == "name":
        return lambda site, project: project.name == value
    if key == "parent":
        return lambda site, project: site.parent_name(project) == value
    if key == "prefix":
        return lambda site, project: project.name.startswith(value)
    if key == "inname":
        return lambda site, project: value.lower() in project.name.lower()
    if key == "description":
        return lambda site, project: value.lower() in project.config.description.lower()
    if key == "state":
        wanted = {"active": "ACTIVE", "read-only": "READ_ONLY"}.get(value.lower())
        if wanted is None:
            raise bad_request("state operator must be either 'active' or 'read-only'")
        return lambda site, project: project.config.state == wanted
    raise bad_request(f"Unsupported operator {key}:{value}")


@route("GET", "projects/{project}/children")
def children(call: Call) -> list[dict]:
    project = project_of(call)
    if call.has("recursive") and call.option("limit"):
        raise conflict("recursive and limit options are mutually exclusive")
    return [p.basic_info(call.site, child) for child in _children(call, project)]


def _children(call: Call, project: Project) -> list[Project]:
    site, by_parent = call.site, {}
    for name in sorted(site.projects):
        child = site.projects[name]
        if site.permissions.sees(call.user, child) and site.parent_name(child):
            by_parent.setdefault(site.parent_name(child), []).append(child)
    if not call.has("recursive"):
        return by_parent.get(project.name, [])
    found, queue, seen = [], [project.name], set()
    while queue:
        for child in by_parent.get(queue.pop(0), []):
            if child.name not in seen:
                seen.add(child.name)
                found.append(child)
                queue.append(child.name)
    return found


@route("GET", "projects/{project}/description")
def get_description(call: Call) -> str:
    return project_of(call).config.description


@route("PUT", "projects/{project}/description", anonymous=False)
def put_description(call: Call) -> object:
    project = config_writer(call)
    fields = call.body(description=str, commit_message=str)
    text = fields.get("description") or ""
    message = fields.get("commit_message") or ""
    p.set_description(call.site, call.user, project, text, message)
    return text if text else Reply(204)


@route("DELETE", "projects/{project}/description", anonymous=False)
def delete_description(call: Call) -> Reply:
    p.set_description(call.site, call.user, config_writer(call), "", "")
    return Reply(204)


@route("GET", "projects/{project}/parent")
def get_parent(call: Call) -> str:
    return call.site.parent_name(project_of(call))


@route("PUT", "projects/{project}/parent", anonymous=False)
def put_parent(call: Call) -> str:
    project = project_of(call)
    if not call.site.permissions.is_admin(call.user):
        raise forbidden("administrate server not permitted")
    fields = call.body(parent=str, commit_message=str)
    parent = p.check_parent(call.site, project, fields.get("parent") or "")
    p.set_parent(call.site, call.user, project, parent, fields.get("commit_message") or "")
    return parent


@route("GET", "projects/{project}/HEAD")
def get_head(call: Call) -> str:
    project = project_of(call)
    head = project.repo.head
    readable = call.site.permissions.reads(call.user, project, head)
    if not readable and head in project.repo.refs:
        raise forbidden("not permitted: read on HEAD")
    return head


@route("PUT", "projects/{project}/HEAD", anonymous=False)
def put_head(call: Call) -> str:
    project = project_of(call)
    fields = call.body(ref=str)
    if not fields.get("ref"):
        raise bad_request("ref required")
    ref = p.full_ref(fields["ref"])
    set_head(call.site, call.user, project, ref)
    return ref


def set_head(site, user, project: Project, ref: str) -> None:
    """Point HEAD to an existing branch; Refusal 403 or 422."""
    if not site.permissions.is_owner(user, project):
        raise forbidden(f"not permitted: set HEAD on {ref}")
    if ref not in project.repo.refs:
        raise unprocessable(f"Ref Not Found: {ref}")
    old = project.repo.head
    if ref != old:
        project.repo.set_head(ref)
        site.events.head_updated(project, old, ref)


@route("POST", "projects/{project}/delete-project~delete", anonymous=False)
def delete_plugin(call: Call) -> Reply:
    project_of(call)
    raise Refusal(404, "Not found: delete-project~delete")


@route("POST", "projects/{project}/rename~rename", anonymous=False)
def rename_plugin(call: Call) -> Reply:
    project_of(call)
    raise Refusal(404, "Not found: rename~rename")


@route("POST", "projects/{project}/index", anonymous=False)
def index(call: Call) -> Reply:
    project_of(call)
    return Reply(202, text="")


__all__ = ["CONFIG_REF", "project_of"]
