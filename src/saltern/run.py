"""From a request to a report: lock, registry, observation, plan, converge, note."""

from __future__ import annotations

import dataclasses
import logging
import sqlite3
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import tenacity

from saltern.announce import Announcer, Change, describe
from saltern.converge import Converge, Result
from saltern.dispatch import Dispatcher
from saltern.errors import Refused, RegistryError, Retry, SalternError
from saltern.gaps import Context
from saltern.journal import Journal, Request
from saltern.lock import Lock
from saltern.look import Looker
from saltern.parts import keep_in_mind
from saltern.plan import ANNOUNCE, PROJECT_KINDS, Plan, make_plan, retired_by
from saltern.registry.changed import changed
from saltern.registry.history import History
from saltern.registry.registry import Registry
from saltern.report import Report, unfinished
from saltern.report.page import Origin, PageWriter, record
from saltern.report.report import counts, slowest
from saltern.review.allowed import allowed_to_retire
from saltern.review.trailers import ALLOW, RETIRE
from saltern.settings import CheckSettings, ConvergeSettings, RegistrySettings
from saltern.steps import DONE, Step, step_key

log = logging.getLogger(__name__)
DAY = 86_400.0


@dataclasses.dataclass(frozen=True)
class Work:
    """What one round has to do: all waiting requests taken together.

    ``scope`` names projects, ``None`` all; ``deep`` those of whom every branch and tag is
    compared, not the default branch alone; ``commits`` are merged ones that want a note.
    """

    cause: str
    scope: frozenset[str] | None
    deep_all: bool
    deep: frozenset[str]
    allow_retire: bool = False
    commits: frozenset[str] = frozenset()


@dataclasses.dataclass(frozen=True)
class Picture:
    """What one round is decided from, and the plan that follows."""

    context: Context
    plan: Plan
    changes: tuple[Change, ...]
    removed: tuple[str, ...]
    history: History | None = None


class Converger:
    """Converges one registry. ``directory`` replaces fetching when the registry is at hand."""

    def __init__(
        self,
        registry: RegistrySettings,
        settings: ConvergeSettings,
        dispatcher: Dispatcher,
        directory: Path | None = None,
        check: CheckSettings | None = None,
    ):
        self._registry = registry
        self._settings = settings
        self._dispatcher = dispatcher
        self._state = Path(settings.state_dir)
        self._looker = Looker(registry, dispatcher, self._state, directory, check)
        journal = self._state / "journal.sqlite"
        self.journal = Journal(journal)
        origin = Origin(registry.project, registry.branch, settings.links, settings.page_runs)
        self._page = PageWriter(journal, settings.page_dir, origin)

    def converge(
        self,
        cause: str,
        *,
        projects: Iterable[str] | None = None,
        change_commit: str | None = None,
        deep: bool = False,
        wait: bool = True,
        allow_retire: bool = False,
    ) -> Report:
        """Make the registry true and report.

        A call during another run is served by that run's next round: with ``wait`` the call
        returns that round's report, without it a ``queued`` one at once. ``change_commit`` is
        a hint that this commit's change wants a note; the change itself is looked up.
        """
        scope = None if projects is None else frozenset(projects)
        number = self.journal.request(Request(cause, scope, deep, allow_retire, change_commit))
        lock = Lock(self._state / "lock")
        while self._unserved(number, wait):
            if not lock.acquire(wait=wait):
                break
            try:
                while self._unserved(number, wait):
                    self._round()
            finally:
                lock.release()
        run = self.journal.run_of(number)
        if run is None:
            return Report(None, "queued", reason="the run that holds the lock goes round again")
        report = _from_dict(self.journal.report(run) or {"run": run, "status": "interrupted"})
        if wait and (unknown := (scope or frozenset()) & frozenset(report.unknown)):
            reason = f"not in the registry: {', '.join(sorted(unknown))}"
            return dataclasses.replace(report, status="failed", reason=reason)
        return report

    def _unserved(self, number: int, wait: bool) -> bool:
        """Return whether the lock's holder has work.

        A waiter also looks for its own request: the run that took it may have been killed.
        """
        return self.journal.pending() or (wait and self.journal.run_of(number) is None)

    def plan(
        self, projects: Iterable[str] | None = None, *, deep: bool = False
    ) -> tuple[Plan, Registry]:
        """Return what a converge would do now, and the registry; writes nothing."""
        scope = None if projects is None else frozenset(projects)
        picture = self._look(self._merged([Request("plan", scope, deep)]), None)
        return picture.plan, picture.context.registry

    def status(self) -> dict[str, Any]:
        """Return the latest runs, what is stuck, and what drifted and is only told."""
        journal = self.journal
        return {"runs": journal.runs(), "stuck": journal.stuck(), "drift": journal.drift()}

    def page(self, directory: str | None = None) -> dict[str, Any]:
        """Write the status page into ``directory`` (``None``: ``page_dir``), return its data.

        Raises :class:`Broken` when it cannot be written.
        """
        return self._page.write(directory)

    def retry(self, key: str) -> Report:
        """Try a step of the stuck list again, with what it depends on.

        Raises :class:`Refused` when ``key`` is not on the list.
        """
        if key not in {row["key"] for row in self.journal.stuck()}:
            raise Refused(f"{key!r} is not on the stuck list (salt-run projects.status)")
        kind, _, name = key.partition(":")
        scope = [name] if kind in PROJECT_KINDS else None
        return self.converge(f"retry {key}", projects=scope, deep=kind == "mirror")

    def _merged(self, requests: list[Request]) -> Work:
        """Return the work that serves all of ``requests``.

        Who asks for the registry's own project asks for everything: its branch moved.
        """
        own = self._registry.project
        full = any(r.scope is None or own in r.scope for r in requests)
        return Work(
            cause="; ".join(sorted({request.cause for request in requests}))[:500],
            scope=None if full else _union(r.scope for r in requests),
            deep_all=any(request.deep and request.scope is None for request in requests),
            deep=_union(request.scope for request in requests if request.deep),
            allow_retire=any(request.allow_retire for request in requests),
            commits=frozenset(r.change_commit for r in requests if r.change_commit),
        )

    # One round, under the lock

    def _round(self) -> Report:
        run = self.journal.begin("starting")
        with self._page.during():
            return self._journaled(run, time.monotonic())

    def _journaled(self, run: str, started: float) -> Report:
        work = self._merged(self.journal.take(run))
        self.journal.because(run, work.cause)
        try:
            report = self._converge(run, work, started)
        except SalternError as error:
            report = Report(run, "refused", reason=str(error), seconds=_since(started))
        except BaseException:
            report = Report(
                run, "interrupted", reason="the run was cut off", seconds=_since(started)
            )
            self.journal.give_back(run)
            self.journal.finish(run, report.status, report.to_dict())
            raise
        self.journal.finish(run, report.status, report.to_dict())
        self._prune()
        return report

    def _prune(self) -> None:
        if self._settings.keep_days is None:
            return
        try:
            self.journal.prune(time.time() - self._settings.keep_days * DAY)
        except sqlite3.Error as error:
            # The run is recorded as it ended; the next one prunes.
            log.warning("old runs stay in the journal: %s", error)

    def _converge(self, run: str, work: Work, started: float) -> Report:
        picture = self._patient()(self._look, work, run)
        self._check_retire_limit(picture, work)
        announcer = Announcer(
            picture.changes, picture.context.registry, picture.plan, run, self._settings.links
        )
        plan = picture.plan.with_steps(announcer.steps())
        self._unstick(plan, work)
        walk = Converge(
            plan,
            self._dispatcher,
            self.journal,
            run,
            self._settings,
            prepare=announcer.prepare,
        )
        results = walk.run()
        keep_in_mind(self.journal, picture.context, picture.plan, results, work.scope is None)
        results |= self._follow_up(run, announcer, results)
        self._mark_noted(picture.changes, announcer, results)
        open_steps = unfinished(results.values())
        return Report(
            run,
            "failed" if open_steps else "done",
            picture.context.registry.commit,
            steps=open_steps,
            counts=counts(results.values()),
            slowest=slowest(results.values()),
            findings=tuple(str(finding) for finding in picture.context.registry.findings),
            removed=picture.removed,
            unknown=tuple(sorted((work.scope or frozenset()) - picture.context.registry.names)),
            drift=tuple(f"{key}: {why}" for key, why in sorted(plan.drift.items())),
            seconds=_since(started),
        )

    def _follow_up(
        self, run: str, announcer: Announcer, results: Mapping[str, Result]
    ) -> dict[str, Result]:
        """Tell the changes whose failure was told before that all is done now."""
        steps = announcer.follow_ups(results)
        if not steps:
            return {}
        alone = [dataclasses.replace(step, needs=frozenset()) for step in steps]
        plan = Plan({}, {}, frozenset()).with_steps(alone)

        def prepare(step: Step, _: Mapping[str, Result]) -> Step:
            return announcer.prepare(step, results)

        walk = Converge(plan, self._dispatcher, self.journal, run, self._settings, prepare=prepare)
        return walk.run()

    def _mark_noted(
        self, changes: Iterable[Change], announcer: Announcer, results: Mapping[str, Result]
    ) -> None:
        """Journal the notes that stand; one on a failure is not the last on its change."""
        for change in changes:
            posted = results.get(step_key(ANNOUNCE, str(change.number)))
            if posted is not None and posted.state == DONE:
                done = announcer.all_done(str(change.number), results)
                self.journal.noted(change.commit, done=done)

    def _patient(self) -> tenacity.Retrying:
        """Look again, with the same backoff as a step, while a server cannot answer."""
        return tenacity.Retrying(
            retry=tenacity.retry_if_exception_type(Retry),
            stop=tenacity.stop_after_attempt(self._settings.attempts),
            wait=tenacity.wait_exponential(
                multiplier=self._settings.backoff, max=self._settings.backoff_limit
            ),
            reraise=True,
        )

    def _unstick(self, plan: Plan, work: Work) -> None:
        """Take off the stuck list what this look shows to need nothing, or to be wanted no more."""
        listed = {row["key"] for row in self.journal.stuck()}
        looked = listed if work.scope is None else listed & plan.examined
        self.journal.unstick(looked - plan.steps.keys() - plan.blocked.keys())

    def _look(self, work: Work, run: str | None) -> Picture:
        """Read the registry and the servers and make the plan; ``run`` is None for a dry look."""
        source, registry = self._looker.read()
        history = self._looker.history(source)
        removed = self._follow(run, history, registry, work) if run else ()
        context = self._looker.observe(
            registry,
            deep=registry.projects if work.deep_all else work.deep,
            commits=self.journal.unnoted(),
        )
        memory = self.journal.memory()
        context = dataclasses.replace(context, allow_retire=work.allow_retire, memory=memory)
        changes = self._changes(history, context) if run else ()
        if run:
            record(self.journal, run, registry, history, changes)
        return Picture(context, make_plan(context, work.scope), changes, removed, history)

    def _follow(
        self, run: str, history: History | None, registry: Registry, work: Work
    ) -> tuple[str, ...]:
        """Journal the commit, remember merged ones, and return the projects that left."""
        last = self.journal.last_commit()
        fresh = history.since(last) if history and last else []
        fresh += [c for c in sorted(work.commits) if history and history.contains(c)]
        self.journal.follow(run, registry.commit, fresh)
        return self._left(history, registry) if history else ()

    def _left(self, history: History, registry: Registry) -> tuple[str, ...]:
        """Return the projects that left the registry since a run last came to its end."""
        last = self.journal.last_converged()
        if not last or last == history.tip or not history.contains(last):
            return ()
        try:
            before = self._looker.load(history.source(last))
        except RegistryError as error:
            log.warning("cannot tell what left the registry since %s: %s", last, error)
            return ()
        return tuple(sorted(changed(before, registry).removed - registry.moved.keys()))

    def _changes(self, history: History | None, context: Context) -> tuple[Change, ...]:
        """Return the merged changes that still want a note."""
        found = []
        seen = context.gerrit.get("changes") or {}
        for commit in self.journal.unnoted():
            state = seen.get(commit)
            if state is None:
                self.journal.no_change(commit)
            elif state["noted"]:
                self.journal.noted(commit)
            elif history is not None:
                found.append(
                    describe(
                        history,
                        commit,
                        state["number"],
                        context.registry,
                        self._looker.load,
                        failed=bool(state.get("failed")),
                    )
                )
        return tuple(found)

    def _check_retire_limit(self, picture: Picture, work: Work) -> None:
        retired = retired_by(picture.context, picture.plan)
        active = sum(
            1
            for name in picture.context.registry.projects
            if (picture.context.seen(name) or {}).get("state") == "ACTIVE"
        )
        limit = max(1, int(self._registry.retire_limit * active))
        if len(retired) > limit and not work.allow_retire and picture.history:
            since = self.journal.last_converged()
            flagged = allowed_to_retire(picture.history, since, self._looker.load)
            retired = [name for name in retired if name not in flagged]
        if len(retired) > limit and not work.allow_retire:
            raise Refused(
                f"{len(retired)} of {active} active projects would become read-only or hidden "
                f"({', '.join(retired[:5])}, ...), more than retire_limit allows ({limit}): "
                f"if that is meant, merge it with '{ALLOW}: {RETIRE}' at the end of the commit "
                "message, or run salt-run projects.converge allow_retire=True",
                code="retire-limit",
            )


def _union(scopes: Iterable[frozenset[str] | None]) -> frozenset[str]:
    return frozenset().union(*(scope or () for scope in scopes))


def _from_dict(data: Mapping[str, Any]) -> Report:
    known = {f.name for f in dataclasses.fields(Report)}
    values = {key: value for key, value in data.items() if key in known}
    for name in ("steps", "slowest", "findings", "removed", "unknown", "drift"):
        values[name] = tuple(values.get(name) or ())
    return Report(**values)


def _since(started: float) -> float:
    return round(time.monotonic() - started, 3)
