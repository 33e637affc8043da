"""What ``groups.yaml`` asks of a group on Gerrit."""

from __future__ import annotations

import re
from dataclasses import dataclass

from saltern.registry.acl import SYSTEM_GROUPS
from saltern.registry.findings import Position

LONGEST_NAME = 255
FOREIGN = ("ldap/", "user/", "cn=", "ldap:", "user:", "global:")
"""What names and UUIDs of groups begin with that are not kept in Gerrit itself."""

_CONTROL = "[\x00-\x1f\x7f-\x9f\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069]"
_SURROGATE = "[\ud800-\udfff]"
_UUID = r"[0-9a-f]{40}"
_USERNAME = r"[A-Za-z0-9](?:[A-Za-z0-9.!#$%&'*+=?^_`{|}~@-]*[A-Za-z0-9_~-])?"
_EMAIL = r"[^\s@<>()\[\],;:\\\"]{1,64}@[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?"
_LONGEST_MEMBER = 254


@dataclass(frozen=True)
class Named:
    """A member or an included group as it is written, and where."""

    text: str
    position: Position


@dataclass(frozen=True)
class Group:
    """One entry of ``groups.yaml``; what is ``None`` is left alone on the server.

    ``members`` are usernames or e-mail addresses, ``owner`` and ``includes`` names of groups.
    ``members`` and ``includes`` are exact: who is not in them is taken out.
    """

    name: str
    position: Position
    description: str | None = None
    owner: Named | None = None
    members: tuple[Named, ...] | None = None
    includes: tuple[Named, ...] | None = None


def group_name_problem(name: str) -> str | None:
    """Return why no group that Gerrit keeps may have this name, ``None`` when it may."""
    if not name.strip():
        return "is empty; write a name"
    if name != name.strip():
        return f"has blanks at its ends, which Gerrit drops; write {name.strip()[:80]!r}"
    if re.search(_CONTROL, name) or re.search(_SURROGATE, name):
        return "has characters that cannot be printed; remove them"
    if len(name) > LONGEST_NAME:
        return f"has {len(name)} characters; shorten it to {LONGEST_NAME}"
    if name in (".", "..") or name.startswith("#"):
        return "can stand in no URL or groups file; write another name"
    if name.isdigit() or re.fullmatch(_UUID, name):
        return "is a number or a UUID, which Gerrit takes for another group's; write a name"
    if name.startswith(FOREIGN):
        return "is kept by another system; name a group that Gerrit keeps itself"
    if name.lower() in {system.lower() for system in SYSTEM_GROUPS}:
        return "is one of Gerrit's system groups, which nobody can change; name another"
    return None


def member_problem(text: str) -> str | None:
    """Return why this names no account for sure, ``None`` when it may.

    Gerrit would also take an account's number, ``self`` and full names: anybody can change the
    last, so a member is named by what is unique.
    """
    if text.isdigit():
        return "is a number; write the username or the e-mail address"
    if text in ("self", "me"):
        return "means whoever asks; write the username or the e-mail address"
    if len(text) > _LONGEST_MEMBER or not (
        re.fullmatch(_USERNAME, text) or re.fullmatch(_EMAIL, text)
    ):
        return "is no username or e-mail address; write one, as alice or alice@example.com"
    return None


def is_account(text: str, username: str, email: str) -> bool:
    """Return whether ``text`` of a list of members means the account that has these.

    Case counts in neither: Gerrit may keep usernames without it, and addresses have none. What
    has an ``@`` is an address: anybody can choose another's address for a username.
    """
    return text.casefold() == (email if "@" in text else username).casefold()
