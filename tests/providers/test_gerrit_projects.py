"""Step project: made, found, repaired."""

from __future__ import annotations

import pytest

from saltern.steps import FAILED, RETRY
from tests.providers.gerrit_fixtures import apply_one, look, project_step, q


@pytest.mark.parametrize("stem", ["plain", "team/sub", "mit Leer ä日本", "a+b&c=d,'q'"])
def test_missing_project_is_made_as_asked(review, provider, stem):
    """Parent, description and HEAD are the wanted ones, whatever the name."""
    parent, name = review.name("parent"), review.name(stem)
    text = 'Zeile ä "q" # x ; \\ $(id) {{ 1 }}\n\nzwei'
    assert apply_one(provider, project_step(parent)).ok
    outcome = apply_one(provider, project_step(name, parent, text, "main"))
    assert outcome.ok, outcome
    assert outcome.evidence == {"config": review.tip(name)}
    info = review.rest("GET", f"/projects/{q(name)}")
    assert (info["parent"], info["description"]) == (parent, text)
    assert review.rest("GET", f"/projects/{q(name)}/HEAD") == "refs/heads/main"


def test_project_made_by_another_meanwhile_is_done(review, provider):
    """A 409 is looked behind: what is there and right counts as done."""
    name = review.name()
    review.rest("PUT", f"/projects/{name}", {})
    outcome = apply_one(provider, project_step(name, description="now described"))
    assert outcome.ok
    assert review.rest("GET", f"/projects/{name}")["description"] == "now described"


@pytest.mark.parametrize("stage", ["none", "config"])
def test_creation_cut_short_is_repaired_at_once(review, provider, stage):
    """A creation that leaves half a project and no answer ends as a whole one."""
    parent, name = review.name("parent"), review.name()
    assert apply_one(provider, project_step(parent)).ok
    review.fault("half-made", project=name, stage=stage)
    outcome = apply_one(provider, project_step(name, parent, "described"))
    assert outcome.ok, outcome
    info = review.rest("GET", f"/projects/{name}")
    assert (info["parent"], info["description"]) == (parent, "described")
    assert review.tip(name) == outcome.evidence["config"]


def test_half_made_project_of_an_earlier_kill_is_repaired(review, provider):
    """A project listed without refs/meta/config is seen as such and gets what it lacks."""
    parent, name = review.name("parent"), review.name()
    assert apply_one(provider, project_step(parent)).ok
    review.fault("half-made", project=name, stage="none")
    with pytest.raises(Exception, match="Connection aborted|closed"):
        review.raw("PUT", f"/projects/{name}", {"parent": parent})
    assert look(provider, name)["projects"][name]["config"] is None
    step = project_step(name, parent, "described", exists=True)
    assert apply_one(provider, step).ok
    seen = look(provider, name)["projects"][name]
    assert seen["config"]
    assert (seen["parent"], seen["description"]) == (parent, "described")


def test_lost_answer_is_looked_up(review, provider):
    """A creation whose answer got lost is found done, and asked for once."""
    name = review.name()
    review.fault("cut-calls", method="PUT", path=name)
    assert apply_one(provider, project_step(name)).ok
    puts = [c for c in review.calls("rest") if c["method"] == "PUT" and c["path"].endswith(name)]
    assert len(puts) == 1


def test_lost_request_is_worth_a_retry(review, provider):
    """A server that dies before the effect leaves nothing, and the outcome says retry."""
    name = review.name()
    review.fault("refuse-calls", method="PUT", path=name, status=503, text="Lock failure")
    outcome = apply_one(provider, project_step(name))
    assert (outcome.status, outcome.code) == (RETRY, "locked")
    assert "Lock failure" in outcome.reason
    assert "remove it" in outcome.reason
    assert apply_one(provider, project_step(name)).ok


def test_missing_parent_is_worth_a_retry(review, provider):
    """A parent that is not visible yet makes the child wait; nothing is made."""
    name = review.name()
    outcome = apply_one(provider, project_step(name, parent=review.name("nowhere")))
    assert (outcome.status, outcome.code) == (RETRY, "parent-missing")
    assert review.raw("GET", f"/projects/{name}").status_code == 404


@pytest.mark.parametrize("name", ["a//b", "x/../y", "bad?name", "..", "new\nline", ""])
def test_impossible_name_fails_with_a_reason(review, provider, name):
    """A name Gerrit does not take fails its own step only."""
    good = review.name()
    bad, fine = provider.apply([project_step(name), project_step(good)])
    assert bad.status == FAILED
    assert bad.reason
    assert fine.ok


def test_long_description_arrives_whole(review, provider):
    """A description of 100,000 characters is no trouble."""
    name, text = review.name(), "lang " * 20_000 + "!"
    assert apply_one(provider, project_step(name, description=text)).ok
    assert review.rest("GET", f"/projects/{name}")["description"] == text


def test_differing_description_alone_is_set(review, provider):
    """An existing project gets the description and keeps its parent."""
    parent, name = review.name("parent"), review.name()
    provider.apply([project_step(parent)])
    provider.apply([project_step(name, parent, "old")])
    config = look(provider, name)["projects"][name]["config"]
    step = project_step(name, "All-Projects", "new", exists=True, config=config)
    assert apply_one(provider, step).ok
    info = review.rest("GET", f"/projects/{name}")
    assert (info["parent"], info["description"]) == (parent, "new")


def test_many_projects_are_all_accounted_for(review, provider):
    """Each step of a batch has one outcome, in the order of the steps."""
    steps = [project_step(review.name()) for _ in range(12)]
    outcomes = provider.apply(steps)
    assert [outcome.step for outcome in outcomes] == [step.key for step in steps]
    assert all(outcome.ok for outcome in outcomes)


def test_read_back_that_fails_is_never_done(review, provider):
    """Without a read-back nothing is recorded as done."""
    name = review.name()
    review.fault("refuse-calls", method="GET", path="projects/\\?", status=503, count=0)
    outcome = apply_one(provider, project_step(name))
    assert (outcome.status, outcome.code) == (RETRY, "read-back")
