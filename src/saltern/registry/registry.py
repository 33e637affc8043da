"""Loading: what should exist, from the registry's files at one commit."""

from __future__ import annotations

from collections.abc import Collection

from saltern.errors import Refused
from saltern.registry.incremental import Cache
from saltern.registry.loader import Loader
from saltern.registry.model import Judged, Project, Registry, blocked
from saltern.registry.source import Source
from saltern.registry.yamlfile import UnreadableFile
from saltern.settings import CheckSettings, RegistrySettings

__all__ = ["Judged", "Project", "Registry", "blocked", "judge", "load"]


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

    Raises :class:`UnreadableFile` (file:line:column) only when the projects file as a whole
    cannot be read; what is wrong with one entry is a finding, and the others are served.
    """
    return Loader(source, settings, check, server, cache).load(_projects_file(source, settings))


def judge(
    source: Source,
    settings: RegistrySettings,
    check: CheckSettings | None = None,
    cache: Cache | None = None,
) -> Judged:
    """Check the registry and return the findings alone: the same as :func:`load`, sooner."""
    return Loader(source, settings, check, None, cache).judged(_projects_file(source, settings))


def _projects_file(source: Source, settings: RegistrySettings) -> bytes:
    try:
        data = source.read(settings.projects_file)
    except Refused as error:
        raise UnreadableFile(settings.projects_file, 1, 1, error.reason) from error
    if data is None:
        where = f" at commit {source.commit[:12]}" if source.commit else " here"
        text = f"no such file{where}; is this a registry? (setting registry.projects_file)"
        raise UnreadableFile(settings.projects_file, 1, 1, text)
    return data
