"""Change queries: operators, matching, paging."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

from . import submitexpr
from .change import Change
from .diff import commit_diff
from .errors import bad_request

if TYPE_CHECKING:
    from .model import User
    from .site import Site

MAX_ROWS = 500
Test = Callable[[Change], bool]


def search(site: Site, user: User, text: str) -> list[Change]:
    """The visible changes that match, last updated first; Refusal 400 for a bad query."""
    text = re.sub(r"\blimit:\d+", "", text)
    try:
        tree = submitexpr.parse(text)
    except submitexpr.ExpressionError as error:
        raise bad_request(str(error)) from None
    tests: dict[str, Test] = {}
    for atom in tree.atoms() if tree else []:
        tests[atom.text] = term(site, atom.operator, atom.value, user)
    found = [
        change
        for change in site.changes.by_number.values()
        if site.changes.sees(user, change)
        and submitexpr.evaluate(tree, lambda atom, c=change: tests[atom.text](c))
    ]
    return sorted(found, key=lambda c: (int(c.updated), c.number), reverse=True)


def limit_in(text: str) -> int | None:
    """The number of a ``limit:`` term."""
    match = re.search(r"\blimit:(\d+)", text)
    return int(match[1]) if match else None


def _account(site: Site, user: User | None, value: str) -> int | None:
    if value in ("self", "me"):
        return user.id if user else None
    found = site.accounts.candidates(value)
    return found[0].id if found else None


def term(site: Site, operator: str, value: str, user: User | None = None) -> Test:
    """One term as a test; Refusal 400 for an operator that does not exist."""
    if operator == "":
        return _bare(site, value)
    maker = _OPERATORS.get(operator)
    if maker is None:
        raise bad_request(f"Unsupported operator {operator}:{value}")
    return maker(site, value, user)


def _bare(site: Site, value: str) -> Test:
    if value.isdigit():
        return lambda c: c.number == int(value)
    if re.fullmatch(r"I[0-9a-f]{4,40}", value):
        return lambda c: c.change_id.startswith(value)
    if re.fullmatch(r"[0-9a-f]{4,40}", value):
        return lambda c: any(p.commit.startswith(value) for p in c.patch_sets)
    return lambda c: value.lower() in _message(site, c).lower() or value in c.project


def _message(site: Site, change: Change) -> str:
    return site.changes.repo(change).commit(change.current.commit).message


def _status(site: Site, value: str, user: User | None) -> Test:
    word = value.lower()
    if word in ("open", "pending"):
        return lambda c: c.open
    if word == "closed":
        return lambda c: not c.open
    if word in ("new", "merged", "abandoned"):
        return lambda c: c.status == word.upper()
    raise bad_request(f"invalid change status: {value}")


def _is(site: Site, value: str, user: User | None) -> Test:
    word = value.lower()
    flags: dict[str, Test] = {
        "wip": lambda c: c.wip,
        "private": lambda c: c.private,
        "started": lambda c: c.started,
        "owner": lambda c: bool(user) and c.owner == user.id,
        "reviewer": lambda c: bool(user) and user.id in c.reviewers,
        "reviewed": lambda c: len(c.messages) > len(c.patch_sets),
        "submittable": lambda c: _submittable(site, c),
        "merge": lambda c: len(site.changes.repo(c).commit(c.current.commit).parents) > 1,
    }
    return flags[word] if word in flags else _status(site, value, user)


def _submittable(site: Site, change: Change) -> bool:
    from .labels import unsatisfied

    return change.open and not unsatisfied(site, change)


def _branch(site: Site, value: str, user: User | None) -> Test:
    if value.startswith("^"):
        return lambda c: bool(re.fullmatch(value[1:], c.short_branch))
    return lambda c: value in (c.branch, c.short_branch)


def _project(site: Site, value: str, user: User | None) -> Test:
    if value.startswith("^"):
        return lambda c: bool(re.fullmatch(value[1:], c.project))
    return lambda c: c.project == value


def _files(site: Site, value: str, user: User | None) -> Test:
    def test(change: Change) -> bool:
        rows = commit_diff(site.changes.repo(change), change.current.commit)
        paths = [row.path for row in rows]
        if value.startswith("^"):
            return any(re.fullmatch(value[1:], path) for path in paths)
        return any(value == path or value in path.split("/") for path in paths)

    return test


def _change(site: Site, value: str, user: User | None) -> Test:
    if "~" in value:
        return lambda c: value == f"{c.project}~{c.short_branch}~{c.change_id}"
    if value.isdigit():
        return lambda c: c.number == int(value)
    return lambda c: c.change_id.startswith(value)


def _owner(site: Site, value: str, user: User | None) -> Test:
    wanted = _account(site, user, value)
    return lambda c: c.owner == wanted


def _label(site: Site, value: str, user: User | None) -> Test:
    from .labels import _label_atom, labels_for

    return lambda c: _label_atom(c, labels_for(site, c), value)


def _commit(site: Site, value: str, user: User | None) -> Test:
    return lambda c: any(p.commit.startswith(value) for p in c.patch_sets)


def _reviewer(site: Site, value: str, user: User | None) -> Test:
    wanted = _account(site, user, value)
    return lambda c: wanted in c.reviewers


def _has(site: Site, value: str, user: User | None) -> Test:
    if value == "unresolved":
        return lambda c: c.unresolved_count() > 0
    raise bad_request(f"Unsupported operator has:{value}")


_OPERATORS = {
    "change": _change,
    "project": _project,
    "p": _project,
    "projects": lambda site, value, user: lambda c: c.project.startswith(value),
    "branch": _branch,
    "ref": lambda site, value, user: lambda c: c.branch == value,
    "status": _status,
    "is": _is,
    "topic": lambda site, value, user: lambda c: (c.topic or "") == value,
    "hashtag": lambda site, value, user: lambda c: value.lstrip("#") in c.hashtags,
    "message": lambda site, value, user: lambda c: value.lower() in _message(site, c).lower(),
    "m": lambda site, value, user: lambda c: value.lower() in _message(site, c).lower(),
    "subject": lambda site, value, user: lambda c: value.lower() in _message(site, c).lower(),
    "file": _files,
    "path": _files,
    "f": _files,
    "owner": _owner,
    "o": _owner,
    "reviewer": _reviewer,
    "r": _reviewer,
    "label": _label,
    "commit": _commit,
    "has": _has,
}
