"""Step review: one review on the current patch set, and what is observed of changes."""

from __future__ import annotations

import dataclasses

from saltern.steps import FAILED
from tests.providers.changes import observed, review_step, said
from tests.providers.gerrit_fixtures import apply_one


def step(change, **more):
    """Return the step that reviews `change`; its comments stand on the commit message."""
    row = {"line": 1, "message": "Here", "unresolved": False}
    return review_step(change, **{"comments": {"/COMMIT_MSG": [row]}, **more})


def test_review_is_posted_once(review, provider, change):
    """Asked three times, twice at once, message and comment stand once."""
    first = apply_one(provider, step(change))
    assert (first.ok, first.evidence["posted"]) == (True, True)
    again = provider.apply([step(change), dataclasses.replace(step(change), name="again")])
    assert [outcome.evidence["posted"] for outcome in again] == [False, False]
    assert len(said(review, change)) == 1
    comments = review.rest("GET", f"/changes/{change.number}/comments")
    assert [row["message"] for row in comments["/COMMIT_MSG"]] == ["Here"]


def test_lost_answer_does_not_double_the_review(review, provider, change):
    """A review whose answer got lost is found standing."""
    review.fault("cut-calls", method="POST", path="/review")
    assert apply_one(provider, step(change)).ok
    assert len(said(review, change)) == 1


def test_patch_set_that_is_no_longer_current_is_refused(review, provider, change):
    """What is told is told of what stands there now."""
    old = dataclasses.replace(change, commit="0" * 39 + "1")
    outcome = apply_one(provider, step(old))
    assert (outcome.status, outcome.code) == (FAILED, "outdated")
    assert said(review, change) == []


def test_vote_is_given_and_an_unknown_label_is_told(review, provider, change):
    """Gerrit ignores an unknown label with 200; the evidence does not."""
    assert apply_one(provider, step(change, label="Nope")).evidence["vote"] == "unknown label"
    info = review.rest("GET", f"/changes/{change.number}?o=DETAILED_LABELS")
    assert "Nope" not in info["labels"]


def test_vote_that_is_not_permitted_leaves_the_review(review, provider, change):
    """403 costs the vote, not the picture."""
    review.fault("refuse-calls", method="POST", path="/review", status=403, text="restricted")
    outcome = apply_one(provider, step(change, label="Code-Review"))
    assert (outcome.ok, outcome.evidence["vote"]) == (True, "not permitted")
    assert len(said(review, change)) == 1


def test_comment_on_an_untouched_file_costs_the_comments_only(review, provider, change):
    """Gerrit refuses the whole review for it; message and vote stand, with Gerrit's words."""
    more = {"comments": {"x.txt": [{"line": 1, "message": "x"}]}, "label": "Code-Review"}
    outcome = apply_one(provider, step(change, **more))
    assert (outcome.ok, outcome.evidence["vote"]) == (True, "given")
    assert "x.txt not found in revision" in outcome.evidence["refused"]
    (told,) = said(review, change)
    assert "which Gerrit refused: file x.txt not found in revision" in told


def test_observation_tells_which_patch_sets_have_a_picture(review, provider, change):
    """Listed and looked up alike; a change that is not there gives no row."""
    (row,) = observed(provider, change.project)
    assert (row["number"], row["revision"], row["pictured"]) == (change.number, change.commit, [])
    assert apply_one(provider, step(change)).ok
    assert [row["pictured"] for row in observed(provider, change.project)] == [[1]]
    (row,) = observed(provider, change.project, change.number)
    assert (row["patch_set"], row["pictured"], row["status"]) == (1, [1], "NEW")
    assert row["message"].startswith("A change")
    assert row["refs"]["1"] == row["ref"]
    assert -2 in row["votes"]["Code-Review"]
    assert observed(provider, change.project, 999_999) == []


def test_change_of_another_project_is_not_found(review, provider, change):
    """A forged number leads nowhere: a change is looked up below the registry's project."""
    other = dataclasses.replace(change, project="All-Projects")
    assert observed(provider, other.project, change.number) == []
