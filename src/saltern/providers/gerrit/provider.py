"""The provider: observe and apply over one Gerrit."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from saltern.providers.gerrit.apply import apply
from saltern.providers.gerrit.observe import check, observe
from saltern.providers.gerrit.server import Server
from saltern.settings import GerritSettings
from saltern.steps import Outcome, Step


class GerritProvider:
    """Reads and writes one Gerrit with the service account of ``settings``.

    Use as a context manager, or call :meth:`close`, to give connections back.
    """

    def __init__(self, settings: GerritSettings):
        self.server = Server(settings)

    def observe(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """Return what exists now (see :func:`saltern.providers.gerrit.observe.observe`).

        Raises :class:`saltern.errors.SalternError` when Gerrit could not be looked at.
        """
        return observe(self.server, request)

    def apply(self, steps: Iterable[Step]) -> list[Outcome]:
        """Make the steps true, read back, and return one outcome a step, in their order."""
        return apply(self.server, steps)

    def check(self) -> list[dict[str, str]]:
        """Return what keeps every step from succeeding: ``code``, ``what``, ``remedy``."""
        return check(self.server)

    def close(self) -> None:
        """Close connections and the cache file."""
        self.server.close()

    def __enter__(self) -> GerritProvider:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.close()
