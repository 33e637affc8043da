"""The check that no ACL shuts out who has to write it."""

from __future__ import annotations

import re
from collections.abc import Iterator

from saltern.registry.acl import AclDocument
from saltern.registry.findings import ACCESS, Position
from saltern.registry.gitconfig import Entry
from saltern.registry.permission_rule import Rule, RuleError, parse_rule
from saltern.registry.rules.base import ACL, rule
from saltern.registry.rules.view import view
from saltern.settings import CheckSettings

Lines = Iterator[tuple[Position, str]]

_COVERING = ("refs/*", "refs/meta/*", "refs/meta/config")
_NEEDED = ("push", "read")
_EVERYBODY = ("Anonymous Users", "Registered Users")


@rule("SLT057", ACL, about=("access",), blocks=ACCESS, policy=True)
def shuts_service_out(document: AclDocument, check: CheckSettings) -> Lines:
    """An ACL takes read or push on refs/meta/config from the service account.

    Why: Saltern could write this ACL and never another one; only an administrator could mend
    it by hand. Checked where ``service_group`` names the account's group.
    Example: ``exclusiveGroupPermissions = push`` on ``refs/meta/config`` with other groups only
    Instead: grant ``push`` to the service group there too.
    """
    group = check.service_group
    if group is None:
        return
    for header in document.headers:
        ref = header.subsection
        if header.section != "access" or ref not in _COVERING:
            continue
        entries = [e for e in view(document).sections.get("access", ()) if e.subsection == ref]
        for needed in _NEEDED:
            yield from _taken(document, entries, needed, group)


def _taken(document: AclDocument, entries: list[Entry], needed: str, group: str) -> Lines:
    if any(_grants(e, needed, group) or _grants(e, "owner", group) for e in entries):
        return
    for entry in entries:
        key = entry.key.lower()
        if key == "exclusivegrouppermissions":
            names = re.split(r"[, \t]+", (entry.value or "").lower())
            if needed in names:
                instead = f"add {needed} = group {group[:60]}"
                yield document.place(entry), _message(needed, group, instead)
        elif key == needed:
            parsed = _parsed(entry)
            taken = parsed and parsed.action in ("block", "deny")
            if parsed and taken and parsed.group in (group, *_EVERYBODY):
                yield document.place(entry), _message(needed, group, "remove this line")


def _grants(entry: Entry, permission: str, group: str) -> bool:
    if entry.key.lower() != permission:
        return False
    parsed = _parsed(entry)
    wide = _EVERYBODY if permission == "read" else ()
    return parsed is not None and parsed.action == "" and parsed.group in (group, *wide)


def _parsed(entry: Entry) -> Rule | None:
    try:
        return parse_rule(entry.value or "", False)
    except RuleError:
        return None


def _message(needed: str, group: str, instead: str) -> str:
    what = f"takes {needed} on refs/meta/config from {group[:60]!r}, which writes the ACLs"
    return f"{what}; {instead}"
