"""Loading: what should exist, from the registry's files at one commit."""

from __future__ import annotations

from collections.abc import Collection

from saltern.errors import Refused, RegistryError
from saltern.registry.incremental import Cache
from saltern.registry.loader import Loader
from saltern.registry.model import Project, Registry, blocked
from saltern.registry.source import Source
from saltern.settings import CheckSettings, RegistrySettings

__all__ = ["Project", "Registry", "blocked", "load"]


def load(
    source: Source,
    settings: RegistrySettings,
    check: CheckSettings | None = None,
    server: Collection[str] | None = None,
    cache: Cache | None = None,
) -> Registry:
    """Read and check the registry, as ``check`` wants it checked.

    ``server``: names of the projects that Gerrit has, where they are known. ``cache``: what
    other loads with the same settings came to know.

    Raises :class:`RegistryError` (file:line:column) only when the projects file as a whole
    cannot be read; what is wrong with one entry is a finding, and the others are served.
    """
    try:
        data = source.read(settings.projects_file)
    except Refused as error:
        raise RegistryError(f"{settings.projects_file}: {error.reason}") from error
    if data is None:
        where = f" at commit {source.commit}" if source.commit else ""
        raise RegistryError(f"{settings.projects_file}: no such file{where}")
    return Loader(source, settings, check, server, cache).load(data)
