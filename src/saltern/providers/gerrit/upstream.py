"""Import of an upstream repository: fetch, then push branches and tags, the default branch last.

URLs come from contributors: they are arguments behind ``--``, only the URL's own transport is
allowed, and no credential is in an argument or a URL.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from saltern.errors import Refused, SalternError
from saltern.importing.progress import Progress
from saltern.importing.refs import HEADS, selected, unmatched
from saltern.importing.url import Allowed, checked, mask
from saltern.providers.gerrit.histories import Pushes, look_repository, work_repository
from saltern.providers.gerrit.server import Server
from saltern.settings import GerritSettings
from saltern.steps import Step

LOOK_SECONDS = 60.0
"""Time a look at an upstream's refs has."""


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
        wanted = _wanted(step.name, payload, repository.remote(upstream))
        default = str(payload["default_branch"])
        repository.fetch(upstream, wanted)
        pushes = Pushes(server.settings, step.name, repository, progress)
        _push_all(pushes, progress, list(wanted), HEADS + default, payload["upstream_prefix"])
        return {"refs": len(wanted), "upstream": mask(upstream.url)}


def _allowed(settings: GerritSettings, payload: Mapping[str, Any]) -> Allowed:
    local = bool(payload.get("allow_local"))
    return Allowed(settings.import_schemes, settings.import_hosts, local)


def observe_upstreams(
    server: Server, request: Mapping[str, Mapping[str, Any]]
) -> dict[str, dict[str, str] | None]:
    """Return what would keep each import from its first byte, ``None`` where nothing would.

    ``request``: payloads of ``content`` steps by project. Only refs are asked for, within
    :data:`LOOK_SECONDS`. Answer: by project ``code`` and ``reason``.
    """
    with ThreadPoolExecutor(max(1, server.settings.workers), "gerrit-upstreams") as pool:
        found = pool.map(lambda item: _problem(server, *item), request.items())
        return dict(zip(request, found, strict=True))


def _problem(server: Server, project: str, payload: Mapping[str, Any]) -> dict[str, str] | None:
    url = str(payload["upstream"])
    what = f"{project}: a look at {mask(url)}"
    try:
        upstream = checked(url, _allowed(server.settings, payload))
        with look_repository(server, what, LOOK_SECONDS) as repository:
            _wanted(project, payload, repository.remote(upstream))
    except SalternError as error:
        return {"code": error.code, "reason": error.reason}
    return None


def _wanted(project: str, payload: Mapping[str, Any], there: Mapping[str, str]) -> dict[str, str]:
    """Return the refs to import; an import is done once, so what matches nothing is a slip."""
    default = str(payload["default_branch"])
    if HEADS + default not in there:
        raise _no_branch(project, default, there)
    branches, tags = payload.get("upstream_branches"), payload.get("upstream_tags")
    if missing := unmatched(there, branches, tags):
        words = ", ".join(f"{kind} {pattern!r}" for kind, pattern in missing[:10])
        raise Refused(
            f"{project}: upstream has no {words}: take the pattern out or mend it",
            code="upstream-pattern",
        )
    return selected(there, branches, tags, default)


def _no_branch(project: str, default: str, there: Mapping[str, str]) -> Refused:
    names = sorted(ref.removeprefix(HEADS) for ref in there if ref.startswith(HEADS))
    if not names:
        return Refused(
            f"{project}: upstream has no branch at all: is it the right repository? Without "
            "upstream the project begins with a commit of its own",
            code="upstream-empty",
        )
    have = ", ".join(names[:10]) + (f" and {len(names) - 10} more" if len(names) > 10 else "")
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
