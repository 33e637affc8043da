"""Reviews on changes that hold as many comments, or as much text, as Gerrit takes."""

from __future__ import annotations

import pytest

from saltern.providers.gerrit import GerritProvider
from saltern.providers.gerrit.admin import access_present
from saltern.steps import FAILED
from tests.providers.changes import MARK, review_step, said
from tests.providers.gerrit_fixtures import GRANTS, apply_one, start

COMMENTS, SIZE = 8, 12_000


@pytest.fixture(scope="module")
def narrow(tmp_path_factory):
    """A server with limits that a few comments reach."""
    root = tmp_path_factory.mktemp("narrow")
    server = start(root, max_comments=COMMENTS, cumulative_comment_size_limit=SIZE)
    with GerritProvider(server.settings(tmp_path_factory.mktemp("grants"))) as provider:
        access_present(provider.server.client, "All-Projects", GRANTS)
    yield server
    server.process.stop()


@pytest.fixture
def review(narrow):
    """The narrow server takes the place of the usual one."""
    return narrow


def comments(number, size=1):
    """Return so many comments of so many characters."""
    rows = [{"line": 1, "message": f"{n}" * size, "unresolved": False} for n in range(number)]
    return {"/COMMIT_MSG": rows}


def voted(review, change):
    """Return the votes on Code-Review."""
    info = review.rest("GET", f"/changes/{change.number}?o=DETAILED_LABELS")
    rows = info["labels"]["Code-Review"]["all"]
    return [row["value"] for row in rows if row.get("value")]


def test_too_many_comments_are_told_in_the_message_with_the_vote(review, provider, change):
    """The vote and every finding stand; so does why no line has a comment."""
    more = {"comments": comments(COMMENTS), "instead": f"{MARK} {change.commit[:12]}\n\nAll of it."}
    outcome = apply_one(provider, review_step(change, label="Code-Review", **more))
    assert (outcome.ok, outcome.evidence["vote"]) == (True, "given")
    (told,) = said(review, change)
    assert "All of it." in told
    assert "Exceeding maximum number of comments: 1 (existing) + 9 (new) > 8" in told
    assert voted(review, change) == [1]
    assert set(review.rest("GET", f"/changes/{change.number}/comments")) == set()
    assert (
        apply_one(provider, review_step(change, label="Code-Review", **more)).evidence["posted"]
        is False
    )


def test_too_much_text_leaves_the_verdict_and_the_vote(review, provider, change):
    """Where not even the long message fits, its beginning does, with Gerrit's reason."""
    long = f"{MARK} {change.commit[:12]}\n\nNothing is wrong.\n\n" + "x" * SIZE
    outcome = apply_one(
        provider, review_step(change, label="Code-Review", message=long, instead=long)
    )
    assert (outcome.ok, outcome.evidence["vote"]) == (True, "given")
    (told,) = said(review, change)
    assert "Nothing is wrong." in told
    assert "Exceeding maximum cumulative size of comments and change messages" in told
    assert len(told) < 1_000
    assert voted(review, change) == [1]


def test_change_that_is_full_is_a_failed_step_that_says_what_to_do(review, provider, change):
    """Not even a short message is taken then, and so no vote: nobody calls it done."""
    while review.raw(
        "POST", f"/changes/{change.number}/revisions/current/review", {"message": "x"}
    ).ok:
        pass
    outcome = apply_one(provider, review_step(change, label="Code-Review"))
    assert (outcome.status, outcome.code) == (FAILED, "full")
    assert "8 (existing) + 1 (new) > 8" in outcome.reason
    assert "raise change.maxComments" in outcome.reason
