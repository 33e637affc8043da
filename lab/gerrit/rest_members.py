"""REST: members and included groups of a group."""

from __future__ import annotations

from .errors import Refusal, forbidden, not_found, unprocessable
from .model import Account, Group
from .rest import Call, Reply, route
from .rest_groups import internal


def _may_change(call: Call, what: str) -> Group:
    group = internal(call)
    if not call.site.groups.owns(call.user, group):
        raise forbidden(f"Cannot {what} group {group.name}")
    return group


def _account(call: Call) -> Account:
    name = call.args["account"]
    try:
        return call.site.accounts.resolve(name, call.user)
    except Refusal:
        raise not_found(name) from None


def _listed(call: Call, key: str, single: str) -> list[str]:
    fields = call.body(**{key: list})
    names = list(fields.get(key) or [])
    return [*names, *([fields[single]] if fields.get(single) else [])]


@route("GET", "groups/{group}/members", anonymous=False)
def members(call: Call) -> list[dict]:
    group = internal(call)
    ids = call.site.groups.all_members(group) if call.has("recursive") else group.members
    return call.site.groups.members(ids)


@route("GET", "groups/{group}/members/{account}", anonymous=False)
def member(call: Call) -> dict:
    group, account = internal(call), _account(call)
    if account.id not in group.members:
        raise not_found(call.args["account"])
    return call.site.accounts.info(account)


@route("PUT", "groups/{group}/members/{account}", anonymous=False)
def add_member(call: Call) -> Reply:
    group = _may_change(call, "add members to")
    account = _account(call)
    status = 200 if account.id in group.members else 201
    call.site.groups.change_members(group, call.user, add=[account.id])
    return Reply(status, call.site.accounts.info(account))


@route("DELETE", "groups/{group}/members/{account}", anonymous=False)
def remove_member(call: Call) -> Reply:
    group = _may_change(call, "delete members from")
    account = _account(call)
    if account.id not in group.members:
        raise not_found(call.args["account"])
    call.site.groups.change_members(group, call.user, remove=[account.id])
    return Reply(204)


def _add_members(call: Call) -> list[dict]:
    group = _may_change(call, "add members to")
    names = _listed(call, "members", "_one_member")
    accounts = [call.site.accounts.resolve_input(n, call.user) for n in names]
    for account in accounts:
        if not account.active:
            raise unprocessable(f"Account Inactive: {account.id}")
    call.site.groups.change_members(group, call.user, add=[a.id for a in accounts])
    return [call.site.accounts.info(a) for a in accounts]


route("POST", "groups/{group}/members.add", anonymous=False)(_add_members)
route("POST", "groups/{group}/members", anonymous=False)(_add_members)


@route("POST", "groups/{group}/members.delete", anonymous=False)
def remove_members(call: Call) -> Reply:
    group = _may_change(call, "delete members from")
    names = _listed(call, "members", "_one_member")
    ids = [call.site.accounts.resolve_input(n, call.user).id for n in names]
    call.site.groups.change_members(group, call.user, remove=ids)
    return Reply(204)


def _included(call: Call) -> str:
    uuid = call.site.groups.find(call.args["included"])
    if uuid is None:
        raise not_found(call.args["included"])
    return uuid


def _included_inputs(call: Call) -> list[str]:
    found = []
    for name in _listed(call, "groups", "_one_group"):
        uuid = call.site.groups.find(name)
        if uuid is None:
            raise unprocessable(f"Group Not Found: {name}")
        found.append(uuid)
    return found


@route("GET", "groups/{group}/groups", anonymous=False)
def includes(call: Call) -> list[dict]:
    return call.site.groups.includes(internal(call))


@route("GET", "groups/{group}/groups/{included}", anonymous=False)
def include(call: Call) -> dict:
    group, uuid = internal(call), _included(call)
    if uuid not in group.includes:
        raise not_found(call.args["included"])
    return call.site.groups.info(uuid)


@route("PUT", "groups/{group}/groups/{included}", anonymous=False)
def add_include(call: Call) -> Reply:
    group = _may_change(call, "add groups to")
    uuid = _included(call)
    status = 200 if uuid in group.includes else 201
    call.site.groups.change_includes(group, call.user, add=[uuid])
    return Reply(status, call.site.groups.info(uuid))


@route("DELETE", "groups/{group}/groups/{included}", anonymous=False)
def remove_include(call: Call) -> Reply:
    group = _may_change(call, "delete groups from")
    uuid = _included(call)
    if uuid not in group.includes:
        raise not_found(call.args["included"])
    call.site.groups.change_includes(group, call.user, remove=[uuid])
    return Reply(204)


@route("POST", "groups/{group}/groups.add", anonymous=False)
def add_includes(call: Call) -> list[dict]:
    group = _may_change(call, "add groups to")
    uuids = _included_inputs(call)
    call.site.groups.change_includes(group, call.user, add=uuids)
    return [call.site.groups.info(u) for u in uuids]


@route("POST", "groups/{group}/groups.delete", anonymous=False)
def remove_includes(call: Call) -> Reply:
    group = _may_change(call, "delete groups from")
    call.site.groups.change_includes(group, call.user, remove=_included_inputs(call))
    return Reply(204)
