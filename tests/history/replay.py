"""The states of a real registry, one after the other, and what each commit touched."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from saltern.registry import Registry, load
from saltern.registry.gitsource import GitSource
from saltern.registry.incremental import Cache
from saltern.settings import RegistrySettings

PROJECTS = RegistrySettings().projects_file
_ENTRY = re.compile(r"^- project: *(\S+).*$", re.MULTILINE)


def git(*words: str) -> str:
    """Return what a git command prints."""
    return subprocess.run(["git", *words], check=True, capture_output=True, text=True).stdout


def commits(repository: Path) -> list[str]:
    """Return the commits of the branch, the oldest first."""
    words = ("log", "--reverse", "--first-parent", "--format=%H", "master")
    return git("-C", str(repository), *words).split()


def entries(registry: Registry) -> dict[str, str]:
    """Return the text of every entry of the projects file, by name."""
    text = registry.texts[PROJECTS]
    starts = list(_ENTRY.finditer(text))
    ends = [*(match.start() for match in starts[1:]), len(text)]
    return {m[1]: text[m.start() : end].strip() for m, end in zip(starts, ends, strict=True)}


@dataclass
class Step:
    """One commit: the registry before and after it, and the files whose bytes it touched."""

    old: Registry
    new: Registry
    files: frozenset[str]

    @cached_property
    def names(self) -> frozenset[str]:
        """Return the names of the entries that came, left, or say something else now."""
        before, after = entries(self.old), entries(self.new)
        return frozenset(n for n in before.keys() | after if before.get(n) != after.get(n))

    @cached_property
    def came_or_left(self) -> frozenset[str]:
        """Return the names that only one of the two states has."""
        return self.old.names ^ self.new.names

    @cached_property
    def reordered(self) -> bool:
        """Return whether the names stand in another order, or others stand there."""
        return list(entries(self.old)) != list(entries(self.new))

    @cached_property
    def acls(self) -> frozenset[str]:
        """Return the ACL files that were touched, or that a touched entry uses or used."""
        return self.files | {f for n in self.names for f in self.users_files(n)}

    def users_files(self, name: str) -> set[str]:
        """Return the ACL files of a project before and after, by its key and by its name."""
        found = {f"{RegistrySettings().acl_dir}/{name}.config"}
        for registry in (self.old, self.new):
            project = registry.projects.get(name)
            if project is not None and project.acl_file:
                found.add(project.acl_file)
        return found

    def relatives(self, name: str) -> set[str]:
        """Return the projects above and below one, in both states, and itself."""
        return self._above(name) | {n for n in self.new.projects if name in self._above(n)}

    def _above(self, name: str) -> set[str]:
        found = {name}
        for registry in (self.old, self.new):
            project = registry.projects.get(name)
            while project is not None and project.parent not in found:
                found.add(project.parent)
                project = registry.projects.get(project.parent)
        return found

    def groups_touched(self) -> set[str]:
        """Return the groups that touched ACL files name or named."""
        projects = (p for r in (self.old, self.new) for p in r.projects.values())
        documents = {p.acl for p in projects if p.acl is not None and p.acl.file in self.acls}
        return {group for document in documents for group in document.group_names}

    def texts_touched(self) -> str:
        """Return the texts of the touched ACL files, old and new."""
        projects = (p for r in (self.old, self.new) for p in r.projects.values())
        documents = {p.acl for p in projects if p.acl is not None and p.acl.file in self.acls}
        return "\n".join(document.text for document in documents)


def replay(repository: Path) -> Iterator[tuple[str, Registry, Step | None]]:
    """Yield every commit with its registry and, but for the first, the step to it."""
    settings, cache = RegistrySettings(), Cache()
    last: tuple[str, Registry] | None = None
    for commit in commits(repository):
        registry = load(GitSource(repository, commit), settings, cache=cache)
        step = None
        if last is not None:
            changed = git(
                "-C", str(repository), "diff", "--name-only", "--no-renames", "-z", last[0], commit
            )
            step = Step(last[1], registry, frozenset(filter(None, changed.split("\0"))))
        yield commit, registry, step
        last = (commit, registry)
