"""Import of an upstream repository: fetch, then push branches and tags, the default branch last.

The one place where git runs as a process: histories may be large. URLs come from contributors:
they are arguments behind ``--``, only the URL's own transport is allowed, and no credential is
in an argument or a URL.
"""

from __future__ import annotations

import base64
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import quote, urlsplit

from saltern.errors import Refused, Retry, SalternError
from saltern.importing.process import Limits, Runner
from saltern.importing.progress import Progress, imports
from saltern.importing.refs import HEADS, selected
from saltern.importing.repository import Repository, tail
from saltern.importing.url import Allowed, checked, mask
from saltern.importing.workplace import Workplace, workplace
from saltern.providers.gerrit.refusals import push_error
from saltern.providers.gerrit.server import Server
from saltern.settings import GerritSettings
from saltern.steps import Step

__all__ = ["import_upstream", "mask", "observe_imports"]

VALIDATED_COMMITS = 10_000
"""Most new commits Gerrit takes in a push that does not ask to skip their validation."""
WORTH_VALIDATING = 100_000
"""Commits times refs above which their validation is skipped if the account may do so."""
SKIP_RIGHTS = (
    "a ref with more than 10,000 new commits also needs Forge Server and Push Merge Commit there"
)
AT_ONCE = 200
"""Most refs in one push."""
LONGEST_OUTPUT = 800
SAID = "remote: ERROR:"


def import_upstream(server: Server, step: Step) -> dict[str, Any]:
    """Import ``step.payload["upstream"]`` into project ``step.name``; return what was imported.

    Branches and tags are pushed under their names, those that match ``upstream_branches`` and
    ``upstream_tags`` (``None``: all); with ``upstream_prefix`` the branches also as
    ``PREFIX/BRANCH``. An attempt goes on where the one before it stopped. Raises :class:`Retry`
    when upstream or Gerrit did not answer, and :class:`Refused` when the URL or the repository
    cannot serve, or a limit was passed.
    """
    url, settings = str(step.payload["upstream"]), server.settings
    with workplace(server.cache_dir / "import", step.name, url) as place:
        progress = Progress(place.progress, step.name, mask(url), settings.import_bytes)
        try:
            return _import(server, step, place, progress)
        except SalternError as error:
            progress.tell(phase="stopped", reason=error.reason)
            raise


def observe_imports(server: Server) -> list[Mapping[str, Any]]:
    """Return how far imports are (see :func:`saltern.importing.progress.imports`)."""
    return imports(server.cache_dir / "import")


def _import(server: Server, step: Step, place: Workplace, progress: Progress) -> dict[str, Any]:
    payload, settings = step.payload, server.settings
    what = f"{step.name}: the import of {mask(str(payload['upstream']))}"
    upstream = checked(str(payload["upstream"]), _allowed(settings, payload))
    run = Runner(place.path, what, _limits(settings), progress.heard, (place.lock,))
    repository = Repository(place.path / "repository.git", run, what, progress)
    repository.make()
    there = repository.remote(upstream)
    default = str(payload["default_branch"])
    if HEADS + default not in there:
        raise _no_branch(step.name, default, there)
    branches, tags = payload.get("upstream_branches"), payload.get("upstream_tags")
    wanted = selected(there, branches, tags, default)
    repository.fetch(upstream, wanted)
    pushes = _Pushes(server, step, repository, progress)
    pushes.all(list(wanted), HEADS + default, payload["upstream_prefix"])
    return {"refs": len(wanted), "upstream": mask(upstream.url)}


def _allowed(settings: GerritSettings, payload: Mapping[str, Any]) -> Allowed:
    local = bool(payload.get("allow_local"))
    return Allowed(settings.import_schemes, settings.import_hosts, local)


def _limits(settings: GerritSettings) -> Limits:
    seconds = settings.import_timeout
    told = {"seconds": f"{seconds:g}"}
    return Limits(time.monotonic() + seconds, settings.import_bytes, told)


def _no_branch(project: str, default: str, there: Mapping[str, str]) -> Refused:
    names = sorted(ref.removeprefix(HEADS) for ref in there if ref.startswith(HEADS))
    have = ", ".join(names[:10]) or "no branch at all"
    return Refused(
        f"{project}: upstream has no branch {default!r} but {have}: set default-branch",
        code="upstream-branch",
    )


class _Pushes:
    """The pushes of one import to its project."""

    def __init__(self, server: Server, step: Step, repository: Repository, progress: Progress):
        settings = server.settings
        self._project = step.name
        self._repository = repository
        self._progress = progress
        self._base = settings.url.rstrip("/")
        self._url = f"{self._base}/a/{quote(step.name, safe='/')}"
        self._config = self._secret(settings)
        self._heads: list[str] = []
        self._done = 0
        self._may_skip = True

    def all(self, refs: Sequence[str], default: str, prefix: str | None) -> None:
        """Push everything, ``default`` last: that it is there proves that all is.

        Branches go before tags: Gerrit counts and validates what its branches do not have.
        """
        heads = [ref for ref in refs if ref.startswith(HEADS) and ref != default]
        tags = [ref for ref in refs if not ref.startswith(HEADS)]
        self._progress.tell(phase="pushing", refs=len(refs), refs_done=0, percent=None)
        self._some({ref: ref for ref in heads})
        if prefix:
            into = HEADS + prefix.strip("/") + "/"
            self._some({ref: into + ref.removeprefix(HEADS) for ref in [*heads, default]})
        self._some({ref: ref for ref in tags})
        self._some({default: default})

    def _some(self, names: Mapping[str, str]) -> None:
        """Push ``{ref here: ref there}`` in portions."""
        refs = list(names)
        for at in range(0, len(refs), AT_ONCE):
            chunk = refs[at : at + AT_ONCE]
            new = self._repository.commits(chunk, self._heads)
            self._portion([f"{ref}:{names[ref]}" for ref in chunk], new)
            self._heads += [ref for ref in chunk if names[ref].startswith(HEADS)]
            self._done += len(chunk)
            self._progress.tell(now=False, refs_done=self._done)

    def _portion(self, refspecs: list[str], new: int) -> None:
        """Push; without Gerrit's validation where it must, or would take very long.

        It validates at most 10,000 commits of a ref, and those below each tag anew.
        """
        must = new > VALIDATED_COMMITS
        if self._may_skip and (must or new * len(refspecs) > WORTH_VALIDATING):
            try:
                self._push(refspecs, "-o", "skip-validation")
                return
            except Refused as error:
                if error.code != "not-permitted" or "skip validation" not in error.reason:
                    raise
                if must:
                    raise Refused(f"{error.reason}; {SKIP_RIGHTS}", code=error.code) from error
                self._may_skip = False
        self._push(refspecs)

    def _push(self, refspecs: list[str], *options: str) -> None:
        transport = urlsplit(self._url).scheme
        ran = self._repository.push(self._url, self._config, transport, options, refspecs)
        if ran.code:
            raise self._refusal(ran.output, ran.errors)

    def _refusal(self, output: str, errors: str) -> Exception:
        rejected = list(_rejected(output))
        if not rejected:
            return Retry(f"{self._project}: push of the import failed: {tail(errors)}", code="push")
        ref, status = rejected[0]
        said = [line[8:].strip() for line in errors.splitlines() if line.startswith(SAID)]
        more = f" (and {len(rejected) - 1} more refs)" if len(rejected) > 1 else ""
        reason = "; ".join([status + more, *dict.fromkeys(said)])[:LONGEST_OUTPUT]
        return push_error(self._project, ref, status, reason)

    def _secret(self, settings: GerritSettings) -> dict[str, str]:
        login = f"{settings.username}:{settings.password}".encode()
        header = "Authorization: Basic " + base64.b64encode(login).decode()
        secret = {f"http.{self._base}/.extraHeader": header}
        if not settings.verify_tls:
            secret["http.sslVerify"] = "false"
        return secret


def _rejected(output: str) -> Iterator[tuple[str, str]]:
    pattern = r"^!\t[^\t:]*:([^\t]+)\t\[(?:remote )?rejected\] \((.*)\)$"
    for found in re.finditer(pattern, output, re.M):
        yield found[1], found[2]
