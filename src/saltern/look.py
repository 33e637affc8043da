"""Looking: the registry and the servers as they are now; nothing is decided or written."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Any

from saltern.dispatch import Dispatcher
from saltern.errors import PreconditionError, SalternError
from saltern.gaps import Context, branch_ref
from saltern.lock import Lock
from saltern.registry import source as sources
from saltern.registry.fetch import fetch
from saltern.registry.history import History
from saltern.registry.incremental import Cache
from saltern.registry.known import Known
from saltern.registry.registry import Registry, load
from saltern.settings import CheckSettings, RegistrySettings
from saltern.steps import Step

log = logging.getLogger(__name__)


class Looker:
    """Reads one registry and observes the servers through a dispatcher.

    ``state``: directory of the registry's clone; ``directory`` replaces fetching when the
    registry is at hand; ``check``: what its rules ask for.
    """

    def __init__(
        self,
        settings: RegistrySettings,
        dispatcher: Dispatcher,
        state: Path,
        directory: Path | None = None,
        check: CheckSettings | None = None,
    ):
        self.settings = settings
        self.clone = state / "registry.git"
        self._dispatcher = dispatcher
        self._directory = directory
        self._check = check or CheckSettings()
        self._lock = state / "registry.lock"

    def read(self) -> tuple[sources.Source, Registry]:
        """Return the registry and where it was read from; a damaged clone is made anew."""
        if self._directory is not None:
            directory = sources.DirectorySource(self._directory)
            return directory, self.load(directory)
        # A plan is made without the run's lock and fetches into the same clone.
        with Lock(self._lock):
            try:
                return self._fetch()
            except SalternError as error:
                if error.code != "clone":
                    raise
                damage: Exception = error
            except Exception as error:
                damage = error
            log.warning("%s is damaged (%r): fetching the registry anew", self.clone, damage)
            shutil.rmtree(self.clone, ignore_errors=True)
            return self._fetch()

    def _fetch(self) -> tuple[sources.Source, Registry]:
        source = fetch(self.settings, self.clone, None)
        return source, self.load(source)

    def load(self, source: sources.Source, cache: Cache | None = None) -> Registry:
        """Return the registry in ``source``, checked as every other state of it is."""
        return load(source, self.settings, self._check, cache=cache)

    def informed(
        self,
        source: sources.Source,
        registry: Registry,
        known: Known | None,
        cache: Cache | None = None,
    ) -> Registry:
        """Return ``registry``, read from ``source``, as its rules find it with what is known."""
        if known is None:
            return registry
        return load(source, self.settings, self._check, known, cache)

    def known(self) -> Known | None:
        """Return what Gerrit has, by one look; ``None`` when it cannot be looked at."""
        try:
            names = self._dispatcher.observe("gerrit", {"names": True})["names"]
        except SalternError as error:
            log.warning("Gerrit was not asked what it has: %s", error)
            return None
        projects, groups = frozenset(names["projects"]), frozenset(names["groups"])
        return Known(projects, groups, names["complete"])

    def history(self, source: sources.Source) -> History | None:
        """Return the history behind ``source``, ``None`` for a directory."""
        return History(self.clone, source.commit) if source.commit else None

    def observe(
        self,
        registry: Registry,
        *,
        deep: Collection[str] = (),
        commits: Iterable[str] = (),
    ) -> Context:
        """Return what a plan for ``registry`` is decided from.

        ``deep`` names projects whose every branch and tag is compared; ``commits`` are merged
        ones whose changes are looked up. Raises :class:`PreconditionError` when Gerrit says
        that no step could succeed.
        """
        parents = (project.parent for project in registry.projects.values())
        names = sorted({*registry.projects, *parents, *registry.moved})
        branches = sorted({branch_ref(p) for p in registry.projects.values()})
        deep = sorted(registry.projects.keys() & set(deep))
        commits = list(commits)
        gerrit = self._dispatcher.observe(
            "gerrit",
            {
                "projects": names,
                "branches": branches,
                "groups": True,
                "members": {
                    name: [member.text for member in wish.members or ()]
                    for name, wish in registry.group_wishes.items()
                },
                "deep": deep,
                "changes": {
                    "project": self.settings.project,
                    "branch": self.settings.branch,
                    "commits": commits,
                }
                if commits
                else None,
            },
        )
        if gerrit["problems"]:
            raise PreconditionError(_problems(gerrit["problems"]))
        mirror, error = self._observe_mirror(list(registry.projects), branches, deep)
        return Context(registry, self.settings, gerrit, mirror, error)

    def upstreams(self, steps: Iterable[Step]) -> Mapping[str, Mapping[str, str] | None]:
        """Return by project what would keep its import from beginning (``code``, ``reason``).

        Asked by the host that would import, within the limits it has. ``steps``: of content.
        """
        request = {step.name: step.payload for step in steps}
        if not request:
            return {}
        found: Mapping[str, Mapping[str, str] | None]
        found = self._dispatcher.observe("gerrit", {"upstreams": request})["upstreams"]
        return found

    def _observe_mirror(
        self, names: list[str], branches: list[str], deep: list[str]
    ) -> tuple[Mapping[str, Any] | None, str | None]:
        if "mirror" not in self._dispatcher.providers:
            return None, None
        request = {"projects": names, "branches": branches, "deep": deep}
        try:
            return self._dispatcher.observe("mirror", request), None
        except SalternError as error:
            # Projects, groups and ACLs do not wait for a mirror host that is away.
            return None, f"could not look at the mirror: {error}"


def _problems(problems: Iterable[Mapping[str, str]]) -> str:
    lines = [f"{p['code']}: {p['what']}; {p['remedy']}" for p in problems]
    return "Gerrit is not ready, no step was run:\n  " + "\n  ".join(lines)
