"""Checking a checkout: all of it, or what is new in it since a commit."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from saltern.errors import Broken, RegistryError
from saltern.registry.findings import ERROR, Finding
from saltern.registry.judged import Judged
from saltern.registry.judging import judge
from saltern.registry.source import DirectorySource, Source
from saltern.registry.yamlfile import UnreadableFile
from saltern.settings import CheckSettings, RegistrySettings

if TYPE_CHECKING:
    from saltern.registry.incremental import Cache


class Checked(NamedTuple):
    """``findings`` of the files in ``source``; ``others`` stand too and were there before.

    ``notes`` is what else is to be said.
    """

    source: Source
    findings: tuple[Finding, ...]
    others: int = 0
    notes: tuple[str, ...] = ()


class Checker:
    """Checks the registry in a directory.

    ``select`` and ``ignore`` are codes or beginnings of codes; ``errors`` leaves warnings out.
    """

    def __init__(
        self,
        directory: Path,
        settings: RegistrySettings,
        check: CheckSettings,
        *,
        select: tuple[str, ...] = (),
        ignore: tuple[str, ...] = (),
        errors: bool = False,
    ):
        self.directory = directory
        self.settings = settings
        self.rules = check
        self._select = select
        self._ignore = ignore
        self._errors = errors
        self._cache: Cache | None = None

    def check(self, since: str | None = None) -> Checked:
        """Return what is wrong; ``since`` is a commit in any of git's spellings.

        Raises :class:`Broken` when there is no projects file or no such commit.
        """
        source = DirectorySource(self.directory)
        self._must_be_there(source)
        if since is not None:
            self._share()
        new = self._load(source)
        if since is None or isinstance(new, UnreadableFile):
            found = (new.finding,) if isinstance(new, UnreadableFile) else new.findings
            return Checked(source, self._wanted(found))
        return self._caused(source, new, since)

    def _caused(self, source: Source, new: Judged, since: str) -> Checked:
        from saltern.registry.caused import caused
        from saltern.registry.worktree import committed

        before = committed(self.directory, since)
        # What the change caused is among the new findings: only of their rules the old matter.
        told = frozenset(finding.code for finding in new.findings)
        there = before.read(self.settings.projects_file) is not None
        old = self._load(before, told) if there else None
        if not isinstance(old, Judged):
            note = f"{since} has no registry that can be read; all findings are shown"
            return Checked(source, self._wanted(new.findings), notes=(note,))
        found, others = caused(old, new)
        return Checked(source, self._wanted(found), others)

    def fix(self, since: str | None = None) -> list[str]:
        """Mend what has one right answer; return a line for each finding that was mended."""
        from saltern.registry.fix import mend

        self._share()
        return mend(self.directory, self.settings, lambda: self.check(since).findings)

    def _share(self) -> None:
        """Let several states have in common what is worked out once."""
        from saltern.registry.incremental import Cache

        self._cache = self._cache or Cache()

    def _load(self, source: Source, only: Collection[str] | None = None) -> Judged | UnreadableFile:
        try:
            return judge(source, self.settings, self.rules, self._cache, only)
        except UnreadableFile as error:
            return error

    def _must_be_there(self, source: Source) -> None:
        file = self.settings.projects_file
        try:
            missing = source.read(file) is None
        except RegistryError as error:
            raise Broken(f"{file}: {error.reason}") from error
        if missing:
            raise Broken(
                f"{self.directory / file}: no such file; name the registry's checkout "
                "(saltern check DIRECTORY), or set registry.projects_file in saltern.yaml"
            )

    def _wanted(self, findings: Iterable[Finding]) -> tuple[Finding, ...]:
        return tuple(f for f in findings if self._is_wanted(f))

    def _is_wanted(self, finding: Finding) -> bool:
        if self._errors and finding.severity != ERROR:
            return False
        if self._select and not finding.code.startswith(self._select):
            return False
        return not (self._ignore and finding.code.startswith(self._ignore))
