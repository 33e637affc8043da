"""Step announce: a note stands on a change, once."""

from __future__ import annotations

import dataclasses

from saltern.steps import FAILED
from tests.providers.changes import NOTE_TAG, note_step, said
from tests.providers.gerrit_fixtures import apply_one, look


def notes(review, change):
    """Return the notes that stand on the change."""
    return said(review, change, NOTE_TAG)


def seen(provider, change):
    """Return what the provider observes of the change's commit and of one without a change."""
    commits = [change.commit, "0" * 39 + "1"]
    request = {"project": change.project, "branch": "master", "commits": commits}
    return look(provider, changes=request)["changes"]


def test_note_is_posted_once(review, provider, change):
    """Asked three times, twice at once, the note stands once."""
    step = note_step(change)
    assert apply_one(provider, step).ok
    twice = provider.apply([step, dataclasses.replace(step, name="again")])
    assert all(outcome.ok for outcome in twice)
    assert len(notes(review, change)) == 1
    assert "all done" in notes(review, change)[0]


def test_observation_tells_which_changes_are_noted(review, provider, change):
    """A commit's change is found with its number; commits of no change are absent."""
    before = seen(provider, change)
    assert before.keys() == {change.commit}
    assert before[change.commit]["number"] == change.number
    assert before[change.commit]["noted"] is False
    assert apply_one(provider, note_step(change)).ok
    assert seen(provider, change)[change.commit]["noted"] is True


def test_lost_answer_does_not_double_the_note(review, provider, change):
    """A note whose answer got lost is found standing."""
    review.fault("cut-calls", method="POST", path="/review")
    assert apply_one(provider, note_step(change)).ok
    assert len(notes(review, change)) == 1


def test_long_note_is_cut(review, provider, change):
    """A note longer than Gerrit takes is cut and says so."""
    assert apply_one(provider, note_step(change, "x" * 50_000)).ok
    assert "cut off here" in notes(review, change)[0]


def test_missing_change_fails(provider, change):
    """A change that is not there is a failed step."""
    step = note_step(dataclasses.replace(change, number=999_999))
    assert apply_one(provider, step).status == FAILED
