"""Step access: refs/meta/config carries the ACL, whatever state or race stands in between."""

from __future__ import annotations

import stat
from concurrent.futures import ThreadPoolExecutor

import pytest

from saltern.providers.gerrit import GerritProvider
from saltern.steps import FAILED, RETRY
from tests.providers.gerrit_fixtures import (
    access_step,
    acl,
    apply_one,
    content_step,
    group_step,
    look,
    project_step,
)

READ_ONLY = ("[project]", "\tstate = read only")


@pytest.fixture
def project(review, provider):
    """A project with refs/meta/config and no branch."""
    name = review.name()
    assert apply_one(provider, project_step(name, description="kept")).ok
    return name


def test_acl_arrives_byte_for_byte_with_its_groups(review, provider, project):
    """project.config is the text given; groups holds every name with the server's UUID."""
    group = review.name("g w ä")
    uuid = apply_one(provider, group_step(group)).evidence["uuid"]
    text = acl(
        '[access "refs/heads/*"]',
        f"   push =   group {group}  ; why",
        "\tread = group Registered Users",
    )
    groups = {group: uuid, "Registered Users": "global:Registered-Users"}
    outcome = apply_one(provider, access_step(project, text, groups))
    assert outcome.ok, outcome
    assert outcome.evidence == {"config": review.tip(project)}
    assert review.file(project, "project.config") == text
    lines = review.file(project, "groups").splitlines()
    assert f"{uuid}\t{group}" in lines
    assert "global:Registered-Users\tRegistered Users" in lines
    seen = look(provider, project)["projects"][project]["access"]
    assert seen["digest"] == access_step(project, text).payload["digest"]
    assert seen["wrong_groups"] == []


def test_cold_project_costs_one_put_and_one_push(review, provider):
    """First commit and ACL travel in one push, without asking what is known."""
    name = review.name()
    before = len(review.calls())
    made = apply_one(provider, project_step(name))
    config = made.evidence["config"]
    steps = [content_step(name), access_step(name, acl(), base=config, fresh=True)]
    assert all(outcome.ok for outcome in provider.apply(steps))
    calls = review.calls()[before:]
    writes = [c for c in calls if c.get("method") in ("PUT", "POST", "DELETE")]
    assert [c["method"] for c in writes if c["kind"] == "rest"] == ["PUT"]
    pushes = [c for c in calls if c["kind"] == "git"]
    assert [sorted(c["refs"]) for c in pushes] == [["refs/heads/master", "refs/meta/config"]]


def test_whole_chain_of_a_project_in_one_batch_is_done(review, provider):
    """Project, content and access may come together, in any order."""
    name = review.name()
    steps = [access_step(name, acl()), content_step(name), project_step(name)]
    assert [outcome.status for outcome in provider.apply(steps)] == ["done"] * 3


def test_failed_project_lets_its_other_steps_wait(review, provider):
    """What depends on a step that failed in the same batch is not tried."""
    name = review.name()
    steps = [project_step(name, parent=review.name("none")), content_step(name)]
    assert [(o.status, o.code) for o in provider.apply(steps)] == [
        (RETRY, "parent-missing"),
        (RETRY, "needs"),
    ]


def test_files_of_others_are_kept(review, provider, project, tmp_path):
    """What else lies in refs/meta/config is there afterwards, modes too."""
    work = tmp_path / "work"
    review.git("clone", "-q", "-c", "core.bare=false", f"{{URL}}/{project}", str(work))
    review.git("fetch", "-q", "origin", "refs/meta/config", cwd=work)
    review.git("checkout", "-q", "FETCH_HEAD", cwd=work)
    (work / "webhooks.config").write_text("[remote]\n")
    (work / "sub").mkdir()
    (work / "sub" / "tool").write_text("x\n")
    (work / "sub" / "tool").chmod(stat.S_IRWXU)
    review.git("add", ".", cwd=work)
    review.git("commit", "-q", "-m", "by hand", cwd=work)
    review.git("push", "-q", "origin", "HEAD:refs/meta/config", cwd=work)
    base = look(provider, project)["projects"][project]["config"]
    assert apply_one(provider, access_step(project, acl(), base=base)).ok
    review.git("fetch", "-q", "origin", "refs/meta/config", cwd=work)
    listed = review.git("ls-tree", "-r", "FETCH_HEAD", cwd=work).splitlines()
    found = {line.split("\t")[1]: line.split()[0] for line in listed}
    assert found == {
        "groups": "100644",
        "project.config": "100644",
        "sub/tool": "100755",
        "webhooks.config": "100644",
    }


def test_acl_that_is_so_already_writes_nothing(review, provider, project):
    """Order and spacing are no difference; the tip stays."""
    text = acl('[access "refs/heads/*"]', "\tpush = group Registered Users")
    groups = {"Registered Users": "global:Registered-Users"}
    assert apply_one(provider, access_step(project, text, groups)).ok
    tip = review.tip(project)
    again = access_step(project, text.replace("\t", "    "), groups, base=tip)
    assert apply_one(provider, again).evidence == {"config": tip}
    assert review.tip(project) == tip


def test_moved_ref_is_written_on_its_new_tip(review, provider, project):
    """A stale base costs a look, not the other's commit."""
    base = review.tip(project)
    review.rest("PUT", f"/projects/{project}/description", {"description": "moved"})
    moved = review.tip(project)
    assert moved != base
    text = acl("[receive]", "\trequireChangeId = false")
    assert apply_one(provider, access_step(project, text, base=base, fresh=True)).ok
    commit = review.rest("GET", f"/projects/{project}/commits/{review.tip(project)}")
    assert [parent["commit"] for parent in commit["parents"]] == [moved]


def test_concurrent_writers_end_with_one_acl_and_no_false_done(review, tmp_path, project):
    """Of writers with different ACLs on one project each says the truth about its own."""
    texts = [acl("[receive]", f"\tmaxObjectSizeLimit = {n}m") for n in range(1, 5)]

    def run(number):
        with GerritProvider(review.settings(tmp_path / str(number))) as provider:
            return apply_one(provider, access_step(project, texts[number]))

    with ThreadPoolExecutor(4) as pool:
        outcomes = list(pool.map(run, range(4)))
    assert {outcome.status for outcome in outcomes} <= {"done", "retry"}
    assert any(outcome.ok for outcome in outcomes)
    final = review.file(project, "project.config")
    assert outcomes[texts.index(final)].ok or any(o.status == RETRY for o in outcomes)


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        (['[access "refs/*"]', "\tpush = group nobody"], 'group "nobody" not in groups'),
        (["[project]", "\tstate = nonsense"], "Invalid value: project.state=nonsense"),
        (["[label"], "Invalid config file project.config"),
    ],
    ids=["unknown group", "bad state", "malformed"],
)
def test_refused_acl_fails_with_gerrits_words(review, provider, project, lines, words):
    """A rejected push is a failed step with the server's reason; the branch beside it is made."""
    step = access_step(project, acl(), config=acl(*lines), digest="of no matter")
    made, refused = provider.apply([content_step(project), step])
    assert made.ok
    assert (refused.status, refused.code) == (FAILED, "push-refused")
    assert words in refused.reason
    assert review.tip(project, "refs/heads/master")


def test_missing_parent_of_an_acl_fails_with_gerrits_words(provider, project):
    """An inheritFrom that leads nowhere is not lost in silence."""
    outcome = apply_one(provider, access_step(project, acl(parent="no/where")))
    assert outcome.status == FAILED
    assert "parent does not exist" in outcome.reason


@pytest.mark.parametrize("text", ["failed to lock", "invalid old id sent"])
def test_lost_race_is_worth_a_retry(review, provider, project, text):
    """A refusal that another writer caused is tried again, and succeeds then."""
    review.fault("refuse-pushes", project=project, ref="refs/meta/config", text=text, count=2)
    outcome = apply_one(provider, access_step(project, acl("[receive]")))
    assert (outcome.status, text in outcome.reason) == (RETRY, True)
    review.clear()
    assert apply_one(provider, access_step(project, acl("[receive]"))).ok


def test_missing_right_names_the_grant(review, provider, project):
    """A refusal for want of rights says what to grant where."""
    text = "prohibited by Gerrit: not permitted: update"
    review.fault("refuse-pushes", project=project, ref="refs/meta/config", text=text)
    outcome = apply_one(provider, access_step(project, acl()))
    assert (outcome.status, outcome.code) == (FAILED, "not-permitted")
    assert "grant Create and Push on refs/meta/config in All-Projects" in outcome.reason


def test_group_without_uuid_is_refused(review, provider, project):
    """No groups file with a hole is ever written."""
    tip = review.tip(project)
    outcome = apply_one(provider, access_step(project, acl(), {"g": None}))
    assert (outcome.status, outcome.code) == (FAILED, "group-missing")
    assert review.tip(project) == tip


def state_of(review, project):
    """Return state and description as Gerrit tells them."""
    info = review.rest("GET", f"/projects/{project}")
    return info["state"], info.get("description")


@pytest.mark.parametrize("state", ["READ_ONLY", "HIDDEN"])
def test_retired_project_takes_a_new_acl_and_stays_retired(review, provider, project, state):
    """The push needs the project writable for a moment; nobody finds it left so."""
    review.rest("PUT", f"/projects/{project}/config", {"state": state, "description": "kept"})
    word = state.lower().replace("_", " ")
    text = acl("[project]", "\tdescription = kept", f"\tstate = {word}", "[receive]")
    step = access_step(project, text, state=state, read_only=True, base=review.tip(project))
    outcome = apply_one(provider, step)
    assert outcome.ok, outcome
    assert state_of(review, project) == (state, "kept")


def test_refused_acl_leaves_a_retired_project_retired(review, provider, project):
    """When the push fails the state before comes back, and the description is kept."""
    body = {"state": "READ_ONLY", "description": "kept"}
    review.rest("PUT", f"/projects/{project}/config", body)
    step = access_step(project, acl(parent="no/where"), state="READ_ONLY", read_only=True)
    outcome = apply_one(provider, step)
    assert outcome.status == FAILED
    assert "parent does not exist" in outcome.reason
    assert state_of(review, project) == ("READ_ONLY", "kept")


def test_state_that_cannot_be_put_back_is_told(review, provider, project):
    """If the project may still be active, the outcome says so beside the push's own reason."""
    review.rest("PUT", f"/projects/{project}/config", {"state": "READ_ONLY"})
    review.fault("refuse-calls", method="PUT", path=f"{project}/config", skip=1, count=0)
    step = access_step(project, acl(parent="no/where"), state="READ_ONLY", read_only=True)
    outcome = apply_one(provider, step)
    assert outcome.status == RETRY
    assert "parent does not exist" in outcome.reason
    assert "was made active" in outcome.reason


def test_project_found_read_only_is_opened_for_the_push(review, provider, project):
    """An observation that is out of date about the state costs nothing but requests."""
    review.rest("PUT", f"/projects/{project}/config", {"state": "READ_ONLY"})
    step = access_step(project, acl(*READ_ONLY), state="READ_ONLY", base=review.tip(project))
    assert apply_one(provider, step).ok
    assert state_of(review, project)[0] == "READ_ONLY"


def test_retired_project_is_made_active_again(review, provider, project):
    """An ACL without a state brings a read-only project back."""
    review.rest("PUT", f"/projects/{project}/config", {"state": "READ_ONLY"})
    assert apply_one(provider, access_step(project, acl(), read_only=True)).ok
    assert state_of(review, project)[0] == "ACTIVE"


GRANTED = ['[access "refs/heads/*"]', "\tpush = group Administrators"]


def grant(review, project):
    """Give a right by hand, as an administrator does."""
    rules = {"push": {"rules": {"Administrators": {}}}}
    review.rest(
        "POST", f"/projects/{project}/access", {"add": {"refs/heads/*": {"permissions": rules}}}
    )


def test_kept_access_stays_and_settings_are_put_in(review, provider, project):
    """Only the settings are written; rights and the groups file stay as the server has them."""
    grant(review, project)
    groups = review.file(project, "groups")
    settings = [["submit", "action", "cherry pick"], ["receive", "requireChangeId", "false"]]
    step = access_step(project, "", keep=["access"], settings=settings, base=review.tip(project))
    assert apply_one(provider, step).ok
    config = review.rest("GET", f"/projects/{project}/config")
    assert config["default_submit_type"]["configured_value"] == "CHERRY_PICK"
    assert config["require_change_id"]["configured_value"] == "FALSE"
    assert "push = group Administrators" in review.file(project, "project.config")
    assert review.file(project, "groups") == groups
    tip = review.tip(project)
    assert apply_one(provider, step).ok
    assert review.tip(project) == tip


def test_kept_settings_stay_and_access_is_written(review, provider, project):
    """Only the rights are written; settings and description stay as the server has them."""
    body = {"description": "by hand", "submit_type": "REBASE_ALWAYS"}
    review.rest("PUT", f"/projects/{project}/config", body)
    text = acl("[receive]", "\trequireChangeId = true", "[submit]", "\taction = cherry pick")
    text += '[access "refs/heads/*"]\n\tread = group Registered Users\n'
    groups = {"Registered Users": "global:Registered-Users"}
    step = access_step(project, text, groups, keep=["settings"], base=review.tip(project))
    assert apply_one(provider, step).ok
    config = review.rest("GET", f"/projects/{project}/config")
    assert config["default_submit_type"]["configured_value"] == "REBASE_ALWAYS"
    assert config["require_change_id"]["configured_value"] == "INHERIT"
    assert config["description"] == "by hand"
    assert "read = group Registered Users" in review.file(project, "project.config")
