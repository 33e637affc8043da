"""Runs a plan: ready steps in batches, each outcome releasing what waited for it."""

from __future__ import annotations

import heapq
import itertools
import logging
import time
from collections import defaultdict, deque
from collections.abc import Callable, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter

from saltern.dispatch import Dispatcher
from saltern.errors import Broken, Retry, SalternError
from saltern.journal import Journal
from saltern.plan import ANNOUNCE, Plan, lane, with_evidence
from saltern.settings import ConvergeSettings
from saltern.steps import DONE, RETRY, Outcome, Step, step_key

log = logging.getLogger(__name__)

SKIPPED = "skipped"
BLOCKED = "blocked"

Lane = tuple[str, str]


@dataclass(frozen=True)
class Limit:
    """How many jobs of a lane may be under way at once, and the most steps in one of them."""

    jobs: int
    steps: int


LIMITS: Mapping[Lane, Limit] = {
    # Two jobs hide the gap between one job's answer and the next one's start; groups are still
    # made one at a time, by a lock of their provider. A Salt job costs a quarter of a second of
    # CPU, so they are few; short ones would let waiting ACLs start earlier.
    ("gerrit", "group"): Limit(2, 50),
    ("gerrit", "main"): Limit(2, 100),
    ("gerrit", "import"): Limit(2, 1),
    ("mirror", "main"): Limit(1, 100),
}


@dataclass(frozen=True)
class Result:
    """How a step ended in this run. ``state``: done, failed, blocked or skipped."""

    key: str
    state: str
    outcome: Outcome
    attempts: int


Prepare = Callable[[Step, Mapping[str, Result]], Step]


class Converge:
    """One walk over a plan.

    ``prepare`` completes a step just before it is sent, from the results so far (the text of
    an announcement). ``clock`` gives seconds and only measures distances.
    """

    def __init__(
        self,
        plan: Plan,
        dispatcher: Dispatcher,
        journal: Journal,
        run: str,
        settings: ConvergeSettings,
        *,
        prepare: Prepare | None = None,
        clock: Callable[[], float] = time.monotonic,
    ):
        self._plan = plan
        self._dispatcher = dispatcher
        self._journal = journal
        self._run = run
        self._settings = settings
        self._prepare = prepare
        self._clock = clock
        self._sorter = _sorted(plan)
        self._followers = _followers(plan)
        self._ahead: set[str] = set()
        self._settling: set[str] = set()
        self._released: set[str] = set()
        self._queues: dict[Lane, deque[Step]] = defaultdict(deque)
        self._flying: dict[Future[list[Outcome]], tuple[Lane, list[Step]]] = {}
        self._later: list[tuple[float, int, Step]] = []
        self._number = itertools.count()
        self._attempts: dict[str, int] = defaultdict(int)
        self.results: dict[str, Result] = {}
        self._evidence: dict[str, Mapping[str, object]] = {}

    def run(self) -> dict[str, Result]:
        """Walk the plan to its end and return a result for each of its steps."""
        self._journal.planned(self._run, self._plan.steps.values())
        jobs = sum(limit.jobs for limit in LIMITS.values())
        with ThreadPoolExecutor(jobs, "saltern-job") as pool:
            self._release()
            while self._flying or self._later or any(self._queues.values()):
                self._wake()
                self._send(pool)
                self._collect()
        return self.results

    def _release(self) -> None:
        """Queue what became ready; settle at once what can no longer be done."""
        while ready := self._sorter.get_ready():
            self._released.update(ready)
            for key in ready:
                if key in self._settling:
                    continue
                if key in self._plan.blocked:
                    block = self._plan.blocked[key]
                    self._end(Outcome(key, "failed", block.code, block.reason), BLOCKED)
                elif missing := self._missing_need(self._plan.steps[key]):
                    self._end(Outcome(key, "failed", "needs", f"waits for {missing}"), SKIPPED)
                else:
                    step = self._plan.steps[key]
                    self._queues[lane(step)].append(step)

    def _missing_need(self, step: Step) -> str | None:
        if step.kind == ANNOUNCE:
            return None
        return next((need for need in sorted(step.needs) if self.results[need].state != DONE), None)

    def _end(self, outcome: Outcome, state: str, attempts: int = 0) -> None:
        self.results[outcome.step] = Result(outcome.step, state, outcome, attempts)
        if attempts == 0:
            self._journal.settled(self._run, outcome, state)
        self._sorter.done(outcome.step)

    def _wake(self) -> None:
        while self._later and self._later[0][0] <= self._clock():
            step = heapq.heappop(self._later)[2]
            self._queues[lane(step)].append(step)

    def _send(self, pool: ThreadPoolExecutor) -> None:
        for name, queue in self._queues.items():
            limit = LIMITS[name]
            flying = sum(1 for other, _ in self._flying.values() if other == name)
            while flying < limit.jobs:
                heads = self._heads(queue, min(limit.steps, self._settings.batch))
                if not heads:
                    break
                batch = [self._ready(step) for step in self._with_followers(heads)]
                self._journal.sent(self._run, [step.key for step in batch])
                self._flying[pool.submit(self._apply, name[0], batch)] = (name, batch)
                flying += 1

    def _heads(self, queue: deque[Step], most: int) -> list[Step]:
        """Take up to ``most`` steps off ``queue``; those that are held stay in it."""
        heads: list[Step] = []
        held: list[Step] = []
        while queue and len(heads) < most:
            step = queue.popleft()
            (held if self._held(step) else heads).append(step)
        queue.extendleft(reversed(held))
        return heads

    def _held(self, step: Step) -> bool:
        """Return whether a first commit waits for the groups that its project's ACL names.

        One push then does for both. It does not wait where a mirror waits for it.
        """
        access = self._plan.steps.get(step_key("access", step.name))
        if step.kind != "content" or step.payload["upstream"] or access is None:
            return False
        if step_key("mirror", step.name) in self._plan.steps or step.key not in access.needs:
            return False
        # Only released groups count: they will settle whatever this step does.
        groups = (need for need in access.needs & self._released if need.startswith("group:"))
        return any(need not in self.results for need in groups)

    def _with_followers(self, heads: list[Step]) -> list[Step]:
        """Add what waits for nothing but these and is about the same project.

        A provider does the steps of one project in order, so one job (and one push) does for
        them; the outcome of a follower counts only if what it needs was done.
        """
        batch, sent = list(heads), {step.key for step in heads}
        for step in batch:
            for follower in self._followers.get(step.key, ()):
                own = {need for need in follower.needs if need in sent and _same(need, follower)}
                if self._held(follower) or _hides(follower):
                    continue
                if follower.key not in sent and all(map(self._done, follower.needs - own)):
                    batch.append(follower)
                    sent.add(follower.key)
                    self._ahead.add(follower.key)
        return batch

    def _done(self, key: str) -> bool:
        return key in self.results and self.results[key].state == DONE

    def _ready(self, step: Step) -> Step:
        step = with_evidence(step, self._evidence)
        return self._prepare(step, self.results) if self._prepare else step

    def _apply(self, provider: str, batch: list[Step]) -> list[Outcome]:
        try:
            outcomes = self._dispatcher.apply(provider, batch)
        except SalternError as error:
            return [Outcome.from_error(step.key, error) for step in batch]
        except Exception as error:
            log.exception("run %s: %s failed on a batch of %d", self._run, provider, len(batch))
            broken = Broken(f"defect in provider {provider}: {error!r}", code="defect")
            return [Outcome.from_error(step.key, broken) for step in batch]
        by_key = {outcome.step: outcome for outcome in outcomes}
        silent = Retry(f"provider {provider} returned no outcome", code="no-outcome")
        return [by_key.get(s.key) or Outcome.from_error(s.key, silent) for s in batch]

    def _collect(self) -> None:
        timeout = max(0.0, self._later[0][0] - self._clock()) if self._later else None
        if not self._flying:
            if timeout:
                time.sleep(timeout)
            return
        done, _ = wait(self._flying, timeout, FIRST_COMPLETED)
        for future in done:
            _, batch = self._flying.pop(future)
            self._take(batch, future.result())
        self._release()

    def _take(self, batch: list[Step], outcomes: list[Outcome]) -> None:
        rows: list[tuple[Outcome, int, str]] = []
        proved: set[str] = set()
        for step, outcome in zip(batch, outcomes, strict=True):
            if step.key in self._ahead:
                self._ahead.discard(step.key)
                if not all(need in proved or self._done(need) for need in step.needs):
                    continue
                self._settling.add(step.key)
            self._attempts[step.key] += 1
            number = self._attempts[step.key]
            again = outcome.status == RETRY and number < self._settings.attempts
            state = "waiting" if again else DONE if outcome.ok else "failed"
            rows.append((outcome, number, state))
            if again:
                self._put_off(step, outcome, number)
            else:
                self._evidence[step.key] = outcome.evidence
            if state == DONE:
                proved.add(step.key)
        self._journal.attempted(self._run, rows)
        for outcome, number, state in rows:
            if outcome.step in self._settling:
                # What it needs has just ended: the sorter lets it go, and it is not queued again.
                self._release()
                self._settling.discard(outcome.step)
            if state != "waiting":
                self._end(outcome, state, number)

    def _put_off(self, step: Step, outcome: Outcome, number: int) -> None:
        backoff = min(self._settings.backoff * 2 ** (number - 1), self._settings.backoff_limit)
        when = self._clock() + max(backoff, outcome.retry_after or 0.0)
        heapq.heappush(self._later, (when, next(self._number), step))


def _same(need: str, step: Step) -> bool:
    return need.partition(":")[2] == step.name


def _hides(step: Step) -> bool:
    """Return whether after a step nobody sees the branches that the one before it made."""
    return step.kind == "access" and step.payload.get("state") == "HIDDEN"


def _followers(plan: Plan) -> dict[str, list[Step]]:
    """Return for each step those that need it, share its lane and are about the same project."""
    found: dict[str, list[Step]] = defaultdict(list)
    for step in plan.steps.values():
        for need in step.needs & plan.steps.keys():
            if _same(need, step) and lane(plan.steps[need]) == lane(step):
                found[need].append(step)
    return found


def _sorted(plan: Plan) -> TopologicalSorter[str]:
    sorter: TopologicalSorter[str] = TopologicalSorter()
    for key in plan.blocked:
        sorter.add(key)
    for key, step in plan.steps.items():
        sorter.add(key, *step.needs)
    try:
        sorter.prepare()
    except CycleError as error:
        raise Broken(f"the plan has a cycle: {' -> '.join(error.args[1])}", code="cycle") from error
    return sorter
