"""Guard rails: what a change may do only when its commit message says that it is meant."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from saltern.gaps import ACTIVE
from saltern.registry.acl import Entry
from saltern.registry.changed import changed
from saltern.registry.findings import ERROR, Finding, Position
from saltern.registry.permission_rule import RuleError, parse_rule
from saltern.registry.registry import Registry
from saltern.review.trailers import ALLOW, REMOVE, RETIRE, RIGHT, flags
from saltern.settings import RegistrySettings, ReviewSettings

CAPABILITY = "capability"
_LITERAL = re.compile(r"[A-Za-z0-9/_-]*")
LISTED = 5
"""Names of projects that one reason lists."""


@dataclass(frozen=True)
class Guard:
    """Something that needs a flag. ``allowed``: the commit message has it."""

    flag: str
    reason: str
    position: Position | None = None
    allowed: bool = False

    @property
    def advice(self) -> str:
        """Return the reason and what to do, without the place."""
        if self.allowed:
            return f"{self.reason} (allowed by {ALLOW}: {self.flag})"
        return (
            f"{self.reason}; if that is meant, add the line '{ALLOW}: {self.flag}' to the last "
            "paragraph of the commit message, beside Change-Id"
        )

    @property
    def finding(self) -> Finding | None:
        """Return the guard as a finding at its place, ``None`` when it has none."""
        return Finding(self.flag, ERROR, self.position, self.advice) if self.position else None

    def __str__(self) -> str:
        return f"{self.position}: {self.advice}" if self.position else self.advice


def guards(
    old: Registry, new: Registry, message: str, registry: RegistrySettings, review: ReviewSettings
) -> tuple[Guard, ...]:
    """Return what ``new`` does beyond ``old`` that needs a flag of the commit ``message``."""
    allowed = flags(message)
    found = [
        *_removals(old, new),
        *_retirements(old, new, registry.retire_limit),
        *_rights(old, new, review.protected),
    ]
    return tuple(
        Guard(guard.flag, guard.reason, guard.position, guard.flag in allowed) for guard in found
    )


def _removals(old: Registry, new: Registry) -> Iterator[Guard]:
    gone = sorted(changed(old, new).removed - new.moved.keys())
    if gone:
        what = f"takes {_names(gone)} out of the registry, which nothing looks after any more then"
        yield Guard(REMOVE, what)


def _retirements(old: Registry, new: Registry, share: float) -> Iterator[Guard]:
    active = [name for name, project in old.projects.items() if project.state == ACTIVE]
    retired = [n for n in active if n in new.projects and new.projects[n].state != ACTIVE]
    limit = max(1, int(share * len(active)))
    if len(retired) > limit:
        yield Guard(
            RETIRE,
            f"makes {_names(sorted(retired))} read-only or hidden, {len(retired)} of "
            f"{len(active)} active projects, more than retire_limit allows ({limit})",
        )


def _names(names: list[str]) -> str:
    more = len(names) - LISTED
    return ", ".join(names[:LISTED]) + (f" and {more} more" if more > 0 else "")


def _rights(
    old: Registry, new: Registry, protected: Iterable[Mapping[str, Any]]
) -> Iterator[Guard]:
    """Yield each protected grant of an ACL file that the projects using it did not have."""
    rows, told = list(protected), set()
    for name, project in new.projects.items():
        before = old.projects.get(name)
        if project.acl is None or (before and before.acl and before.acl.text == project.acl.text):
            continue
        earlier = before.acl.entries if before and before.acl else ()
        had = {_grant(entry) for entry in earlier}
        for entry in project.acl.entries:
            place = project.acl.place(entry)
            if _grant(entry) in had or place in told or not _is_protected(entry, rows):
                continue
            told.add(place)
            yield Guard(RIGHT, _describe(entry, name), place)


def _grant(entry: Entry) -> tuple[str, str | None, str, str]:
    value = " ".join((entry.value or "").split())
    return entry.section, entry.subsection, entry.key.lower(), value


def _describe(entry: Entry, project: str) -> str:
    where = entry.subsection or entry.section
    return f"grants {entry.key} on {where} to {_group(entry)!r} in {project}"


def _is_protected(entry: Entry, rows: Iterable[Mapping[str, Any]]) -> bool:
    group = _group(entry)
    if group is None:
        return False
    return any(
        _covers(row.get("refs", ()), entry)
        and any(_like(entry.key, pattern) for pattern in row.get("permissions", ()))
        and group not in row.get("unless", ())
        for row in rows
    )


def _covers(patterns: Iterable[str], entry: Entry) -> bool:
    if entry.section == CAPABILITY:
        return CAPABILITY in patterns
    if entry.section != "access" or not entry.subsection:
        return False
    return any(_overlap(entry.subsection, pattern) for pattern in patterns if pattern != CAPABILITY)


def _overlap(section: str, pattern: str) -> bool:
    """Return whether an access section reaches refs that ``pattern`` means.

    ``refs/*`` means a section that covers all refs, not every section below it. Of a regular
    expression the text before its first special character counts.
    """
    reach, wide = _prefix(section)
    start, open_end = _prefix(pattern)
    if pattern == "refs/*":
        return wide and start.startswith(reach)
    return (open_end and reach.startswith(start)) or (
        start.startswith(reach) if wide else reach == start
    )


def _prefix(ref: str) -> tuple[str, bool]:
    """Return the literal beginning of a ref pattern and whether more may follow it."""
    text = ref.removeprefix("^")
    literal = _LITERAL.match(text)
    found = literal[0] if literal else ""
    return found, ref.startswith("^") or found != ref


def _like(key: str, pattern: str) -> bool:
    return fnmatchcase(key.lower(), str(pattern).lower())


def _group(entry: Entry) -> str | None:
    """Return the group that a permission is granted to; ``None`` for denials and other keys."""
    try:
        rule = parse_rule(entry.value or "", True)
    except RuleError:
        return None
    return None if rule.action in ("deny", "block") else rule.group
