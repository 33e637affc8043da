"""The check for groups that look like misspelt ones."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from saltern.registry.acl import SYSTEM_GROUPS, AclDocument
from saltern.registry.findings import WARNING, Position
from saltern.registry.rules.base import REGISTRY, Collected, rule

_SHORTEST = 6


@dataclass
class _Files:
    """ACL files once each, with the names that explain a group found in them."""

    documents: dict[str, AclDocument] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)


@rule("SLT062", REGISTRY, severity=WARNING)
def group_like_another(collected: Collected) -> Iterator[tuple[str | None, Position, str]]:
    """A group's name is one letter away from that of a group that is better known.

    Why: Gerrit takes any name; the misspelt group is made, has no members, and nobody has the
    right. Said only of a group that one file uses and whose name is not made of that file's or
    its projects' names, beside one used more often or so made; so a warning, and not where Gerrit
    was asked and has the group.
    Example: ``group greande-core`` in grenade.config beside ``group grenade-core``
    Instead: ``group grenade-core``
    """
    files = _files(collected)
    users = _users(files.documents.values())
    odd = {g for g, used in users.items() if len(used) == 1 and not _explained(g, used[0], files)}
    if collected.server:
        odd -= collected.server.groups
    if not odd:
        return
    known = _neighbourhoods(_alike(odd, (name for name in users if name not in odd)))
    for name in sorted(odd):
        meant = _nearest(name, known)
        if meant:
            document = files.documents[users[name][0]]
            place = document.place(document.group_entries[name])
            yield None, place, f"group {name!r} stands nowhere else; did you mean {meant!r}?"


def _files(collected: Collected) -> _Files:
    files = _Files()
    for project, document in collected.documents.items():
        known = files.names.get(document.file, document.file)
        files.documents[document.file] = document
        files.names[document.file] = f"{known} {project}"
    for file, names in files.names.items():
        files.names[file] = _plain(names)
    return files


def _users(documents: Iterable[AclDocument]) -> dict[str, list[str]]:
    users: dict[str, list[str]] = {}
    for document in documents:
        for name in document.group_names:
            if name not in SYSTEM_GROUPS and len(name) >= _SHORTEST:
                users.setdefault(name, []).append(document.file)
    return users


def _explained(group: str, file: str, files: _Files) -> bool:
    """Return whether the group is named after its file or one of the file's projects."""
    stem = _plain(group).rpartition("-")[0] or _plain(group)
    return stem in files.names[file]


def _plain(text: str) -> str:
    return text.lower().replace("_", "-").replace(" ", "-")


def _alike(odd: Iterable[str], known: Iterable[str]) -> Iterator[str]:
    """Yield the known names that may be one step from an odd one.

    A step leaves the first three letters alone or, in a name that is not short, the last eight.
    """
    starts = {name[:3] for name in odd}
    ends = {name[-8:] for name in odd}
    for name in known:
        if len(name) < 13 or name[:3] in starts or name[-8:] in ends:
            yield name


def _neighbourhoods(names: Iterable[str]) -> dict[str, str]:
    """Return every name with and without any one of its letters, to the name."""
    found: dict[str, str] = {}
    for name in names:
        for each in _without_one(name):
            found.setdefault(each, name)
    return found


def _without_one(name: str) -> list[str]:
    return [name, *(name[:i] + name[i + 1 :] for i in range(len(name)))]


def _nearest(name: str, known: Mapping[str, str]) -> str | None:
    """Return a known name that one letter added, dropped, changed or swapped makes of ``name``."""
    for each in _without_one(name):
        found = known.get(each)
        if found is not None and _is_one_step(name, found):
            return found
    return None


def _is_one_step(one: str, other: str) -> bool:
    """Return whether the difference is a slip: not one of numbers, nor of a single word more."""
    at = 0
    while at < min(len(one), len(other)) and one[at] == other[at]:
        at += 1
    changed = one[at : at + 1] + other[at : at + 1]
    if any(c.isdigit() for c in changed):
        return False
    rests = (one[at + 1 :], other[at + 1 :])
    swapped = one[at : at + 2] == other[at : at + 2][::-1] and one[at + 2 :] == other[at + 2 :]
    return rests[0] == rests[1] or one[at:] == rests[1] or rests[0] == other[at:] or swapped
