"""ACL files from the project.config of live projects: their text, and which share one."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial

from saltern.adopt.live import Live, LiveProject
from saltern.registry.acl import SYSTEM_GROUPS, AclDocument, compose
from saltern.registry.normal import ROOT_PROJECT

NOTHING = f"[access]\n\tinheritFrom = {ROOT_PROJECT}\n"
"""The ACL of a project without rules of its own; it means the same as no text at all."""

_UNFIT = re.compile(r"[^A-Za-z0-9._+]+")
_LONGEST = 80


def own_text(config: bytes, name: str, default_parent: str) -> str:
    """Return a project.config as an ACL file: the same bytes without the description.

    A parent that goes without saying on the server is said where the registry's default is
    another. Raises :class:`saltern.registry.acl.AclSyntaxError` where it cannot be read.
    """
    document = AclDocument.parse(config, f"{name}: project.config")
    text = without_description(document)
    if not text.strip():
        return NOTHING
    if default_parent != ROOT_PROJECT and document.inherit_from is None:
        return compose(AclDocument.parse(text, name), description=None, parent=ROOT_PROJECT)
    return text


def without_description(document: AclDocument) -> str:
    """Return the text without its description, and without the section that it was alone in."""
    entries = document.select("project", None, "description")
    text = document.text
    for entry in reversed(entries):
        text = text[: entry.start] + text[entry.end :]
    if not entries:
        return text
    return _without_empty_project(AclDocument.parse(text, document.file))


def _without_empty_project(document: AclDocument) -> str:
    text = document.text
    for header, after in zip(
        reversed(document.headers), [len(text), *_starts(document)], strict=False
    ):
        alone = header.section == "project" and header.subsection is None
        if alone and not text[header.end : after].strip():
            start = text.rfind("\n", 0, max(header.end - 1, 0)) + 1
            text = text[:start] + text[after:]
    return text


def _starts(document: AclDocument) -> list[int]:
    """Return where the lines of the headers start, the last first."""
    ends = [header.end for header in reversed(document.headers)]
    return [document.text.rfind("\n", 0, max(end - 1, 0)) + 1 for end in ends]


def renamed_groups(project: LiveProject, document: AclDocument, live: Live) -> dict[str, str]:
    """Return ``{name in the ACL: name now}`` of groups that were renamed since.

    Gerrit goes by the UUID in the groups file; a registry has names only, and the old one
    would become a new group.
    """
    now = live.names
    found = {}
    for name in document.group_names:
        current = now.get(project.groups.get(name, ""))
        if name not in SYSTEM_GROUPS and current and current != name:
            found[name] = current
    return found


def with_groups_renamed(text: str, names: Mapping[str, str]) -> str | None:
    """Return ``text`` with groups renamed in its rules; ``None`` where one stands elsewhere."""
    document = AclDocument.parse(text)
    for entry in reversed(document.entries):
        line = text[entry.start : entry.end]
        for old, new in names.items():
            pattern = re.compile(rf"(\bgroup[ \t]+){re.escape(old)}(?=[ \t\r]*(?:\n|\Z))")
            line = pattern.sub(partial(_behind_group, new), line)
        text = text[: entry.start] + line + text[entry.end :]
    return text if not names.keys() & set(AclDocument.parse(text).group_names) else None


def _behind_group(name: str, match: re.Match[str]) -> str:
    return match[1] + name


@dataclass
class Names:
    """File names below the ACL directory, no two alike, none of them also a folder."""

    taken: set[str] = field(default_factory=set)
    folders: set[str] = field(default_factory=set)

    def take(self, stem: str) -> str:
        """Return ``STEM.config``, or something like it where that cannot be."""
        if _above(stem.lower()) & self.taken:
            stem = stem.replace("/", "-")
        number = 1
        while not self._free(name := f"{stem}{f'-{number}' if number > 1 else ''}.config"):
            number += 1
        self.note(name)
        return name

    def note(self, name: str) -> None:
        """Remember that there is a file ``name``."""
        self.taken.add(name.lower())
        self.folders |= _above(name.lower())

    def _free(self, name: str) -> bool:
        return name.lower() not in self.taken | self.folders


def _above(name: str) -> set[str]:
    parts = name.split("/")
    return {"/".join(parts[:length]) for length in range(1, len(parts))}


def assign(
    texts: Mapping[str, str], *, share: bool, reserved: Iterable[str] = ()
) -> dict[str, str]:
    """Return the ACL file of each project (``texts``: by name), relative to the ACL directory.

    An ACL of one project is called after it. One of several, which with ``share`` have one file,
    is called after the first group that it names, in the folder that the projects have in common;
    never after one of the projects or of those that are ``reserved``.
    """
    users: dict[str, list[str]] = {}
    for name, text in texts.items():
        users.setdefault(text if share else name, []).append(name)
    names, files = Names(), dict[str, str]()
    for members in users.values():
        if len(members) == 1:
            files[members[0]] = names.take(members[0])
    for name in (*texts, *reserved):
        names.note(f"{name}.config")
    for members in users.values():
        if len(members) > 1:
            path = names.take(shared_stem(members, texts[members[0]]))
            files |= dict.fromkeys(members, path)
    return files


def shared_stem(members: Iterable[str], text: str) -> str:
    """Return what a shared ACL is called, without ``.config``."""
    tops = {name.partition("/")[0] if "/" in name else "" for name in members}
    folder = tops.pop() if len(tops) == 1 else ""
    document = AclDocument.parse(text)
    own = [(e.line, n) for n, e in document.group_entries.items() if n not in SYSTEM_GROUPS]
    if document.state in ("READ_ONLY", "HIDDEN"):
        word = "retired"
    else:
        word = _UNFIT.sub("-", min(own)[1]).strip("-.+")[:_LONGEST] if own else ""
    return "/".join(filter(None, (folder, word or "shared")))
