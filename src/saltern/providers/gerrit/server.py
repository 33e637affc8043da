"""One Gerrit as its step handlers see it, and what a handler hands over for verification."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dulwich.objects import ShaFile

from saltern.errors import SalternError
from saltern.providers.gerrit.cache import Cache
from saltern.providers.gerrit.client import Client
from saltern.providers.gerrit.config import Identity, MetaConfigs
from saltern.providers.gerrit.git import Git, Update
from saltern.settings import GerritSettings
from saltern.steps import Step

Seen = Mapping[str, Any]
"""A project or group as the read-back shows it (see :mod:`saltern.providers.gerrit.listing`)."""


@dataclass(frozen=True)
class Claim:
    """What a handler says it did; ``check`` decides by the read-back.

    ``check(seen)`` returns the step's evidence and raises :class:`saltern.errors.SalternError`
    when the server does not show what was wanted. ``refs`` are branches it needs to see.
    ``mend(seen)`` may write once more after the first read-back; it returns whether it did.
    ``doubt`` is why nobody knows whether the write arrived; it is told when the check fails.
    """

    step: Step
    check: Callable[[Seen | None], dict[str, Any]]
    refs: tuple[str, ...] = ()
    mend: Callable[[Seen], bool] | None = None
    doubt: SalternError | None = None


@dataclass(frozen=True)
class Prepared:
    """A ref update ready to be pushed, with the objects it needs."""

    step: Step
    update: Update
    objects: list[ShaFile]
    claim: Claim


class Server:
    """Connections, cache and identity, made once and shared by the handlers' threads."""

    def __init__(self, settings: GerritSettings):
        self.settings = settings
        self.cache_dir = Path(settings.cache_dir)
        self.client = Client(settings)
        self.git = Git(self.client)
        self._cache = Cache(self.cache_dir)
        self.configs = MetaConfigs(self.git, self._cache)
        self._lock = threading.Lock()
        self._identity: Identity | None = None

    def close(self) -> None:
        """Close connections and the cache file."""
        self.client.close()
        self._cache.close()

    @property
    def identity(self) -> Identity:
        """Author and committer: the account's own e-mail, which needs no Forge right.

        The setting ``committer_email`` serves an account that has none.
        """
        with self._lock:
            if self._identity is None:
                account = self.client.get("/accounts/self")
                email = account.get("email") or self.settings.committer_email
                self._identity = Identity("Saltern", email)
            return self._identity
