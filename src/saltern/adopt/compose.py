"""Registry files from what a live Gerrit has, and what of it no registry can say."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from saltern.adopt.acls import assign, own_text, renamed_groups, with_groups_renamed
from saltern.adopt.groups import group_items
from saltern.adopt.live import Live, LiveProject
from saltern.adopt.yamltext import item_text, items_text
from saltern.registry.acl import SYSTEM_GROUPS, AclDocument, AclSyntaxError
from saltern.registry.lookup import NO_ACL
from saltern.registry.rules.names import name_problem
from saltern.settings import RegistrySettings

META_CONFIG = "refs/meta/config"
HEADS = "refs/heads/"


@dataclass(frozen=True)
class Note:
    """What could not be taken over as it is: ``subject`` (a project or group) and why."""

    subject: str
    text: str


@dataclass(frozen=True)
class Adopted:
    """Files by their path in the registry, the names of the projects in it, and notes."""

    files: Mapping[str, bytes]
    projects: tuple[str, ...]
    notes: tuple[Note, ...]


def compose_registry(
    live: Live, settings: RegistrySettings, *, share: bool = True, members: bool = False
) -> Adopted:
    """Return the registry whose plan on ``live`` is empty but for what the notes say."""
    return _Composer(live, settings).run(share=share, members=members)


class _Composer:
    def __init__(self, live: Live, settings: RegistrySettings):
        self.live = live
        self.settings = settings
        self.notes: list[Note] = []

    def run(self, *, share: bool, members: bool) -> Adopted:
        projects = [p for p in self.live.projects.values() if self.fits(p)]
        projects.sort(key=lambda p: (p.name.lower(), p.name))
        texts = {p.name: text for p in projects if (text := self.acl(p)) is not None}
        paths = assign(texts, share=share, reserved=[p.name for p in projects])
        root = PurePosixPath(self.settings.acl_dir)
        files = {str(root / path): texts[name].encode() for name, path in paths.items()}
        items = [item for p in projects if (item := self.entry(p, paths.get(p.name)))]
        if members:
            groups, said = group_items(self.live, self.settings.group_owner)
            self.notes += [Note(name, text) for name, text in said]
            files[self.settings.groups_file] = items_text(groups).encode()
        files[self.settings.projects_file] = items_text(items).encode()
        return Adopted(files, tuple(item["project"] for item in items), tuple(self.notes))

    def note(self, project: LiveProject, text: str) -> None:
        self.notes.append(Note(project.name, text))

    def fits(self, project: LiveProject) -> bool:
        """Return whether a registry can hold a project at all."""
        if problem := name_problem(project.name):
            self.note(project, f"left out: its name {problem}")
        elif project.head == META_CONFIG:
            self.note(project, "left out: it holds permissions only, and has no branch to be")
        else:
            return True
        return False

    def acl(self, project: LiveProject) -> str | None:
        """Return the text of a project's ACL file, ``None`` when it gets none."""
        if project.config is None:
            if project.unread:
                self.note(project, f"no ACL file: {project.unread}")
            return None
        try:
            text = own_text(project.config, project.name, self.settings.default_parent)
        except AclSyntaxError as error:
            self.note(project, f"no ACL file: {error}")
            return None
        return self.with_names_of_now(project, text)

    def with_names_of_now(self, project: LiveProject, text: str) -> str:
        document = AclDocument.parse(text, project.name)
        for words in self.doubtful_groups(project, document):
            self.note(project, words)
        renamed = renamed_groups(project, document, self.live)
        if not renamed:
            return text
        names = ", ".join(f"{old!r} is now {new!r}" for old, new in sorted(renamed.items()))
        new = with_groups_renamed(text, renamed)
        if new is None:
            self.note(project, f"its ACL names groups by old names, change it by hand: {names}")
            return text
        self.note(project, f"its ACL names groups by old names, written with the new: {names}")
        return new

    def doubtful_groups(self, project: LiveProject, document: AclDocument) -> Iterator[str]:
        """Yield what is odd about the groups that an ACL names."""
        for name in document.group_names:
            uuid = project.groups.get(name)
            if name in SYSTEM_GROUPS or (uuid and uuid in self.live.names):
                continue
            if uuid and ":" in uuid:
                yield f"its ACL names {name!r}, a group of another system ({uuid})"
            elif self.live.sight.complete and name not in self.live.groups:
                yield f"its ACL names group {name!r}, which Gerrit does not have: it will be made"

    def entry(self, project: LiveProject, path: str | None) -> dict[str, Any] | None:
        """Return a project's entry, without a description that no YAML can hold."""
        item: dict[str, Any] = {"project": project.name}
        description = project.description.strip()
        if description:
            item["description"] = description
        item |= self.branch(project)
        if path is not None and path != f"{project.name}.config":
            item["acl-config"] = path
        elif path is None and project.config is not None:
            item["acl-config"] = NO_ACL
        if item_text(item) is None:
            item.pop("description", None)
            self.note(project, f"no description: YAML cannot hold {description[:80]!r}")
        return item

    def branch(self, project: LiveProject) -> dict[str, str]:
        if project.state == "HIDDEN":
            return {}
        if project.head is None:
            self.note(
                project,
                f"Gerrit does not tell its default branch: {self.settings.default_branch} assumed",
            )
            return {}
        if not project.head.startswith(HEADS):
            self.note(project, f"HEAD is {project.head!r}, which is no branch")
            return {}
        branch = project.head.removeprefix(HEADS)
        return {} if branch == self.settings.default_branch else {"default-branch": branch}
