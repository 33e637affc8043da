"""Loading: what should exist, from the registry's files at one commit."""

from __future__ import annotations

from saltern.registry.incremental import Cache
from saltern.registry.judging import projects_file
from saltern.registry.known import Known
from saltern.registry.loader import Loader
from saltern.registry.model import Project, Registry, blocked
from saltern.registry.source import Source
from saltern.settings import CheckSettings, RegistrySettings

__all__ = ["Project", "Registry", "blocked", "load"]


def load(
    source: Source,
    settings: RegistrySettings,
    check: CheckSettings | None = None,
    server: Known | None = None,
    cache: Cache | None = None,
) -> Registry:
    """Read and check the registry, as ``check`` wants it checked.

    ``server``: what Gerrit has, where that is known. ``cache``: what other loads with the same
    settings came to know.

    Raises :class:`UnreadableFile` (file:line:column) only when the projects file as a whole
    cannot be read; what is wrong with one entry is a finding, and the others are served.
    """
    return Loader(source, settings, check, server, cache).load(projects_file(source, settings))
