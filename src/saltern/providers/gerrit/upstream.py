"""Import of an upstream repository: fetch, then push branches and tags, the default branch last.

URLs come from contributors: they are arguments behind ``--``, only the URL's own transport is
allowed, and no credential is in an argument or a URL.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from saltern.errors import Refused
from saltern.importing.progress import Progress
from saltern.importing.refs import HEADS, selected
from saltern.importing.url import Allowed, checked, mask
from saltern.providers.gerrit.histories import Pushes, work_repository
from saltern.providers.gerrit.server import Server
from saltern.settings import GerritSettings
from saltern.steps import Step


def import_upstream(server: Server, step: Step) -> dict[str, Any]:
    """Import ``step.payload["upstream"]`` into project ``step.name``; return what was imported.

    Branches and tags are pushed under their names, those that match ``upstream_branches`` and
    ``upstream_tags`` (``None``: all); with ``upstream_prefix`` the branches also as
    ``PREFIX/BRANCH``. An attempt goes on where the one before it stopped. Raises :class:`Retry`
    when upstream or Gerrit did not answer, and :class:`Refused` when the URL or the repository
    cannot serve, or a limit was passed.
    """
    payload, url = step.payload, str(step.payload["upstream"])
    what = f"{step.name}: the import of {mask(url)}"
    with work_repository(server, step.name, url, what) as (repository, progress):
        upstream = checked(url, _allowed(server.settings, payload))
        there = repository.remote(upstream)
        default = str(payload["default_branch"])
        if HEADS + default not in there:
            raise _no_branch(step.name, default, there)
        branches, tags = payload.get("upstream_branches"), payload.get("upstream_tags")
        wanted = selected(there, branches, tags, default)
        repository.fetch(upstream, wanted)
        pushes = Pushes(server.settings, step.name, repository, progress)
        _push_all(pushes, progress, list(wanted), HEADS + default, payload["upstream_prefix"])
        return {"refs": len(wanted), "upstream": mask(upstream.url)}


def _allowed(settings: GerritSettings, payload: Mapping[str, Any]) -> Allowed:
    local = bool(payload.get("allow_local"))
    return Allowed(settings.import_schemes, settings.import_hosts, local)


def _no_branch(project: str, default: str, there: Mapping[str, str]) -> Refused:
    names = sorted(ref.removeprefix(HEADS) for ref in there if ref.startswith(HEADS))
    have = ", ".join(names[:10]) or "no branch at all"
    return Refused(
        f"{project}: upstream has no branch {default!r} but {have}: set default-branch",
        code="upstream-branch",
    )


def _push_all(
    pushes: Pushes, progress: Progress, refs: Sequence[str], default: str, prefix: str | None
) -> None:
    """Push everything, ``default`` last: that it is there proves that all is."""
    heads = [ref for ref in refs if ref.startswith(HEADS) and ref != default]
    tags = [ref for ref in refs if not ref.startswith(HEADS)]
    progress.tell(phase="pushing", refs=len(refs), refs_done=0, percent=None)
    pushes.push([(ref, ref) for ref in heads])
    if prefix:
        into = HEADS + prefix.strip("/") + "/"
        pushes.push([(ref, into + ref.removeprefix(HEADS)) for ref in [*heads, default]])
    pushes.push([(ref, ref) for ref in tags])
    pushes.push([(default, default)])
