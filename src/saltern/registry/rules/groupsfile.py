"""Checks of ``groups.yaml``."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from saltern.registry.acl import SYSTEM_GROUPS
from saltern.registry.findings import MEMBERS, WARNING, Position
from saltern.registry.groupmodel import Named, group_name_problem, member_problem
from saltern.registry.groupsfile import NAME, GroupsFile, RawGroup
from saltern.registry.keys import GROUP_KEYS, LIST
from saltern.registry.rules.base import GROUPS, rule
from saltern.registry.rules.suggest import meant
from saltern.registry.rules.words import kind

Found = Iterator[tuple[str | None, Position, str]]

BUILT_IN = ("Administrators", "Blocked Users", "Service Users")
"""Groups that a new Gerrit has."""
LONGEST_DESCRIPTION = 2000
_CONTROL = "[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff]"


@dataclass(frozen=True)
class CollectedGroups:
    """What rules about the groups file are given.

    ``acls``: the groups that ACLs name, with the first place; ``owner``: the setting
    ``group_owner``.
    """

    file: GroupsFile
    acls: Mapping[str, Position]
    owner: str

    @property
    def entries(self) -> list[RawGroup]:
        """Return the entries that are readable and have a name, in file order."""
        return [entry for entry in self.file.entries if entry.name and not entry.problem]


@rule("SLT070", GROUPS, blocks=MEMBERS)
def unreadable_groups(collected: CollectedGroups) -> Found:
    """The groups file, or an entry of it, cannot be read.

    Why: what it should have done to the group does not happen.
    Example: ``- core`` where ``- group: core`` belongs
    Instead: a list of mappings with the key ``group``.
    """
    if collected.file.problem:
        place, message = collected.file.problem
        yield collected.file.path, place, message
    for entry in collected.file.entries:
        if entry.problem:
            yield entry.name or str(entry.position), *entry.problem
        elif NAME not in entry.values:
            text = "this entry has no group name; write '- group: NAME'"
            yield str(entry.position), entry.position, text


@rule("SLT071", GROUPS, blocks=MEMBERS)
def unknown_group_key(collected: CollectedGroups) -> Found:
    """A key of a group that nothing reads, or one that stands twice.

    Why: a misspelt ``member`` would leave the members as they are, and nobody would notice.
    Example: ``member: [alice]``
    Instead: ``members: [alice]``
    """
    for entry in collected.entries:
        for key, place in entry.positions.items():
            if key not in GROUP_KEYS:
                hint = meant(key, GROUP_KEYS) or f"; known are {', '.join(GROUP_KEYS)}"
                yield entry.name, place, f"unknown key {key[:60]!r}{hint}"
        for key, place in entry.repeated:
            yield entry.name, place, f"key {key[:60]!r} stands twice in this entry; keep one"


@rule("SLT072", GROUPS, blocks=MEMBERS)
def wrong_type_of_group_key(collected: CollectedGroups) -> Found:
    """The value of a key has another type than the key takes, or is empty.

    Why: YAML reads ``no`` as a boolean and ``12`` as a number. An empty ``members:`` could mean
    nobody, or that nothing was meant.
    Example: ``members: alice``, or ``members:`` and nothing behind it
    Instead: ``members: [alice]``; ``members: []`` for nobody
    """
    for entry in collected.file.entries:
        for key, value in entry.values.items() if not entry.problem else ():
            if key in GROUP_KEYS and (said := _wrong(entry, key, value)):
                yield entry.name or str(entry.position), *said


def _wrong(entry: RawGroup, key: str, value: Any) -> tuple[Position, str] | None:
    if GROUP_KEYS[key].shape != LIST:
        if isinstance(value, str):
            nameless = key == NAME and not value
            return (entry.at(key), f"{key} is empty; write a name") if nameless else None
        what = f"{key} must be text, not {kind(value)}"
        plain = not isinstance(value, list | dict) and value is not None
        return entry.at(key), f"{what}; write {'it in quotes' if plain else f'{key}: TEXT'}"
    if not isinstance(value, list):
        what = f"{key} must be a list, not {kind(value)}"
        if isinstance(value, str) and value.isprintable():
            return entry.at(key), f"{what}; write {key}: [{value[:60]}]"
        return entry.at(key), f"{what}; write {key}: [] for none, or remove the key"
    for number, item in enumerate(value):
        if not isinstance(item, str):
            places = entry.items.get(key, ())
            place = places[number] if number < len(places) else entry.at(key)
            return place, f"{key} must be a list of texts, not of {kind(item)}; put it in quotes"
    return None


@rule("SLT073", GROUPS, blocks=MEMBERS)
def bad_group_of_file(collected: CollectedGroups) -> Found:
    """A name that no group kept by Gerrit can have, or a system group's.

    Why: Gerrit drops outer blanks, reads numbers and UUIDs as other groups' and has nobody change
    its system groups.
    Example: ``group: Registered Users`` or ``group: "core "``
    Instead: the name of a group that Gerrit keeps itself.
    """
    for entry in collected.entries:
        name = entry.name or ""
        if reason := group_name_problem(name):
            yield name, entry.at(NAME), f"group name {name[:80]!r} {reason}"


@rule("SLT074", GROUPS)
def repeated_group(collected: CollectedGroups) -> Found:
    """A group stands twice in the file; the first entry counts.

    Why: the two may ask for different members and only one can be had.
    Example: two entries ``- group: core``
    Instead: one entry.
    """
    first: dict[str, RawGroup] = {}
    for entry in collected.entries:
        name = entry.name or ""
        if first.setdefault(name, entry) is not entry:
            where = first[name].at(NAME)
            yield name, entry.at(NAME), f"group {name[:80]!r} already stands at {where}; remove one"


@rule("SLT075", GROUPS, blocks=MEMBERS)
def groups_of_file_differ_in_case(collected: CollectedGroups) -> Found:
    """A group's name differs only in case from another's, of the file or of an ACL.

    Why: Gerrit refuses to make the second one: "Group already exists".
    Example: ``group: Core`` where the ACLs say ``group core``
    Instead: one spelling.
    """
    first: dict[str, tuple[str, Position]] = {}
    for name, place in collected.acls.items():
        first.setdefault(name.lower(), (name, place))
    for entry in collected.entries:
        name = entry.name or ""
        known, place = first.setdefault(name.lower(), (name, entry.at(NAME)))
        if known != name:
            text = f"group {name[:60]!r} differs from {known[:60]!r} at {place} only in case"
            yield name, entry.at(NAME), f"{text}; write both alike"


@rule("SLT076", GROUPS, blocks=MEMBERS)
def bad_member(collected: CollectedGroups) -> Found:
    """A member that is neither a username nor an e-mail address.

    Why: Gerrit also takes full names, which anybody can give himself, and account numbers.
    Example: ``members: [Alice Smith]``
    Instead: ``members: [alice]`` or ``members: [alice@example.com]``
    """
    for entry in collected.entries:
        for member in entry.texts("members") or ():
            if reason := member_problem(member.text):
                yield entry.name, member.position, f"member {member.text[:80]!r} {reason}"


@rule("SLT077", GROUPS, severity=WARNING)
def unknown_group(collected: CollectedGroups) -> Found:
    """An owner or an included group that neither the registry nor a new Gerrit has.

    Why: it is not made unless it has an entry or an ACL names it; most often it is a misspelt one.
    Example: ``owner: release-manager`` where the group is ``release-managers``
    Instead: its name, or an entry of its own.
    """
    known = {*(entry.name for entry in collected.entries), *collected.acls, collected.owner}
    known |= {*BUILT_IN, *SYSTEM_GROUPS}
    for entry in collected.entries:
        for group in _named(entry):
            if group.text not in known:
                hint = meant(group.text, filter(None, known))
                hint = hint or f"; add '- group: {group.text[:40]}', unless Gerrit has it"
                text = f"group {group.text[:60]!r} is in no entry here and in no ACL{hint}"
                yield entry.name, group.position, text


@rule("SLT078", GROUPS, severity=WARNING)
def groups_include_each_other(collected: CollectedGroups) -> Found:
    """Groups include each other in a circle, or a group includes itself.

    Why: Gerrit takes it, and all of them then have the same members.
    Example: a includes b, b includes a
    Instead: one of the two.
    """
    included = {e.name or "": e.texts("includes") or () for e in reversed(collected.entries)}
    for entry in collected.entries:
        for group in entry.texts("includes") or ():
            way = _way(included, group.text, entry.name or "")
            if way:
                chain = " -> ".join(name[:40] for name in (entry.name or "", *way))
                text = f"groups include each other: {chain}; take one out of includes"
                yield entry.name, group.position, text
                break


def _way(included: Mapping[str, Iterable[Named]], start: str, end: str) -> list[str]:
    """Return the groups on the way from ``start`` to ``end``, both with it; none is ``[]``."""
    came: dict[str, str | None] = {start: None}
    queue = [start]
    while queue and end not in came:
        here = queue.pop(0)
        for group in included.get(here, ()):
            if group.text not in came:
                came[group.text] = here
                queue.append(group.text)
    if end not in came:
        return []
    way: list[str] = []
    step: str | None = end
    while step is not None:
        way.append(step)
        step = came[step]
    return way[::-1]


@rule("SLT079", GROUPS, blocks=MEMBERS)
def bad_group_value(collected: CollectedGroups) -> Found:
    """A description, owner or included group that Gerrit cannot take, or a list item twice.

    Why: the request would be refused, or mean something else than what is written.
    Example: ``owner: Registered Users``, ``members: [alice, alice]``
    Instead: an owner that Gerrit keeps itself; each item once.
    """
    for entry in collected.entries:
        for place, message in (*_bad_texts(entry), *_bad_names(entry), *_twice(entry)):
            yield entry.name, place, message


def _bad_texts(entry: RawGroup) -> Iterator[tuple[Position, str]]:
    description = entry.text("description")
    if description and len(description.text) > LONGEST_DESCRIPTION:
        size = len(description.text)
        text = f"description has {size} characters; shorten it to {LONGEST_DESCRIPTION}"
        yield description.position, text
    if description and (bad := re.search(_CONTROL, description.text)):
        code = f"U+{ord(bad.group()):04X}"
        yield description.position, f"description has the control character {code}; remove it"
    owner = entry.text("owner")
    if owner and (reason := group_name_problem(owner.text)):
        yield owner.position, f"owner {owner.text[:80]!r} {reason}"


def _bad_names(entry: RawGroup) -> Iterator[tuple[Position, str]]:
    for group in entry.texts("includes") or ():
        reason = group_name_problem(group.text)
        if reason and group.text not in SYSTEM_GROUPS:
            yield group.position, f"included group {group.text[:80]!r} {reason}"


def _twice(entry: RawGroup) -> Iterator[tuple[Position, str]]:
    for key in ("members", "includes"):
        seen = set()
        for item in entry.texts(key) or ():
            if item.text in seen:
                yield item.position, f"{item.text[:80]!r} stands twice in {key}; keep one"
            seen.add(item.text)


def _named(entry: RawGroup) -> Iterator[Named]:
    if (owner := entry.text("owner")) and not group_name_problem(owner.text):
        yield owner
    for group in entry.texts("includes") or ():
        if not group_name_problem(group.text):
            yield group
