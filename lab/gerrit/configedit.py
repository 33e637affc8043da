"""Changing a project's configuration the way REST calls do: read, edit, commit."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from .gitconfig import Document
from .projectconfig import (
    CAPABILITIES,
    ProjectConfig,
    Rule,
    Section,
    groups_file,
    is_permission,
    is_ranged,
)
from .repo import CONFIG_REF

if TYPE_CHECKING:
    from .model import Project, User
    from .site import Site


@contextmanager
def edit(site: Site, user: User, project: Project, message: str) -> Iterator[Document]:
    """The project.config to be edited; committed at the end if it changed.

    The ``groups`` file is rewritten to what the result uses.
    """
    at = project.repo.refs.get(CONFIG_REF)
    doc = Document(project.text(at, "project.config") if at else "")
    yield doc
    reorder(doc)
    text = doc.text()
    files = {"project.config": text, "groups": _groups_for(site, project, text)}
    site.commit_files(project, CONFIG_REF, user, message.rstrip("\n"), files)


def reorder(doc: Document) -> None:
    """The real server writes these sections anew at the end, at every change."""
    doc.move_to_end("capability")
    doc.move_to_end("submit-requirement")


def _groups_for(site: Site, project: Project, text: str) -> str:
    known = {name: uuid for uuid, name in project.config.groups.items()}
    names = set()
    for line in Document(text).lines:
        value = line.value or ""
        if line.section in ("access", "capability") and "group " in value:
            names.add(value.split("group ", 1)[1].strip())
    rows = {}
    for name in names:
        uuid = known.get(name) or site.groups.find(name)
        if uuid:
            rows[uuid] = name
    return groups_file(dict(sorted(rows.items())))


def rename_group(site: Site, user: User, uuid: str, old: str, new: str) -> None:
    """Write a group's new name into every configuration that knows it by its old one."""
    for project in list(site.projects.values()):
        if project.config.groups.get(uuid) != old:
            continue
        sections = editable_sections(project.config)
        for section in sections.values():
            for permission in section.permissions.values():
                for rule in permission.rules:
                    rule.group = new if rule.group == old else rule.group
        with edit(site, user, project, f"Rename group {old} to {new}") as doc:
            write_access(doc, sections)


def write_access(doc: Document, sections: dict[str, Section]) -> None:
    """Make a document's access sections and capabilities what ``sections`` says."""
    for ref in doc.subsections("access"):
        if ref.startswith(("refs/", "^refs/")) and ref not in sections:
            doc.unset_section("access", ref)
    if CAPABILITIES not in sections:
        doc.unset_section("capability", None)
    for ref, section in sorted(sections.items()):
        if ref == CAPABILITIES:
            _write_permissions(doc, "capability", None, section)
            continue
        exclusive = " ".join(sorted(p.name for p in section.permissions.values() if p.exclusive))
        doc.set("access", ref, "exclusiveGroupPermissions", exclusive or None)
        _write_permissions(doc, "access", ref, section)


def _write_permissions(doc: Document, kind: str, sub: str | None, section: Section) -> None:
    for name in doc.names(kind, sub):
        known = kind == "capability" or is_permission(name)
        if known and section.get(name) is None and name.lower() != "exclusivegrouppermissions":
            doc.set(kind, sub, name, None)
    for permission in sorted(section.permissions.values(), key=lambda p: p.name.lower()):
        ranged = is_ranged(permission.name)
        rules = sorted(permission.rules, key=_rank)
        texts = list(dict.fromkeys(rule.text(ranged) for rule in rules))
        doc.set_list(kind, sub, permission.name, texts)


def _rank(rule: Rule) -> tuple[int, int, str]:
    order = ("DENY", "ALLOW", "BLOCK", "INTERACTIVE", "BATCH")
    return order.index(rule.action), -(abs(rule.low) + abs(rule.high)), rule.group


def editable_sections(config: ProjectConfig) -> dict[str, Section]:
    """A copy of the access sections that may be changed and written back."""
    copied = {}
    for name, section in config.sections.items():
        copy = copied[name] = Section(name)
        for permission in section.permissions.values():
            rules = [Rule(**vars(rule)) for rule in permission.rules]
            copy.permissions[permission.name] = type(permission)(
                permission.name, permission.exclusive, rules
            )
    return copied
