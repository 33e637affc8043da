"""What is between groups.yaml and a group: description, owner, members, included groups."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from saltern.gaps import Block, Context, Gap
from saltern.policy import WRITE, Part, decide, digest_of
from saltern.registry.groupmodel import Group, Named, is_account
from saltern.steps import step_key

ALWAYS = 3
"""Members that may be taken out of a group whatever its size."""
SHOWN = 5
Account = Mapping[str, Any]
Evidence = Mapping[str, Mapping[str, Any]]


def members_needs(ctx: Context, name: str) -> Iterator[str]:
    """Yield what must be there before a group is settled: itself and every group it names."""
    yield step_key("group", name)
    wish = ctx.registry.group_wishes.get(name)
    for group in groups_named(wish) if wish else ():
        yield step_key("group", group.text)


def members_part(ctx: Context, wish: Group) -> Part:
    """Return what was compared of a group, for its policy."""
    seen = _seen(ctx, wish.name)
    wanted = digest_of(
        [
            wish.description,
            wish.owner and wish.owner.text,
            _sorted(wish.members),
            _sorted(wish.includes),
        ]
    )
    differs = "; ".join(_differences(ctx, wish, seen))
    return Part("groups", wish.name, wanted, differs, missing=_untouched(ctx, seen))


def _untouched(ctx: Context, seen: Mapping[str, Any]) -> bool:
    """Return whether a group is not there, or still as a run that was cut off made it."""
    owner = ctx.uuid(ctx.settings.group_owner)
    return not (
        seen["description"] or seen["members"] or seen["includes"] or seen["owner_uuid"] != owner
    )


def members_gap(ctx: Context, name: str) -> Gap | Block | None:
    """A group is done when it has what groups.yaml writes of it."""
    wish = ctx.registry.group_wishes.get(name)
    if wish is None:
        return None
    seen = _seen(ctx, name)
    if "members" not in seen:
        return Block("members-unseen", f"{wish.position}: Gerrit did not show group {name!r}")
    part = members_part(ctx, wish)
    if decide(ctx.settings.policy, ctx.memory, part) != WRITE:
        return None
    return _block(ctx, wish, seen) or Gap(part.differs, _payload(ctx, wish, seen))


def _seen(ctx: Context, name: str) -> Mapping[str, Any]:
    """Return what Gerrit shows of a group; one that is not there, as it will be when made."""
    owner = ctx.uuid(ctx.settings.group_owner)
    made = {"uuid": None, "owner_uuid": owner, "description": "", "members": (), "includes": ()}
    return ctx.gerrit["groups"].get(name) or made


def members_with(payload: Mapping[str, Any], name: str, evidence: Evidence) -> dict[str, Any]:
    """Return the payload of a step ``members`` with the UUIDs of groups made in this run."""

    def known(group: str, uuid: str | None) -> str | None:
        return uuid or evidence.get(step_key("group", group), {}).get("uuid")

    owner, includes = payload["owner"], payload["includes"]
    return {
        **payload,
        "uuid": known(name, payload["uuid"]),
        "owner": owner and {**owner, "uuid": known(owner["name"], owner["uuid"])},
        "includes": None if includes is None else {g: known(g, u) for g, u in includes.items()},
    }


def _payload(ctx: Context, wish: Group, seen: Mapping[str, Any]) -> dict[str, Any]:
    owner = wish.owner and {"name": wish.owner.text, "uuid": ctx.uuid(wish.owner.text)}
    includes = None
    if wish.includes is not None:
        includes = {group.text: ctx.uuid(group.text) for group in wish.includes}
    return {
        "uuid": seen["uuid"],
        "description": wish.description,
        "owner": owner,
        "members": None if wish.members is None else sorted(_wanted(ctx, wish, seen)),
        "includes": includes,
        "may_leave": wish.name not in ctx.gerrit.get("vital", ()),
    }


# What differs


def _differences(ctx: Context, wish: Group, seen: Mapping[str, Any]) -> Iterator[str]:
    if wish.description not in (None, seen["description"].strip()):
        yield "description differs"
    if wish.owner and not (seen["owner_uuid"] and ctx.uuid(wish.owner.text) == seen["owner_uuid"]):
        yield f"owner is not {wish.owner.text}"
    if wish.members is not None and (words := _member_words(ctx, wish, seen)):
        yield f"members: {words}"
    if wish.includes is not None and (words := _include_words(ctx, wish.includes, seen)):
        yield f"included groups: {words}"


def _member_words(ctx: Context, wish: Group, seen: Mapping[str, Any]) -> str:
    there = {member["id"] for member in seen["members"]}
    wanted = _wanted(ctx, wish, seen)
    come = [m.text for m in wish.members or () if _account(ctx, m.text, seen) not in there]
    left = [_shown(m) for m in seen["members"] if m["id"] not in wanted]
    return _words(come, left)


def _include_words(ctx: Context, wanted: Iterable[Named], seen: Mapping[str, Any]) -> str:
    names = {group["uuid"]: name for name, group in ctx.gerrit["groups"].items()}
    uuids = {group.text: ctx.uuid(group.text) for group in wanted}
    come = [name for name, uuid in uuids.items() if uuid is None or uuid not in seen["includes"]]
    left = [names.get(uuid, uuid) for uuid in seen["includes"] if uuid not in uuids.values()]
    return _words(come, left)


def _words(come: Sequence[str], left: Sequence[str]) -> str:
    words = [f"+{name}" for name in come[:SHOWN]] + [f"-{name}" for name in left[:SHOWN]]
    more = len(come) + len(left) - len(words)
    return " ".join([*words, *([f"and {more} more"] if more else [])])


def _wanted(ctx: Context, wish: Group, seen: Mapping[str, Any]) -> set[int]:
    found = (_account(ctx, member.text, seen) for member in wish.members or ())
    return {number for number in found if number is not None}


def _account(ctx: Context, text: str, seen: Mapping[str, Any]) -> int | None:
    """Return the number of the account that a written member means, ``None`` for nobody."""
    for member in seen["members"]:
        if is_account(text, member["username"], member["email"]):
            return int(member["id"])
    number = ctx.gerrit.get("accounts", {}).get(text, {}).get("id")
    return None if number is None else int(number)


def _shown(member: Account) -> str:
    return str(member["username"] or member["email"] or member["id"])


# What stands in the way


def _block(ctx: Context, wish: Group, seen: Mapping[str, Any]) -> Block | None:
    return (
        _unknown_groups(ctx, wish)
        or _unknown_accounts(ctx, wish, seen)
        or _lock_out(ctx, wish, seen)
        or _too_many(ctx, wish, seen)
    )


def _unknown_groups(ctx: Context, wish: Group) -> Block | None:
    missing = [
        group
        for group in groups_named(wish)
        if ctx.uuid(group.text) is None and group.text not in ctx.registry.groups
    ]
    if not missing:
        return None
    first = missing[0]
    return Block(
        "group-missing",
        f"{first.position}: Gerrit has no group {first.text!r}; correct the name, or give the "
        "group an entry",
    )


def _unknown_accounts(ctx: Context, wish: Group, seen: Mapping[str, Any]) -> Block | None:
    known = ctx.gerrit.get("accounts", {})
    said = [
        f"{member.position}: {member.text!r}: {known.get(member.text, {}).get('problem', 'unread')}"
        for member in wish.members or ()
        if _account(ctx, member.text, seen) is None
    ]
    if not said:
        return None
    more = f" (and {len(said) - SHOWN} more)" if len(said) > SHOWN else ""
    reason = "; ".join(said[:SHOWN]) + more
    return Block("account-missing", f"{reason}; the members of {wish.name!r} are left as they are")


def _lock_out(ctx: Context, wish: Group, seen: Mapping[str, Any]) -> Block | None:
    """Refuse to take the service account out of a group that gives it its own rights."""
    me = ctx.gerrit.get("account", {})
    if wish.name not in ctx.gerrit.get("vital", ()):
        return None
    there = {member["id"] for member in seen["members"]}
    stays = me["id"] in (there if wish.members is None else _wanted(ctx, wish, seen))
    own = {ctx.uuid(group) for group in me["groups"]}
    through = own & set(seen["includes"])
    kept = through if wish.includes is None else through & _uuids(ctx, wish.includes)
    if stays or (kept == through and me["id"] not in there):
        return None
    return Block(
        "lock-out",
        f"{wish.position}: group {wish.name!r} gives the service account {me['username']!r} its "
        "own rights, and this would take it out; list it, or give it its rights elsewhere first",
    )


def _uuids(ctx: Context, groups: Iterable[Named]) -> set[str | None]:
    return {ctx.uuid(group.text) for group in groups}


def _too_many(ctx: Context, wish: Group, seen: Mapping[str, Any]) -> Block | None:
    if wish.members is None or ctx.allow_retire:
        return None
    have = len(seen["members"])
    left = have - len({m["id"] for m in seen["members"]} & _wanted(ctx, wish, seen))
    most = max(ALWAYS, int(ctx.settings.members_limit * have))
    if left <= most:
        return None
    return Block(
        "members-limit",
        f"{wish.position}: {left} of {have} members of {wish.name!r} would be taken out, more "
        f"than members_limit allows ({most}): if that is meant, run "
        "salt-run projects.converge allow_retire=True",
    )


def groups_named(wish: Group) -> Iterator[Named]:
    """Yield the groups that an entry of groups.yaml names beside its own."""
    if wish.owner:
        yield wish.owner
    yield from wish.includes or ()


def _sorted(names: Iterable[Named] | None) -> list[str] | None:
    return None if names is None else sorted(name.text for name in names)
