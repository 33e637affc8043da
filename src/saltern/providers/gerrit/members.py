"""Step ``members``: a group's description, owner, members and included groups as groups.yaml says.

What the file does not write of a group is left alone, and groups that it does not name are not
looked into. Accounts are written by their number: a full name, which anybody can give himself,
then means nobody.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from saltern.errors import Refused, Retry
from saltern.providers.gerrit import listing
from saltern.providers.gerrit.client import Client, HttpRefused, Unanswered, quoted
from saltern.providers.gerrit.preconditions import ROOT, Account
from saltern.providers.gerrit.server import Claim, Seen, Server
from saltern.registry.groupmodel import is_account, member_problem
from saltern.steps import Step

NOBODY = "no account has this username or e-mail address"


def observe_members(
    client: Client,
    pool: ThreadPoolExecutor,
    wishes: Mapping[str, Sequence[str]],
    groups: dict[str, dict[str, Any]],
    account: Account,
) -> dict[str, Any]:
    """Add ``members`` and ``includes`` to the ``groups`` that ``wishes`` names.

    ``wishes`` is ``{group: members as they are written}``. Returns ``accounts``: for each of
    those that the group's present members do not show, ``{"id": number}`` or ``{"problem": why
    there is none}``; and ``vital``: names of the groups that give ``account`` its own rights. One
    request for some ninety groups, one or two for each member that is to be looked up.
    """
    named = {name: groups[name]["uuid"] for name in wishes if name in groups}
    for name, row in listing.group_members(client, named).items():
        groups[name] = {**groups[name], **row}
    unknown = sorted(
        {
            text
            for name, texts in wishes.items()
            for text in texts
            if not any(matches(text, m) for m in groups.get(name, {}).get("members", ()))
        }
    )
    found = pool.map(lambda text: find_account(client, text), unknown)
    return {
        "accounts": dict(zip(unknown, found, strict=True)),
        "vital": _vital(client, groups, account) if named.keys() & set(account.groups) else [],
    }


def matches(text: str, member: Mapping[str, Any]) -> bool:
    """Return whether ``text`` means ``member``, a row of a group's members."""
    return is_account(text, member["username"], member["email"])


def find_account(client: Client, text: str) -> dict[str, Any]:
    """Return ``{"id": number}`` of the account whose username or e-mail ``text`` is.

    Gerrit also finds accounts by full names and numbers: those are ``{"problem": why}``.
    """
    if reason := member_problem(text):
        return {"problem": reason}
    try:
        info = client.get(f"/accounts/{quoted(text)}")
        if is_account(text, info.get("username", ""), info.get("email", "")):
            return {"id": info["_account_id"]}
        emails = client.get(f"/accounts/{info['_account_id']}/emails") if "@" in text else ()
    except HttpRefused as error:
        if error.status != 404:
            return {"problem": f"cannot be looked up: {error}"}
        return {"problem": "is inactive" if "inactive" in error.text else NOBODY}
    if any(is_account(text, "", row["email"]) for row in emails):
        return {"id": info["_account_id"]}
    return {"problem": NOBODY}


def _vital(client: Client, groups: Mapping[str, Mapping[str, Any]], account: Account) -> list[str]:
    """Return the account's groups that have rights on All-Projects, or are included in such."""
    own = {name: groups[name]["uuid"] for name in account.groups if name in groups}
    try:
        access = client.get(f"/projects/{quoted(ROOT)}/access")
    except HttpRefused:
        return sorted(own)  # Which rights it has cannot be seen: any of them may be the one.
    rules = {
        uuid
        for section in access.get("local", {}).values()
        for permission in section.get("permissions", {}).values()
        for uuid in permission.get("rules", {})
    }
    rows = listing.group_members(client, own)
    vital = {uuid for uuid in own.values() if uuid in rules}
    while more := {
        uuid
        for name, row in rows.items()
        if own[name] in vital
        for uuid in row["includes"]
        if uuid in own.values() and uuid not in vital
    }:
        vital |= more
    return sorted(name for name, uuid in own.items() if uuid in vital)


def settle(server: Server, step: Step) -> Claim:
    """Write what differs and return the claim that the group is as asked.

    Payload: ``uuid``; ``description`` (text), ``owner`` (``{"name", "uuid"}``), ``members``
    (account numbers), ``includes`` (``{name: uuid}``), each ``None`` when it is left alone;
    ``may_leave``: whether the service account may be taken out. Evidence: ``uuid``.
    """
    payload, uuid = step.payload, step.payload["uuid"]
    unknown = [name for name, known in _groups(payload) if known is None]
    if uuid is None or unknown:
        missing = ", ".join(unknown or [step.name])
        raise Retry(f"group {step.name!r}: not made yet: {missing}", code="needs")
    claim = Claim(step, lambda seen: _check(step, seen))
    try:
        _write(server.client, step, f"/groups/{quoted(uuid)}")
    except Unanswered as error:
        return Claim(step, claim.check, doubt=error)
    except HttpRefused as error:
        if error.status != 403:
            raise
        raise Refused(
            f"group {step.name!r}: {error}; make the service account an administrator, or a "
            "member of the group that owns this one",
            code="not-permitted",
        ) from error
    return claim


def _groups(payload: Mapping[str, Any]) -> Iterable[tuple[str, str | None]]:
    if payload["owner"]:
        yield payload["owner"]["name"], payload["owner"]["uuid"]
    yield from (payload["includes"] or {}).items()


def _write(client: Client, step: Step, path: str) -> None:
    payload = step.payload
    seen = listing.group_row(client.get(f"{path}/detail"))
    left, come = _difference(payload["members"], [m["id"] for m in seen["members"]])
    excluded, included = _difference(_uuids(payload), seen["includes"])
    if left and not payload["may_leave"]:
        _keep_self(client, step, left)
    if payload["description"] not in (None, seen["description"]):
        client.put(f"{path}/description", {"description": payload["description"]})
    for verb, key, names in (
        ("members.add", "members", come),
        ("groups.add", "groups", included),
        ("groups.delete", "groups", excluded),
        ("members.delete", "members", left),
    ):
        if names:
            client.post(f"{path}/{verb}", {key: [str(name) for name in names]})
    # Last: whoever owned it until now may not be in the new owner.
    if payload["owner"] and payload["owner"]["uuid"] != seen["owner_uuid"]:
        client.put(f"{path}/owner", {"owner": payload["owner"]["uuid"]})


def _uuids(payload: Mapping[str, Any]) -> list[str] | None:
    return None if payload["includes"] is None else sorted(payload["includes"].values())


def _difference(wanted: Sequence[Any] | None, have: Sequence[Any]) -> tuple[list[Any], list[Any]]:
    """Return what is to go and what is to come; neither when nothing is ``wanted``."""
    if wanted is None:
        return [], []
    return sorted(set(have) - set(wanted)), sorted(set(wanted) - set(have))


def _keep_self(client: Client, step: Step, left: Iterable[int]) -> None:
    if client.get("/accounts/self")["_account_id"] in left:
        raise Refused(
            f"group {step.name!r} gives the service account its own rights: it is not taken out; "
            "list it among the members",
            code="lock-out",
        )


def _check(step: Step, seen: Seen | None) -> dict[str, Any]:
    payload = step.payload
    if seen is None:
        raise Retry(f"group {step.name!r} is not listed", code="not-listed")
    wrong = []
    if payload["description"] not in (None, seen["description"]):
        wrong.append("description")
    if payload["owner"] and payload["owner"]["uuid"] != seen["owner_uuid"]:
        wrong.append("owner")
    if any(_difference(payload["members"], [m["id"] for m in seen["members"]])):
        wrong.append("members")
    if any(_difference(_uuids(payload), seen["includes"])):
        wrong.append("included groups")
    if wrong:
        raise Retry(f"group {step.name!r}: not as asked yet: {', '.join(wrong)}", code="read-back")
    return {"uuid": seen["uuid"]}
