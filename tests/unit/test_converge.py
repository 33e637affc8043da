"""The walk over a plan: order, batches, retries, failures and what they stop."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from saltern.converge import Converge
from saltern.errors import Refused, Retry
from saltern.gaps import Block
from saltern.journal import Journal
from saltern.plan import Plan
from saltern.settings import ConvergeSettings
from saltern.steps import Outcome, Step, step_key


class MemoryProviders:
    """Providers that remember what they were sent and answer as told.

    ``answers[key]`` lists the outcomes or errors of successive attempts; then ``done``.
    """

    providers = frozenset({"gerrit", "mirror"})

    def __init__(self) -> None:
        self.batches: list[tuple[str, list[Step]]] = []
        self.answers: dict[str, list[Callable[[str], Outcome] | Exception]] = defaultdict(list)
        self._mutex = threading.Lock()

    def observe(self, provider, request):
        raise NotImplementedError

    def apply(self, provider: str, steps: list[Step]) -> list[Outcome]:
        with self._mutex:
            self.batches.append((provider, steps))
            return [self._answer(step) for step in steps]

    def _answer(self, step: Step) -> Outcome:
        queue = self.answers[step.key]
        answer = queue.pop(0) if queue else None
        if isinstance(answer, Exception):
            raise answer
        return answer(step.key) if answer else Outcome(step.key, "done", evidence={"by": step.key})

    def order(self) -> list[str]:
        return [step.key for _, steps in self.batches for step in steps]


def step(key: str, *needs: str) -> Step:
    kind, _, name = key.partition(":")
    payloads = {
        "content": {"upstream": None},
        "access": {"groups": {}, "base": None, "fresh": False},
        "group": {"owner": "Administrators", "owner_uuid": "u"},
    }
    return Step(kind, name, "missing", payloads.get(kind, {}), frozenset(needs))


def plan(*steps: Step, blocked: dict[str, Block] | None = None) -> Plan:
    return Plan({s.key: s for s in steps}, blocked or {}, frozenset(s.key for s in steps))


FAST = ConvergeSettings(attempts=3, backoff=0.001, backoff_limit=0.004)


def run(plan: Plan, providers: MemoryProviders, journal: Journal, settings=FAST, **options):
    return Converge(plan, providers, journal, journal.begin("test"), settings, **options).run()


def test_dependent_steps_run_after_what_they_need(journal):
    """A child project is sent only after its parent's outcome is known."""
    providers = MemoryProviders()
    results = run(plan(step("project:c", "project:p"), step("project:p")), providers, journal)
    assert providers.order() == ["project:p", "project:c"]
    assert {r.state for r in results.values()} == {"done"}


def test_failure_stops_its_dependents_and_nothing_else(journal):
    """A refused project skips its content; another project is made all the same."""
    providers = MemoryProviders()
    providers.answers["project:a"] = [
        lambda key: Outcome.from_error(key, Refused("bad name", code="409"))
    ]
    results = run(
        plan(
            step("project:a"),
            step("content:a", "project:a"),
            step("mirror:a", "content:a"),
            step("project:b"),
            step("content:b", "project:b"),
        ),
        providers,
        journal,
    )
    assert results["project:a"].state == "failed"
    assert results["content:a"].state == results["mirror:a"].state == "skipped"
    assert results["content:a"].outcome.reason == "waits for project:a"
    assert results["content:b"].state == "done"
    assert {row["key"] for row in journal.stuck()} == {"project:a", "content:a", "mirror:a"}


def test_blocked_step_is_reported_and_never_sent(journal):
    """What the registry's findings stop fails with their reason, without an attempt."""
    providers = MemoryProviders()
    blocked = {"access:a": Block("SLT009", "acls/a.config is not there")}
    results = run(plan(step("project:a"), blocked=blocked), providers, journal)
    assert providers.order() == ["project:a"]
    assert results["access:a"].state == "blocked"
    assert results["access:a"].outcome.reason == "acls/a.config is not there"


def test_retryable_outcome_is_tried_again_until_done(journal):
    """A 503 costs attempts, not the step."""
    providers = MemoryProviders()
    providers.answers["group:g"] = [
        lambda key: Outcome.from_error(key, Retry("503", code="503")),
        lambda key: Outcome.from_error(key, Retry("503", after=0.002, code="503")),
    ]
    results = run(plan(step("group:g"), step("access:a", "group:g")), providers, journal)
    assert results["group:g"].attempts == 3
    assert results["access:a"].state == "done"
    assert journal.stuck() == []


def test_attempts_are_bounded_then_the_step_is_stuck_with_its_reason(journal):
    """After the last attempt the step stands on the stuck list with the server's words."""
    providers = MemoryProviders()
    providers.answers["group:g"] = [
        lambda key: Outcome.from_error(key, Retry("Lock failure", code="503"))
    ] * 9
    results = run(plan(step("group:g")), providers, journal)
    assert results["group:g"].state == "failed"
    assert [(r["key"], r["reason"], r["attempts"]) for r in journal.stuck()] == [
        ("group:g", "Lock failure", 3)
    ]


def test_backoff_doubles_up_to_its_limit(journal):
    """The waits between attempts are told by the settings, on the injected clock."""
    providers = MemoryProviders()
    providers.answers["group:g"] = [lambda key: Outcome.from_error(key, Retry("503"))] * 9
    waits = []
    settings = ConvergeSettings(attempts=5, backoff=0.001, backoff_limit=0.004)
    walk = Converge(plan(step("group:g")), providers, journal, journal.begin("t"), settings)
    put_off = walk._put_off

    def spy(step, outcome, number):
        put_off(step, outcome, number)
        waits.append(walk._later[0][0] - walk._clock())

    walk._put_off = spy
    walk.run()
    assert [round(wait, 3) for wait in waits] == [0.001, 0.002, 0.004, 0.004]


@pytest.mark.parametrize(
    ("error", "state", "code"),
    [
        (Refused("no such minion", code="minion"), "failed", "minion"),
        (ValueError("boom"), "failed", "defect"),
    ],
    ids=["refused", "defect"],
)
def test_provider_failure_gives_every_step_of_the_batch_an_outcome(journal, error, state, code):
    """A provider that cannot answer at all loses no step."""
    providers = MemoryProviders()
    providers.answers["project:b"] = [error]
    results = run(plan(step("project:a"), step("project:b")), providers, journal)
    assert {r.state for r in results.values()} == {state}
    assert {r.outcome.code for r in results.values()} == {code}


def test_step_without_outcome_is_tried_again(journal):
    """A provider that forgets a step is asked again."""

    class Forgetful(MemoryProviders):
        def apply(self, provider, steps):
            outcomes = super().apply(provider, steps)
            return outcomes if len(self.batches) > 1 else outcomes[:1]

    results = run(plan(step("project:a"), step("project:b")), Forgetful(), journal)
    assert [r.attempts for r in results.values()] == [1, 2]


def test_group_uuid_reaches_the_access_step(journal):
    """An ACL is written with the UUID that the group's own step saw."""
    providers = MemoryProviders()
    providers.answers["group:g"] = [lambda key: Outcome(key, "done", evidence={"uuid": "abc"})]
    providers.answers["project:a"] = [lambda key: Outcome(key, "done", evidence={"config": "sha"})]
    access = Step(
        "access",
        "a",
        "missing",
        {"groups": {"g": None, "h": "known"}, "base": None, "fresh": False},
        frozenset({"group:g", "project:a"}),
    )
    run(plan(step("group:g"), step("project:a"), access), providers, journal)
    sent = next(s for _, steps in providers.batches for s in steps if s.kind == "access")
    assert sent.payload == {"groups": {"g": "abc", "h": "known"}, "base": "sha", "fresh": True}


def test_batches_are_bounded(journal):
    """No job carries more steps than the setting, and groups come in short jobs."""
    providers = MemoryProviders()
    steps = [step(f"project:p{n}") for n in range(45)] + [step(f"group:g{n}") for n in range(45)]
    run(plan(*steps), providers, journal, ConvergeSettings(batch=30))
    sizes = {"project": [], "group": []}
    for _, batch in providers.batches:
        sizes[batch[0].kind].append(len(batch))
    assert sorted(sizes["project"]) == [15, 30]
    assert sorted(sizes["group"]) == [15, 30]


def test_announce_waits_for_the_rest_and_runs_although_it_failed(journal):
    """The note is written after all other steps settled, done or failed."""
    providers = MemoryProviders()
    providers.answers["project:a"] = [lambda key: Outcome.from_error(key, Refused("no"))]
    seen = {}

    def prepare(step, results):
        if step.kind == "announce":
            seen.update(results)
        return step

    results = run(
        plan(step("project:a"), step("announce:7", "project:a")),
        providers,
        journal,
        prepare=prepare,
    )
    assert results["announce:7"].state == "done"
    assert seen["project:a"].state == "failed"


@st.composite
def dags(draw):
    """Plans with edges to earlier steps, several kinds a name; some steps fail or need a retry."""
    steps: dict[str, Step] = {}
    answers = {}
    for _ in range(draw(st.integers(1, 25))):
        kind = draw(st.sampled_from(["project", "content", "access", "group", "mirror"]))
        key = step_key(kind, str(draw(st.integers(0, 5))))
        if key not in steps:
            needs = draw(st.sets(st.sampled_from(sorted(steps)), max_size=3)) if steps else set()
            steps[key] = step(key, *needs)
            answers[key] = draw(st.sampled_from([None, None, None, Retry("503"), Refused("no")]))
    return draw(st.permutations(list(steps.values()))), answers


@given(dags())
@settings(max_examples=60, deadline=None)
def test_any_plan_runs_in_dependency_order_and_settles_every_step(tmp_path_factory, drawn):
    """Whatever the graph: needs come first, nothing runs on a failure, all is accounted for."""
    steps, answers = drawn
    providers = MemoryProviders()
    for key, error in answers.items():
        if error:
            providers.answers[key] = [lambda key, error=error: Outcome.from_error(key, error)]
    journal = Journal(tmp_path_factory.mktemp("dag") / "j.sqlite")
    results = run(plan(*steps), providers, journal)
    journal.close()
    assert results.keys() == {s.key for s in steps}
    last = {key: n for n, key in enumerate(providers.order())}
    for s in steps:
        lost = any(results[need].state != "done" for need in s.needs)
        assert (results[s.key].state == "skipped") == lost
        if results[s.key].state == "done":
            assert all(last[need] < last[s.key] for need in s.needs)


def test_steps_of_one_project_travel_in_one_job_in_order(journal):
    """Project, content and access go out together when nothing else is waited for."""
    providers = MemoryProviders()
    chain = [
        step("access:a", "project:a", "content:a", "project:p"),
        step("content:a", "project:a"),
        step("project:a", "project:p"),
        step("project:p"),
    ]
    results = run(plan(*chain), providers, journal)
    assert [[s.key for s in batch] for _, batch in providers.batches] == [
        ["project:p"],
        ["project:a", "content:a", "access:a"],
    ]
    assert {r.state for r in results.values()} == {"done"}


@pytest.mark.parametrize(
    ("error", "attempts", "states"),
    [
        (Retry("503", code="503"), 2, {"done"}),
        (Refused("no", code="400"), 1, {"failed", "skipped"}),
    ],
    ids=["retried", "refused"],
)
def test_follower_counts_only_when_what_it_needs_was_done(journal, error, attempts, states):
    """What the provider says of a content whose project failed is not believed."""
    providers = MemoryProviders()
    providers.answers["project:a"] = [lambda key: Outcome.from_error(key, error)]
    results = run(plan(step("project:a"), step("content:a", "project:a")), providers, journal)
    assert results["project:a"].attempts == attempts
    assert {r.state for r in results.values()} == states
    assert results["content:a"].attempts == (1 if "done" in states else 0)


def test_follower_that_must_be_retried_is_retried_alone(journal):
    """A content that met a 503 goes again without its project."""
    providers = MemoryProviders()
    providers.answers["content:a"] = [lambda key: Outcome.from_error(key, Retry("503"))]
    results = run(plan(step("project:a"), step("content:a", "project:a")), providers, journal)
    assert [[s.key for s in batch] for _, batch in providers.batches] == [
        ["project:a", "content:a"],
        ["content:a"],
    ]
    assert results["content:a"].attempts == 2


@pytest.mark.parametrize("mirrored", [False, True], ids=["alone", "mirrored"])
def test_first_commit_waits_for_its_acl_unless_a_mirror_waits_for_it(journal, mirrored):
    """One push does for content and access; a mirror is not kept waiting for a group."""
    providers = MemoryProviders()
    steps = [
        step("group:g"),
        step("project:a"),
        step("content:a", "project:a"),
        step("access:a", "project:a", "content:a", "group:g"),
    ]
    if mirrored:
        steps.append(step("mirror:a", "content:a"))
    results = run(plan(*steps), providers, journal)
    assert {r.state for r in results.values()} == {"done"}
    together = [s.key for _, batch in providers.batches for s in batch if len(batch) > 1]
    assert together == (["project:a", "content:a"] if mirrored else ["content:a", "access:a"])


def test_first_commit_goes_alone_when_its_group_cannot_be_made(journal):
    """A refused group costs the ACL, not the content."""
    providers = MemoryProviders()
    providers.answers["group:g"] = [lambda key: Outcome.from_error(key, Refused("no"))]
    results = run(
        plan(
            step("group:g"),
            step("project:a"),
            step("content:a", "project:a"),
            step("access:a", "content:a", "group:g"),
        ),
        providers,
        journal,
    )
    assert results["content:a"].state == "done"
    assert results["access:a"].state == "skipped"
