"""REST: groups."""

from __future__ import annotations

import re

from .errors import Refusal, bad_request, forbidden, unprocessable
from .groups import deletion_refused
from .model import SYSTEM_GROUPS, Group
from .rest import Call, Reply, route
from .wording import words

_LISTING = words(
    "n limit S start m match r regex s suggest p project o O owned owned-by user u g group q "
    "query visible-to-all query-limit"
)
INPUT = {
    "name": str,
    "uuid": str,
    "description": str,
    "visible_to_all": bool,
    "owner_id": str,
    "members": list,
}


def uuid_of(call: Call, text: str | None = None) -> str:
    """The UUID of the group a URL names, if the caller may see it; else 404."""
    text = call.args["group"] if text is None else text
    uuid = call.site.groups.find(text)
    group = call.site.groups.by_uuid.get(uuid or "")
    if uuid is None or (group and not call.site.groups.sees(call.user, group)):
        raise Refusal(404, text)
    return uuid


def internal(call: Call) -> Group:
    """The internal group a URL names."""
    uuid = uuid_of(call)
    if uuid in SYSTEM_GROUPS:
        raise Refusal(405, "not a Gerrit internal group")
    return call.site.groups.by_uuid[uuid]


def owned(call: Call, what: str) -> Group:
    """The group, for a caller who owns it."""
    group = internal(call)
    if not call.site.groups.owns(call.user, group):
        raise forbidden(f"{what} {group.name}")
    return group


@route("PUT", "groups/{group}", anonymous=False)
async def put_group(call: Call) -> Reply:
    name = call.args["group"]
    exists = call.site.groups.name_taken(name.strip())
    call.expect_new(exists)
    if not call.site.permissions.capability(call.user, "createGroup"):
        raise forbidden("create group not permitted")
    fields = call.body(**INPUT)
    if fields.get("name") and fields["name"].strip() != name.strip():
        raise bad_request("name must match URL")
    group = await call.site.groups.create(name, fields, call.user)
    return Reply(201, call.site.groups.info(group.uuid))


@route("GET", "groups/{group}", anonymous=False)
def get_group(call: Call) -> dict:
    return call.site.groups.info(uuid_of(call))


@route("GET", "groups/{group}/detail", anonymous=False)
def get_detail(call: Call) -> dict:
    return call.site.groups.info(uuid_of(call), detail=True)


@route("DELETE", "groups/{group}", anonymous=False)
def delete_group(call: Call) -> Reply:
    uuid_of(call)
    raise deletion_refused()


@route("POST", "groups/{group}/index", anonymous=False)
def index(call: Call) -> Reply:
    internal(call)
    return Reply(204)


@route("GET", "groups", anonymous=False)
def list_groups(call: Call) -> object:
    call.only(*_LISTING)
    if call.option("query") is not None:
        return _query(call)
    uuids = _selected(call)
    uuids = uuids[call.number("S", "start") :]
    limit = call.number("n", "limit")
    detail = {o.upper() for o in call.options("o")}
    return {
        call.site.groups.name_of(u) or f"Group {u}": _row(call, u, detail)
        for u in (uuids[:limit] if limit > 0 else uuids)
    }


def _row(call: Call, uuid: str, detail: set[str]) -> dict:
    info = call.site.groups.info(uuid, named=False)
    group = call.site.groups.by_uuid.get(uuid)
    if group and "MEMBERS" in detail:
        info["members"] = call.site.groups.members(group.members)
    if group and "INCLUDES" in detail:
        info["includes"] = call.site.groups.includes(group)
    return info


def _selected(call: Call) -> list[str]:
    groups, site = call.site.groups, call.site
    by_name = sorted(groups.by_uuid.values(), key=lambda g: g.name)
    uuids = [g.uuid for g in by_name if groups.sees(call.user, g)]
    who = call.option("user") or call.option("u")
    if who is not None:
        found = site.accounts.candidates(who) if who != "self" else [call.user.account]
        if not found:
            raise bad_request(f'user "{who}" not found')
        mine = groups.of_account(found[0])
        uuids = sorted(mine, key=lambda u: groups.name_of(u) or "")
    for name in call.options("project", "p"):
        uuids = _of_project(call, name, uuids)
    names = call.options("g", "group")
    if names:
        uuids = [_named(call, name) for name in names]
    if call.has("owned"):
        uuids = [u for u in uuids if u in groups.by_uuid]
        uuids = [u for u in uuids if groups.owns(call.user, groups.by_uuid[u])]
    owner = call.option("owned-by")
    if owner:
        wanted = _named(call, owner)
        uuids = [u for u in uuids if groups.by_uuid[u].owner == wanted]
    if call.has("visible-to-all"):
        uuids = [u for u in uuids if groups.by_uuid[u].visible_to_all]
    return _by_name(call, uuids)


def _of_project(call: Call, name: str, uuids: list[str]) -> list[str]:
    project = call.site.project(name)
    if project is None:
        raise bad_request(f"project {name} not found")
    used = {
        rule.uuid
        for each in call.site.chain(project)
        for section in each.config.sections.values()
        for permission in section.permissions.values()
        for rule in permission.rules
        if section.name.startswith(("refs/", "^"))
    }
    return [u for u in uuids if u in used]


def _named(call: Call, name: str) -> str:
    uuid = call.site.groups.find(name)
    if uuid is None:
        raise bad_request(f'Group "{name}" does not exist')
    return uuid


def _by_name(call: Call, uuids: list[str]) -> list[str]:
    name_of = call.site.groups.name_of
    match = call.option("m") or call.option("match")
    regex, suggest = call.option("r") or call.option("regex"), call.option("s")
    suggest = suggest or call.option("suggest")
    if match:
        uuids = [u for u in uuids if match.lower() in (name_of(u) or "").lower()]
    if suggest:
        uuids = [u for u in uuids if (name_of(u) or "").lower().startswith(suggest.lower())]
    if regex:
        compiled = re.compile(regex)  # a broken one is a 500 on the real server too
        uuids = [u for u in uuids if compiled.fullmatch(name_of(u) or "")]
    return uuids


def _query(call: Call) -> list[dict]:
    text = call.option("query") or ""
    key, _, value = text.partition(":")
    tests = {
        "name": lambda g: g.name == value,
        "inname": lambda g: value.lower() in g.name.lower(),
        "uuid": lambda g: g.uuid == value,
        "member": lambda g: any(a.id in g.members for a in call.site.accounts.candidates(value)),
        "is": lambda g: g.visible_to_all,
    }
    if key not in tests:
        raise bad_request(f"Unsupported operator {text}")
    groups = sorted(call.site.groups.by_uuid.values(), key=lambda g: g.name)
    found = [g for g in groups if call.site.groups.sees(call.user, g) and tests[key](g)]
    limit = call.number("limit", "n") or 500
    return [call.site.groups.info(g.uuid) for g in found[:limit]]


# --- fields ---


@route("GET", "groups/{group}/name", anonymous=False)
def get_name(call: Call) -> str:
    return call.site.groups.name_of(uuid_of(call)) or ""


@route("PUT", "groups/{group}/name", anonymous=False)
def put_name(call: Call) -> str:
    group = owned(call, "not group owner:")
    call.site.groups.rename(group, call.body(name=str).get("name") or "", call.user)
    return group.name


@route("GET", "groups/{group}/description", anonymous=False)
def get_description(call: Call) -> str:
    group = call.site.groups.by_uuid.get(uuid_of(call))
    return group.description if group else ""


@route("PUT", "groups/{group}/description", anonymous=False)
def put_description(call: Call) -> object:
    group = owned(call, "Not group owner:")
    text = call.body(description=str).get("description") or ""
    if text != group.description:
        group.description = text
        call.site.groups.save(group, call.user, "Update group description")
    return text if text else Reply(204)


@route("DELETE", "groups/{group}/description", anonymous=False)
def delete_description(call: Call) -> Reply:
    group = owned(call, "Not group owner:")
    group.description = ""
    call.site.groups.save(group, call.user, "Update group description")
    return Reply(204)


@route("GET", "groups/{group}/options", anonymous=False)
def get_options(call: Call) -> dict:
    return {"visible_to_all": True} if internal(call).visible_to_all else {}


@route("PUT", "groups/{group}/options", anonymous=False)
def put_options(call: Call) -> dict:
    group = owned(call, "Not group owner:")
    wanted = call.body(visible_to_all=bool).get("visible_to_all")
    if wanted is not None and wanted != group.visible_to_all:
        group.visible_to_all = wanted
        call.site.groups.save(group, call.user, "Update group options")
    return {"visible_to_all": True} if group.visible_to_all else {}


@route("GET", "groups/{group}/owner", anonymous=False)
def get_owner(call: Call) -> dict:
    return call.site.groups.info(internal(call).owner)


@route("PUT", "groups/{group}/owner", anonymous=False)
def put_owner(call: Call) -> dict:
    group = owned(call, "Not group owner:")
    name = call.body(owner=str).get("owner")
    if not name:
        raise bad_request("owner is required")
    uuid = call.site.groups.find(name)
    if uuid is None:
        raise unprocessable(f"Group Not Found: {name}")
    if uuid != group.owner:
        group.owner = uuid
        call.site.groups.save(group, call.user, "Update group owner")
    return call.site.groups.info(uuid)


@route("GET", "groups/{group}/log.audit", anonymous=False)
def audit(call: Call) -> list[dict]:
    return call.site.groups.audit_log(owned(call, "Not group owner:"))
