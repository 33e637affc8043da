"""The bare repository of an import: fetched in portions, so that what is there stays there."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path

from saltern.errors import Refused, Retry
from saltern.importing import refs
from saltern.importing.process import Ran, Runner
from saltern.importing.progress import Progress
from saltern.importing.url import Remote, mask

LONGEST_REASON = 800
GOES_ON = "; what it has is kept, and the next attempt goes on from there"


class Repository:
    """One repository below an import's place. Raises :class:`Retry` and :class:`Refused`."""

    def __init__(self, path: Path, run: Runner, what: str, progress: Progress):
        self.path = path
        self._run = run
        self._what = what
        self._progress = progress
        self._here = ("--git-dir", str(path))

    def make(self) -> None:
        """Make the repository, or take up the one that is there and forget what was half sent."""
        for left in self.path.glob("objects/pack/tmp_*"):
            left.unlink(missing_ok=True)
        for lock in (*self.path.glob("*.lock"), *self.path.glob("refs/**/*.lock")):
            lock.unlink(missing_ok=True)
        if self.path.exists():
            with contextlib.suppress(Refused):
                self.refs()
                return
            shutil.rmtree(self.path)
        self.local("init", "--bare", "--quiet", str(self.path), bare=False)

    def remote(self, upstream: Remote) -> dict[str, str]:
        """Return the upstream's branches and tags, ``{ref: object id}``."""
        ran = self._run(
            ["ls-remote", "--quiet", "--refs", "--", upstream.url, "refs/heads/*", "refs/tags/*"],
            transports=upstream.transport,
            config=upstream.config,
        )
        if ran.code:
            raise self._away(upstream, ran)
        return refs.listed(ran.output)

    def refs(self) -> dict[str, str]:
        """Return what the repository has, ``{ref: object id}``."""
        form = "--format=%(objectname)%09%(refname)"
        return refs.listed(self.local("for-each-ref", form, "refs/heads", "refs/tags"))

    def fetch(self, upstream: Remote, wanted: Mapping[str, str]) -> None:
        """Fetch what is not there of ``wanted``, and drop refs that are not in it."""
        have = self.refs()
        self._drop(ref for ref in have if ref not in wanted)
        missing = [ref for ref, sha in wanted.items() if have.get(ref) != sha]
        done = len(wanted) - len(missing)
        for portion in refs.portions(missing):
            self._progress.tell(phase="fetching", refs=len(wanted), refs_done=done, percent=None)
            self._fetch(upstream, portion)
            done += len(portion)
        if lost := wanted.keys() - self.refs().keys():
            raise Retry(f"{self._what}: {min(lost)} went away meanwhile", code="upstream")

    def _fetch(self, upstream: Remote, portion: Sequence[str]) -> None:
        ran = self.take(upstream, [f"+{ref}:{ref}" for ref in portion])
        if ran.code:
            raise self._away(upstream, ran)

    def take(self, remote: Remote, refspecs: Sequence[str], *options: str) -> Ran:
        """Fetch ``refspecs`` of ``remote``."""
        usual = ["--no-tags", "--force", "--progress", "--stdin", "--no-write-fetch-head"]
        usual += ["--no-recurse-submodules", "--no-auto-maintenance"]
        return self._run(
            [*self._here, "fetch", *usual, *options, "--", remote.url],
            transports=remote.transport,
            config=remote.config,
            lines=refspecs,
        )

    def _away(self, upstream: Remote, ran: Ran) -> Retry:
        text = f"{self._what}: cannot fetch {mask(upstream.url)}: {tail(ran.errors)}{GOES_ON}"
        return Retry(text, code="upstream")

    def _drop(self, gone: Iterable[str]) -> None:
        if lines := [f"delete {ref}" for ref in gone]:
            self.local("update-ref", "--stdin", lines=lines)

    def commits(self, wanted: Collection[str], there: Collection[str] = ()) -> int:
        """Return how many commits ``wanted`` refs have that ``there`` have not."""
        lines = [*wanted, *(f"^{ref}" for ref in there)]
        return int(self.local("rev-list", "--count", "--stdin", lines=lines))

    def push(self, remote: Remote, options: Sequence[str], refspecs: Sequence[str]) -> Ran:
        """Push ``refspecs`` to ``remote``."""
        return self._run(
            [*self._here, "push", "--porcelain", *options, "--", remote.url, *refspecs],
            transports=remote.transport,
            config=remote.config,
        )

    def is_ancestor(self, old: str, new: str) -> bool:
        """Return whether commit ``old`` is ``new`` or in its history; both must be there."""
        ran = self._run([*self._here, "merge-base", "--is-ancestor", old, new])
        if ran.code > 1:
            raise Refused(f"{self._what}: git merge-base: {tail(ran.errors)}", code="git")
        return ran.code == 0

    def local(self, *arguments: str, bare: bool = True, lines: Collection[str] = ()) -> str:
        """Return what git says without a network."""
        where = self._here if bare else []
        ran = self._run([*where, *arguments], lines=lines)
        if ran.code:
            raise Refused(f"{self._what}: git {arguments[0]}: {tail(ran.errors)}", code="upstream")
        return ran.output


def tail(errors: str) -> str:
    """Return the last lines of what git complained of, without credentials and progress."""
    lines = [line.rpartition("\r")[2].strip() for line in errors.splitlines()]
    kept = [line for line in lines if line and "%" not in line]
    return mask("; ".join(kept[-5:]))[-LONGEST_REASON:] or "git said nothing"
