"""Applying a batch: writes in a bounded pool, one bulk read-back, one outcome a step."""

from __future__ import annotations

import logging
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

from saltern.errors import Broken, Refused, Retry, SalternError
from saltern.providers.gerrit import groups, listing, members
from saltern.providers.gerrit.announce import announce
from saltern.providers.gerrit.review import post_review
from saltern.providers.gerrit.server import Claim, Seen, Server
from saltern.providers.gerrit.writes import Result, write_project
from saltern.steps import DONE, Outcome, Step

log = logging.getLogger(__name__)

LOCKED_GROUPS = 2
"""Groups in a row that found their shared ref locked, after which the batch's others are left for
later: Gerrit waits about 20 s for a lock before it answers."""

ORDER = ("project", "content", "access", "retire")
Look = Callable[[list[Claim]], Mapping[str, Seen]]


def apply(server: Server, steps: Iterable[Step]) -> list[Outcome]:
    """Make ``steps`` true and return exactly one outcome for each, in their order.

    Groups are made one after the other beside everything else; projects in parallel, their
    steps ``project``, ``content``, ``access`` in this order and the last two in one push.
    """
    steps = list(steps)
    kinds: dict[str, list[Step]] = defaultdict(list)
    projects: dict[str, list[Step]] = defaultdict(list)
    for step in steps:
        (projects[step.name] if step.kind in ORDER else kinds[step.kind]).append(step)
    batch = _Batch(server)
    with ThreadPoolExecutor(server.settings.workers + 2, "gerrit-apply") as pool:
        lanes = [
            pool.submit(batch.groups, kinds.pop("group", [])),
            pool.submit(batch.projects, list(projects.values())),
            pool.submit(batch.members, kinds.pop("members", [])),
        ]
        lanes += [
            pool.submit(batch.say, step, say)
            for kind, say in (("announce", announce), ("review", post_review))
            for step in kinds.pop(kind, [])
        ]
    for lane in lanes:
        if error := lane.exception():
            log.error("defect in a batch", exc_info=error)
    for unknown in (step for rest in kinds.values() for step in rest):
        batch.fail(unknown, Broken(f"no such kind of step: {unknown.kind}", code="kind"))
    for step in steps:
        if step.key not in batch.outcomes:
            batch.fail(step, Broken(f"{step.key}: a defect kept it from an outcome", code="defect"))
    return [batch.outcomes[step.key] for step in steps]


class _Batch:
    """The outcomes of one batch as they come in; its lanes run beside each other."""

    def __init__(self, server: Server):
        self._server = server
        self._seconds: dict[str, float] = {}
        self._unmended: dict[str, SalternError] = {}
        self.outcomes: dict[str, Outcome] = {}

    def fail(self, step: Step, error: SalternError) -> None:
        """Settle ``step`` with an error."""
        seconds = self._seconds.get(step.key, 0.0)
        self.outcomes[step.key] = Outcome.from_error(step.key, error, seconds)

    def _done(self, step: Step, evidence: Mapping[str, Any]) -> None:
        seconds = self._seconds.get(step.key, 0.0)
        self.outcomes[step.key] = Outcome(step.key, DONE, seconds=seconds, evidence=evidence)

    def groups(self, steps: Sequence[Step]) -> None:
        """Make groups one after the other, then read them back together."""
        claims = []
        locked = 0
        for step in steps:
            if locked == LOCKED_GROUPS:
                self.fail(
                    step, Retry("not tried: the ref all groups share is locked", code="locked")
                )
                continue
            results = self._write([step], partial(self._make_group, step))
            claims += self._sift([step], results)
            failed = self.outcomes.get(step.key)
            locked = locked + 1 if failed and failed.code == "locked" else 0
        self._prove(
            claims,
            lambda some: listing.some_groups(self._server.client, [c.step.name for c in some]),
        )

    def _make_group(self, step: Step) -> dict[str, Result]:
        return {step.key: groups.make(self._server, step)}

    def members(self, steps: Sequence[Step]) -> None:
        """Write the groups in a pool, then read them back together."""
        claims: list[Claim] = []
        with ThreadPoolExecutor(self._server.settings.workers, "gerrit-members") as pool:
            for found in pool.map(self._members, steps):
                claims += found
        uuids = {claim.step.name: claim.step.payload["uuid"] for claim in claims}
        self._prove(claims, lambda _some: listing.group_members(self._server.client, uuids))

    def _members(self, step: Step) -> list[Claim]:
        results = self._write([step], lambda: {step.key: members.settle(self._server, step)})
        return self._sift([step], results)

    def projects(self, jobs: Sequence[Sequence[Step]]) -> None:
        """Write the projects in a pool, then read them back together."""
        claims: list[Claim] = []
        with ThreadPoolExecutor(self._server.settings.workers, "gerrit-project") as pool:
            for found in pool.map(self._project, jobs):
                claims += found
        self._prove(claims, self._look)

    def _project(self, steps: Sequence[Step]) -> list[Claim]:
        ordered = sorted(steps, key=lambda step: ORDER.index(step.kind))
        results = self._write(ordered, partial(write_project, self._server, ordered))
        return self._sift(ordered, results)

    def say(self, step: Step, say: Callable[[Server, Step], dict[str, Any]]) -> None:
        """Post a note or a review; it reads back on its own."""
        evidence: dict[str, Any] = {}

        def post() -> dict[str, Result]:
            evidence.update(say(self._server, step))
            return {}

        results = self._write([step], post)
        if step.key in results:
            self._sift([step], results)
        else:
            self._done(step, evidence)

    def _write(
        self, steps: Sequence[Step], action: Callable[[], dict[str, Result]]
    ) -> dict[str, Result]:
        """Run ``action``; a defect fails its own steps and is logged, nothing else."""
        started = time.monotonic()
        try:
            if odd := next((step.name for step in steps if not step.name.isprintable()), None):
                raise Refused(f"{odd!r} holds characters that are not printable", code="name")
            results = action()
        except SalternError as error:
            results = {step.key: error for step in steps}
        except Exception as error:
            log.exception("defect in a step for %s", steps[0].name)
            broken = Broken(f"{steps[0].name}: defect: {error!r}", code="defect")
            results = {step.key: broken for step in steps}
        for step in steps:
            self._seconds[step.key] = round(time.monotonic() - started, 3)
        return results

    def _sift(self, steps: Sequence[Step], results: Mapping[str, Result]) -> list[Claim]:
        """Settle the errors and return the claims."""
        claims = []
        for step in steps:
            result = results[step.key]
            if isinstance(result, Claim):
                claims.append(result)
            else:
                self.fail(step, result)
        return claims

    def _look(self, claims: list[Claim]) -> Mapping[str, Seen]:
        names = list(dict.fromkeys(claim.step.name for claim in claims))
        refs = dict.fromkeys(ref for claim in claims for ref in claim.refs)
        return listing.some_projects(self._server.client, names, refs)

    def _prove(self, claims: list[Claim], look: Look) -> None:
        """Read back in bulk and settle each claim; mend once what the read-back shows."""
        if not claims:
            return
        try:
            seen = look(claims)
            mended = [claim for claim in claims if self._mend(claim, seen.get(claim.step.name))]
            again = look(mended) if mended else {}
        except SalternError as error:
            unread = Retry(f"could not read back: {error}", code="read-back")
            for claim in claims:
                self.fail(claim.step, unread)
            return
        for claim in claims:
            self._settle(claim, {**seen, **again}.get(claim.step.name))

    def _mend(self, claim: Claim, seen: Seen | None) -> bool:
        """Return whether something was written."""
        if claim.mend is None or seen is None:
            return False
        try:
            return claim.mend(seen)
        except SalternError as error:
            self._unmended[claim.step.key] = error
            return False

    def _settle(self, claim: Claim, seen: Seen | None) -> None:
        try:
            self._done(claim.step, claim.check(seen))
        except SalternError as error:
            if claim.doubt is not None:
                error = Retry(f"{claim.doubt}; then: {error}", code=claim.doubt.code)
            self.fail(claim.step, self._unmended.get(claim.step.key, error))
        except Exception as error:
            log.exception("defect in the check of %s", claim.step.key)
            broken = Broken(f"{claim.step.key}: defect: {error!r}", code="defect")
            self.fail(claim.step, broken)
