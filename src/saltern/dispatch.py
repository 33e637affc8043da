"""How a batch reaches the provider that owns it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from saltern.steps import Outcome, Step


class Provider(Protocol):
    """A server Saltern writes to. ``observe`` never writes, ``apply`` decides nothing."""

    def observe(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """Return what exists now, read in bulk, as plain data."""

    def apply(self, steps: list[Step]) -> list[Outcome]:
        """Make the steps true, read back, and return one outcome a step."""


class Dispatcher(Protocol):
    """Carries requests to providers; called from several threads at once.

    Both verbs raise :class:`saltern.errors.SalternError` when the provider as a whole could
    not be reached.
    """

    providers: frozenset[str]

    def observe(self, provider: str, request: Mapping[str, Any]) -> dict[str, Any]:
        """Return the provider's observation."""

    def apply(self, provider: str, steps: list[Step]) -> list[Outcome]:
        """Return the provider's outcomes."""


class LocalDispatcher:
    """Calls providers in this process; what the command line and most tests use."""

    def __init__(self, providers: Mapping[str, Provider]):
        self._providers = dict(providers)
        self.providers = frozenset(self._providers)

    def observe(self, provider: str, request: Mapping[str, Any]) -> dict[str, Any]:
        """Return the provider's observation."""
        return self._providers[provider].observe(request)

    def apply(self, provider: str, steps: list[Step]) -> list[Outcome]:
        """Return the provider's outcomes."""
        return self._providers[provider].apply(steps)
