"""Step group: made one at a time, never twice, without members."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from saltern.providers.gerrit import GerritProvider
from saltern.steps import FAILED, RETRY
from tests.providers.gerrit_fixtures import apply_one, group_step, q


@pytest.mark.parametrize("stem", ["core", "zwei Wörter", "a+b", "team/core", "50%"])
def test_missing_group_is_made_without_members(review, provider, stem):
    """The group is owned as asked, visible, and nobody is in it."""
    name = review.name(stem)
    outcome = apply_one(provider, group_step(name))
    assert outcome.ok, outcome
    detail = review.rest("GET", f"/groups/{q(name)}/detail")
    assert outcome.evidence == {"uuid": detail["id"]}
    assert detail["owner"] == "Administrators"
    assert detail["options"] == {"visible_to_all": True}
    assert detail["members"] == []


def test_group_that_owns_itself_has_no_members_either(review, provider):
    """The group that is to own the others is made empty too."""
    name = review.name("owner")
    assert apply_one(provider, group_step(name, owner=name)).ok
    detail = review.rest("GET", f"/groups/{name}/detail")
    assert (detail["owner"], detail["members"]) == (name, [])


def test_existing_group_is_done(review, provider):
    """A group made by another meanwhile counts, and stays as it is."""
    name = review.name("g")
    made = review.rest("PUT", f"/groups/{name}", {"description": "mine"})
    assert apply_one(provider, group_step(name)).evidence == {"uuid": made["id"]}
    assert review.rest("GET", f"/groups/{name}")["description"] == "mine"


def test_group_in_another_case_is_named(review, provider):
    """Gerrit says only "already exists"; the outcome says which group is in the way."""
    name = review.name("grp")
    review.rest("PUT", f"/groups/{name}", {})
    outcome = apply_one(provider, group_step(name.upper()))
    assert (outcome.status, outcome.code) == (FAILED, "group-name-taken")
    assert repr(name) in outcome.reason


def test_outer_spaces_are_refused(review, provider):
    """Gerrit would make another name of it in silence."""
    name = review.name("g") + " "
    assert apply_one(provider, group_step(name)).status == FAILED
    assert review.raw("GET", f"/groups/{q(name.strip())}").status_code == 404


def test_unknown_owner_fails(review, provider):
    """A group that no one could own is not made."""
    name = review.name("g")
    outcome = apply_one(provider, group_step(name, owner="no such owner"))
    assert outcome.status == FAILED
    assert "no such owner" in outcome.reason
    assert review.raw("GET", f"/groups/{name}").status_code == 404


def test_lost_answer_is_looked_up(review, provider):
    """A creation whose answer got lost is found done."""
    name = review.name("g")
    review.fault("cut-calls", method="PUT", path=name)
    assert apply_one(provider, group_step(name)).ok


def test_lock_failure_is_worth_a_retry(review, provider):
    """A 503 is retried, and the next attempt makes the group."""
    name = review.name("g")
    review.fault("refuse-calls", method="PUT", path=name, status=503, text="Lock failure")
    outcome = apply_one(provider, group_step(name))
    assert outcome.status == RETRY
    assert "Lock failure" in outcome.reason
    assert apply_one(provider, group_step(name)).ok


def test_held_lock_is_not_asked_for_by_every_group(review, provider):
    """A lock a killed server left costs two waits a batch; all are retried, with the remedy."""
    review.fault("refuse-calls", method="PUT", path="groups", text="Lock failure", count=0)
    before = len(review.calls("rest"))
    outcomes = provider.apply([group_step(review.name("g")) for _ in range(6)])
    assert {outcome.status for outcome in outcomes} == {RETRY}
    assert "group-names.lock" in outcomes[0].reason
    puts = [call for call in review.calls("rest")[before:] if call["method"] == "PUT"]
    assert len(puts) == 2
    review.clear()
    assert all(outcome.ok for outcome in provider.apply([group_step(review.name("g"))]))


def test_creations_never_overlap(review, tmp_path):
    """Two providers over one cache directory make groups one at a time: no rival gets a 503."""
    review.fault("contend-groups", ms=50, limit=1, count=0)
    batches = [[group_step(review.name("g")) for _ in range(5)] for _ in range(2)]

    def run(steps):
        with GerritProvider(review.settings(tmp_path / "cache")) as provider:
            return provider.apply(steps)

    with ThreadPoolExecutor(2) as pool:
        outcomes = [outcome for batch in pool.map(run, batches) for outcome in batch]
    assert [outcome for outcome in outcomes if not outcome.ok] == []


def test_unfit_name_does_not_stop_the_others(review, provider):
    """One group's failure is its own."""
    good = [review.name("g"), review.name("g")]
    steps = [group_step(good[0]), group_step("a\nb"), group_step(good[1])]
    outcomes = provider.apply(steps)
    assert [outcome.status for outcome in outcomes] == ["done", "failed", "done"]
