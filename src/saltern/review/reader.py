"""States of the registry at the commits that a picture compares."""

from __future__ import annotations

from functools import cached_property

from saltern.lock import Lock
from saltern.look import Looker
from saltern.registry.fetch import fetch
from saltern.registry.history import History
from saltern.registry.incremental import Cache
from saltern.registry.known import Known, doubtful
from saltern.registry.source import GitSource, Source
from saltern.registry.yamlfile import UnreadableFile
from saltern.review.picture import State

KEPT = 6
"""States that are held at once: changes of one burst are mostly built on the same commit."""


class Reader:
    """Reads patch sets through the looker's clone; each commit's state once."""

    def __init__(self, looker: Looker):
        self._looker = looker
        self._cache = Cache()
        self._states: dict[str, State] = {}

    def tip(self) -> str | None:
        """Return the commit at the tip of the registry's branch, fetched now."""
        return self._fetch(None).commit

    def patch_set(self, ref: str) -> str | None:
        """Fetch ``ref`` (``refs/changes/...``) and return its commit."""
        return self._fetch(ref).commit

    def _fetch(self, ref: str | None) -> Source:
        with Lock(self._looker.clone.with_name("registry.lock")):
            return fetch(self._looker.settings, self._looker.clone, ref)

    def parent(self, commit: str) -> str | None:
        """Return the first parent of a commit that was fetched."""
        return History(self._looker.clone, commit).parent(commit)

    def source(self, commit: str) -> Source:
        """Return the files of a commit that was fetched."""
        return GitSource(self._looker.clone, commit)

    def state(self, commit: str | None) -> State:
        """Return the registry at ``commit``; ``None``: before its first commit."""
        if commit is None:
            return State(None)
        if commit not in self._states:
            while len(self._states) >= KEPT:
                del self._states[next(iter(self._states))]
            self._states[commit] = self._load(commit)
        return self._states[commit]

    def _load(self, commit: str) -> State:
        source = self.source(commit)
        try:
            registry = self._looker.load(source, self._cache)
            if doubtful(registry.findings):
                registry = self._looker.informed(source, registry, self._known, self._cache)
        except UnreadableFile as error:
            return State(None, error.finding)
        return State(registry)

    @cached_property
    def _known(self) -> Known | None:
        """Return what Gerrit has, asked once: states that are compared must know the same."""
        return self._looker.known()
