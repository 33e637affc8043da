"""The stand-in's misbehaviour on demand."""

from __future__ import annotations

import queue
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests
from client import PATIENCE, wait_for


def branches(client, project: str) -> list[str]:
    return [row["ref"] for row in client.rest("GET", f"/projects/{project}/branches/")[1]]


def test_refused_call_has_no_effect_and_next_one_passes(client):
    """count=1 refuses one matching call only, and nothing is made by it."""
    client.standin.fault("refuse-calls", method="PUT", path="/projects/", status=503, text="busy")
    assert client.rest("PUT", "/projects/r1", {}) == (503, "busy\n")
    assert client.rest("GET", "/projects/r1")[0] == 404
    assert client.rest("PUT", "/projects/r1", {})[0] == 201


def test_skip_lets_calls_pass_before_the_refusal(client):
    """skip=1 refuses the second matching call."""
    client.standin.fault("refuse-calls", method="PUT", path="/groups/", skip=1)
    statuses = [client.rest("PUT", f"/groups/s{n}", {})[0] for n in range(3)]
    assert statuses == [201, 503, 201]


def test_held_call_waits_until_the_fault_is_cleared(client):
    """A call is caught before its effect, goes on when released, and others pass meanwhile."""
    client.standin.fault("hold-calls", method="PUT", path="/projects/held")
    with ThreadPoolExecutor(1) as pool:
        creation = pool.submit(client.rest, "PUT", "/projects/held", {})
        assert client.rest("PUT", "/projects/passes", {})[0] == 201
        assert client.rest("GET", "/projects/held")[0] == 404
        assert not creation.done()
        client.standin.clear_faults()
        assert creation.result()[0] == 201


def test_cut_call_takes_effect_without_an_answer(client):
    """The client cannot know, and the project is there."""
    client.standin.fault("cut-calls", method="PUT", path="/projects/")
    with pytest.raises(requests.ConnectionError):
        client.rest("PUT", "/projects/cut", {})
    assert client.rest("GET", "/projects/cut")[0] == 200


def test_refused_push_names_reason_per_ref(client):
    """Only refs that match are refused; the others of the same push are made."""
    client.rest("PUT", "/projects/rp", {})
    client.standin.fault("refuse-pushes", project="rp", ref="refs/heads/b", text="no such luck")
    tree = client.work_tree("rp")
    done = client.git("push", client.url("rp"), "master:a", "master:b", cwd=tree)
    assert done.returncode == 1
    assert "[remote rejected] master -> b (no such luck)" in done.stderr
    assert "refs/heads/a" in branches(client, "rp")
    assert "refs/heads/b" not in branches(client, "rp")


@pytest.mark.parametrize(
    ("stage", "refs"),
    [("none", ["HEAD"]), ("config", ["HEAD", "refs/meta/config"])],
    ids=["no-ref-at-all", "no-branch"],
)
def test_half_made_project_is_there_and_answers_409(client, stage, refs):
    """What a kill leaves behind can be made without a kill."""
    name = f"half-{stage}"
    client.standin.fault("half-made", project=name, stage=stage)
    with pytest.raises(requests.ConnectionError):
        client.rest("PUT", f"/projects/{name}", {"create_empty_commit": True})
    assert client.rest("GET", f"/projects/{name}")[0] == 200
    assert branches(client, name) == refs
    again = client.rest("PUT", f"/projects/{name}", {"create_empty_commit": True})
    assert again == (409, f'Project "{name}" already exists\n')


def test_half_made_project_with_lock_refuses_that_branch_only(client):
    """A leftover lock file blocks its ref; another branch can be pushed."""
    client.standin.fault("half-made", project="locked", stage="lock")
    with pytest.raises(requests.ConnectionError):
        client.rest("PUT", "/projects/locked", {"create_empty_commit": True})
    tree = client.work_tree("locked")
    refused = client.git("push", client.url("locked"), "master", cwd=tree)
    assert "(failed to lock)" in refused.stderr
    assert client.git("push", client.url("locked"), "master:other", cwd=tree).returncode == 0


@pytest.mark.parametrize(
    ("point", "refs"),
    [
        ("call.before", None),
        ("project.repo", ["HEAD"]),
        ("project.config", ["HEAD", "refs/meta/config"]),
        ("call.after", ["HEAD", "refs/meta/config", "refs/heads/master"]),
    ],
)
def test_death_during_creation_leaves_what_was_done_before(client, point, refs):
    """SIGKILL at each point: after the restart exactly the steps before it are there."""
    name = f"dead-{point}"
    client.standin.fault("die", at=point, match=name)
    with pytest.raises(requests.ConnectionError):
        client.rest("PUT", f"/projects/{name}", {"create_empty_commit": True})
    client.standin.wait_dead()
    client.standin.restart()
    if refs is None:
        assert client.rest("GET", f"/projects/{name}")[0] == 404
    else:
        assert branches(client, name) == refs


def test_death_after_push_keeps_the_ref_the_client_never_heard_of(client):
    """The push fails for the client, the branch is there."""
    client.rest("PUT", "/projects/dp", {})
    tree = client.work_tree("dp")
    client.standin.fault("die", at="push.after", match="dp refs/heads/master")
    assert client.git("push", client.url("dp"), "master", cwd=tree).returncode != 0
    client.standin.wait_dead()
    client.standin.restart()
    assert "refs/heads/master" in branches(client, "dp")


def test_cut_streams_end_with_255_and_missed_events_stay_missed(client, stream):
    """A listener that was cut gets nothing of what happened while it was away."""
    client.standin.fault("cut-streams")
    assert stream.next() is None
    assert stream.process.wait(PATIENCE) == 255
    client.rest("PUT", "/projects/missed", {})
    again = client.listen()
    client.rest("PUT", "/projects/seen", {})
    assert again.next()["projectName"] == "seen"
    again.close()


def test_stalled_stream_drops_what_exceeds_its_queue(client, stream):
    """128 events wait; the marker of the loss comes before them."""
    client.rest("PUT", "/projects/st", {"create_empty_commit": True})
    stream.until("ref-updated")
    stream.until("ref-updated")
    client.standin.fault("stall-streams")
    for number in range(140):
        client.rest("PUT", f"/projects/st/branches/b{number}", {})
    client.standin.clear_faults()
    assert stream.next()["type"] == "dropped-output"
    refs = [stream.next()["refUpdate"]["refName"] for _ in range(128)]
    assert refs == [f"refs/heads/b{number}" for number in range(128)]
    client.rest("PUT", "/projects/after-loss", {})
    assert stream.next()["projectName"] == "after-loss"


def test_lagging_events_come_after_the_answer(client, stream):
    """With a lag the stream is still silent when the call has returned."""
    client.standin.fault("lag-events", ms=4000)
    client.rest("PUT", "/projects/lag", {})
    with pytest.raises(queue.Empty):
        stream._lines.get_nowait()
    assert stream.next()["projectName"] == "lag"


def test_lagging_search_misses_new_projects_that_other_ways_find(client):
    """query= lacks them; prefix listing and GET have them."""
    client.standin.fault("lag-search")
    client.rest("PUT", "/projects/unindexed", {})
    assert client.rest("GET", "/projects/?query=name:unindexed")[1] == []
    assert "unindexed" in client.rest("GET", "/projects/?p=unindexed")[1]
    client.standin.clear_faults()
    assert len(client.rest("GET", "/projects/?query=name:unindexed")[1]) == 1


def test_contended_group_creations_end_with_503_beyond_the_limit(client):
    """All at once: some are told to come back, nothing of theirs is made, later they pass."""
    client.standin.fault("contend-groups", ms=50, limit=3, gather=8)
    with ThreadPoolExecutor(8) as pool:
        calls = [pool.submit(client.rest, "PUT", f"/groups/c{n}", {}) for n in range(8)]
        answers = [call.result() for call in calls]
    refused = [n for n, (status, _) in enumerate(answers) if status == 503]
    assert len(refused) == 5
    assert all("Lock failure" in answers[n][1] for n in refused)
    assert all(client.rest("GET", f"/groups/c{n}")[0] == 404 for n in refused)
    assert all(client.rest("PUT", f"/groups/c{n}", {})[0] == 201 for n in refused)


def test_slow_creation_shows_the_project_before_its_config(client):
    """While it is made, others see GET 200 without refs/meta/config."""
    client.standin.fault("slow-create", project="slow", ms=120_000)
    with ThreadPoolExecutor(1) as pool:
        creation = pool.submit(client.rest, "PUT", "/projects/slow", {"create_empty_commit": True})
        wait_for(lambda: client.rest("GET", "/projects/slow")[0] == 200)
        assert branches(client, "slow") == ["HEAD"]
        client.standin.clear_faults()
        assert creation.result()[0] == 201
    assert branches(client, "slow") == ["HEAD", "refs/meta/config", "refs/heads/master"]


def test_same_project_at_once_is_made_once(client):
    """One 201, seven 409 in one of the two wordings."""
    with ThreadPoolExecutor(8) as pool:
        calls = [pool.submit(client.rest, "PUT", "/projects/race", {}) for _ in range(8)]
        answers = [call.result() for call in calls]
    assert sorted(status for status, _ in answers) == [201] + [409] * 7
    texts = {text for status, text in answers if status == 409}
    assert texts <= {
        'Project "race" already exists\n',
        "Cannot create race because the name is already occupied by another project.\n",
    }
