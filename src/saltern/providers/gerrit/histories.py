"""Work on whole histories: a kept work repository, and pushes of it as the service account.

The one place of this provider where git runs as a process: histories may be large. Names of refs
and projects are arguments of their own behind ``--``, and no credential is in an argument or a URL.
"""

from __future__ import annotations

import base64
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import quote, urlsplit

from saltern.errors import Refused, Retry, SalternError
from saltern.importing.process import Limits, Ran, Runner
from saltern.importing.progress import Progress, imports
from saltern.importing.refs import HEADS
from saltern.importing.repository import GOES_ON, Repository, tail
from saltern.importing.url import Remote, mask
from saltern.importing.workplace import workplace
from saltern.providers.gerrit.refusals import push_error
from saltern.providers.gerrit.server import Server
from saltern.settings import GerritSettings

VALIDATED_COMMITS = 10_000
"""Most new commits Gerrit takes in a push that does not ask to skip their validation."""
WORTH_VALIDATING = 100_000
"""Commits times refs above which their validation is skipped if the account may do so."""
SKIP_RIGHTS = (
    "a ref with more than 10,000 new commits also needs Forge Server Identity and Push Merge there"
)
AT_ONCE = 200
"""Most refs in one push: they are arguments, and their number is limited."""
LONGEST_OUTPUT = 800
LOOK_BYTES = 64 * 1024 * 1024
"""Bytes that a list of refs may have."""
SAID = "remote: ERROR:"
_REJECTED = re.compile(r"^!\t[^\t:]*:([^\t]+)\t\[(?:remote )?rejected\] \((.*)\)$", re.M)


@contextmanager
def work_repository(
    server: Server, project: str, source: str, what: str
) -> Iterator[tuple[Repository, Progress]]:
    """Hold the work repository of ``project`` and the ``source`` its history comes from.

    An attempt goes on with what the one before it left there. ``what`` begins messages. Raises
    :class:`Retry` while another attempt holds it.
    """
    settings = server.settings
    with workplace(_root(server), project, source) as place:
        progress = Progress(place.progress, project, mask(source), settings.import_bytes)
        run = Runner(place.path, what, _limits(settings), progress.heard, (place.lock,))
        repository = Repository(place.path / "repository.git", run, what, progress)
        try:
            repository.make()
            yield repository, progress
        except SalternError as error:
            progress.tell(phase="stopped", reason=error.reason)
            raise


@contextmanager
def look_repository(server: Server, what: str, seconds: float) -> Iterator[Repository]:
    """Give a repository whose remotes can be looked at for ``seconds``; it keeps nothing."""
    server.cache_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    with TemporaryDirectory(prefix="look-", dir=server.cache_dir) as name:
        progress = Progress(Path(name) / "progress.json", "", "", LOOK_BYTES)
        limits = Limits(time.monotonic() + seconds, LOOK_BYTES)
        try:
            run = Runner(Path(name), what, limits, progress.heard)
            yield Repository(Path(name) / "repository.git", run, what, progress)
        except Refused as error:
            if error.code not in ("import-timeout", "import-size"):
                raise
            reason = f"{what}: no list of refs within {seconds:g} s and {LOOK_BYTES} bytes"
            raise Retry(reason, code="upstream") from error
        except Retry as error:
            raise Retry(error.reason.removesuffix(GOES_ON), code=error.code) from error


def observe_imports(server: Server) -> list[Mapping[str, Any]]:
    """Return how far imports and moves are (see :func:`saltern.importing.progress.imports`)."""
    return imports(_root(server))


def gerrit_remote(settings: GerritSettings, project: str) -> Remote:
    """Return ``project`` on this Gerrit, to be fetched from and pushed to."""
    base = settings.url.rstrip("/")
    login = f"{settings.username}:{settings.password}".encode()
    header = "Authorization: Basic " + base64.b64encode(login).decode()
    config = {f"http.{base}/.extraHeader": header}
    if not settings.verify_tls:
        config["http.sslVerify"] = "false"
    elif settings.ca_file:
        config["http.sslCAInfo"] = settings.ca_file
    return Remote(f"{base}/a/{quote(project, safe='/')}", urlsplit(base).scheme, config)


def _root(server: Server) -> Path:
    return server.cache_dir / "import"


def _limits(settings: GerritSettings) -> Limits:
    seconds = settings.import_timeout
    told = {"seconds": f"{seconds:g}"}
    return Limits(time.monotonic() + seconds, settings.import_bytes, told)


class Pushes:
    """The pushes of one work repository to one project, never forced.

    ``there``: commits of the project's branches that the repository has, too.
    """

    def __init__(
        self,
        settings: GerritSettings,
        project: str,
        repository: Repository,
        progress: Progress,
        there: Sequence[str] = (),
    ):
        self._project = project
        self._remote = gerrit_remote(settings, project)
        self._repository = repository
        self._progress = progress
        self._there = list(there)
        self._done = 0
        self._may_skip = True

    def push(self, refs: Sequence[tuple[str, str]]) -> None:
        """Push each ``(ref or commit here, ref there)``, in portions.

        Branches are to come before tags: Gerrit counts and validates what its branches have not.
        Raises :class:`Refused` or :class:`Retry` with Gerrit's words for the first ref it refused.
        """
        for at in range(0, len(refs), AT_ONCE):
            portion = refs[at : at + AT_ONCE]
            new = self._repository.commits([here for here, _ in portion], self._there)
            self._portion([f"{here}:{there}" for here, there in portion], new)
            self._there += [here for here, there in portion if there.startswith(HEADS)]
            self._done += len(portion)
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
        ran = self._repository.push(self._remote, options, refspecs)
        if ran.code:
            raise _refusal(self._project, ran)


def _refusal(project: str, ran: Ran) -> Exception:
    rejected = _REJECTED.findall(ran.output)
    if not rejected:
        return Retry(f"{project}: the push failed: {tail(ran.errors)}", code="push")
    ref, status = rejected[0]
    said = [line[8:].strip() for line in ran.errors.splitlines() if line.startswith(SAID)]
    more = f" (and {len(rejected) - 1} more refs)" if len(rejected) > 1 else ""
    reason = "; ".join([status + more, *dict.fromkeys(said)])[:LONGEST_OUTPUT]
    return push_error(project, ref, status, reason)
