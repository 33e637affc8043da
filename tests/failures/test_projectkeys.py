"""What contributors say of a project beside its ACL becomes true, once, and stays so."""

from __future__ import annotations

import json

import pytest
import requests
from scene import make_upstream, reasons

SETTINGS = {
    "use_content_merge": ("use_content_merge", True, "TRUE"),
    "use_contributor_agreements": ("use_contributor_agreements", False, "FALSE"),
    "use_signed_off_by": ("use_signed_off_by", True, "TRUE"),
    "require_change_id": ("require_change_id", False, "FALSE"),
    "create_new_change_for_all_not_in_target": (
        "create_new_change_for_all_not_in_target",
        True,
        "TRUE",
    ),
    "reject_implicit_merges": ("reject_implicit_merges", True, "TRUE"),
    "private_by_default": ("private_by_default", True, "TRUE"),
    "work_in_progress_by_default": ("work_in_progress_by_default", True, "TRUE"),
    "enable_reviewer_by_email": ("enable_reviewer_by_email", True, "TRUE"),
    "match_author_to_committer_date": ("match_author_to_committer_date", True, "TRUE"),
    "reject_empty_commit": ("reject_empty_commit", True, "TRUE"),
}


def settle(scene, **options):
    """Converge, then expect that a further converge has nothing to do."""
    report = scene.converge(**options)
    assert report.exit == 0, report.reason or reasons(report)
    mark = scene.mark()
    again = scene.converge()
    assert (again.status, dict(again.counts)) == ("done", {}), again.steps
    scene.assert_nothing_written(mark)
    assert scene.server.unsupported() == []
    return report


def rest(scene, method, path, body=None):
    """Return the decoded answer of a call as the administrator, and fail on an error."""
    auth = (scene.server.admin_user, scene.server.admin_password)
    url = f"{scene.server.http_url.rstrip('/')}/a{path}"
    response = requests.request(method, url, json=body, auth=auth, timeout=120)
    assert response.ok, f"{method} {path}: {response.status_code} {response.text}"
    return json.loads(response.text.removeprefix(")]}'"))


def info(scene, name, what=""):
    return rest(scene, "GET", f"/projects/{name.replace('/', '%2F')}{what}")


@pytest.mark.parametrize("with_acl", [True, False], ids=["with ACL", "without ACL"])
def test_every_plain_setting_shows_on_the_server(scene, with_acl):
    """Each key stands in Gerrit's own view of the project, beside the ACL or without one."""
    keys = {key: value for key, (_, value, _) in SETTINGS.items()}
    name = scene.project(
        "a",
        acl=scene.rights("core") if with_acl else None,
        submit_type="rebase-always",
        max_object_size_limit="10m",
        **keys,
    )
    settle(scene)
    config = info(scene, name, "/config")
    assert {k: config[f]["configured_value"] for k, (f, _, _) in SETTINGS.items()} == {
        k: shown for k, (_, _, shown) in SETTINGS.items()
    }
    assert config["default_submit_type"]["configured_value"] == "REBASE_ALWAYS"
    assert config["max_object_size_limit"]["configured_value"] == "10m"


def test_setting_taken_back_is_inherited_again(scene):
    """``inherit`` takes a setting out of project.config."""
    name = scene.project("a", acl=scene.rights("core"), require_change_id=False)
    settle(scene)
    scene.entries[0]["require-change-id"] = "inherit"
    scene.save()
    settle(scene)
    assert info(scene, name, "/config")["require_change_id"]["configured_value"] == "INHERIT"


def test_settings_without_acl_keep_what_stands_there(scene):
    """A project without an ACL file keeps the rights that somebody gave it by hand."""
    name = scene.project("a", submit_type="cherry-pick")
    settle(scene)
    add = {"add": {"refs/heads/*": {"permissions": {"push": {"rules": {"Administrators": {}}}}}}}
    rest(scene, "POST", f"/projects/{name.replace('/', '%2F')}/access", add)
    scene.entries[0]["submit-type"] = "merge-always"
    scene.save()
    settle(scene)
    assert "refs/heads/*" in info(scene, name, "/access")["local"]
    config = info(scene, name, "/config")
    assert config["default_submit_type"]["configured_value"] == "MERGE_ALWAYS"


@pytest.mark.parametrize("with_acl", [True, False], ids=["with ACL", "without ACL"])
def test_states_come_and_go(scene, with_acl):
    """Active, read-only, hidden and active again, each proved on the server."""
    name = scene.project("a", acl=scene.rights("core") if with_acl else None)
    settle(scene)
    for word in ("read-only", "hidden", "active"):
        scene.entries[0]["state"] = word
        scene.save()
        settle(scene)
        assert info(scene, name)["state"] == word.upper().replace("-", "_")


def test_retired_project_has_the_settings_description_and_acl(scene):
    """``retired`` makes it read-only, described and with rights as the settings say."""
    shared = scene.registry / "gerrit/acls/retired.config"
    shared.write_text('[access "refs/*"]\n\tread = group Registered Users\n')
    scene.more = {"retired_description": "RETIRED: {description}", "retired_acl": "retired.config"}
    name = scene.project("a", acl=scene.rights("core"), description="{{ 7 * 7 }} {0} $HOME")
    settle(scene)
    scene.entries[0]["retired"] = True
    scene.save()
    settle(scene)
    found = info(scene, name)
    assert (found["state"], found["description"]) == ("READ_ONLY", "RETIRED: {{ 7 * 7 }} {0} $HOME")
    assert list(info(scene, name, "/access")["local"]) == ["refs/*"]


def test_retiring_too_many_at_once_is_refused(scene):
    """The share limit counts the keys ``retired`` and ``state``, also without ACL files."""
    names = [scene.project(f"p{number}") for number in range(5)]
    settle(scene)
    for number, keys in enumerate([{"retired": True}, {"state": "hidden"}, {"state": "read-only"}]):
        scene.entries[number].update(keys)
    scene.save()
    report = scene.converge()
    assert report.status == "refused"
    assert "3 of 5 active projects" in report.reason
    assert {info(scene, name)["state"] for name in names} == {"ACTIVE"}


def test_parent_key_moves_a_project_with_and_without_acl(scene):
    """``parent`` beats the default; the parent is made first."""
    plain = scene.project("plain", parent=f"{scene.prefix}/base")
    filed = scene.project("filed", acl=scene.rights("core"), parent=f"{scene.prefix}/base")
    base = scene.project("base")
    settle(scene)
    assert {info(scene, name)["parent"] for name in (plain, filed)} == {base}
    other = scene.project("other")
    for entry in scene.entries[:2]:
        entry["parent"] = other
    scene.save()
    settle(scene)
    assert {info(scene, name)["parent"] for name in (plain, filed)} == {other}


def test_contradicting_parents_and_states_are_found_at_both_places(scene):
    """Each of the two places is named, and the project is held up."""
    acl = "[access]\n\tinheritFrom = All-Users\n[project]\n\tstate = hidden\n"
    scene.project("a", acl=acl, parent="All-Projects", state="active")
    report = scene.converge()
    said = [
        line.split(": ")[0:2] for line in report.findings if "SLT016" in line or "SLT018" in line
    ]
    assert len(said) == 4
    assert {place.partition(":")[0] for place, _ in said} == {
        "gerrit/projects.yaml",
        f"gerrit/acls/{scene.prefix}/a.config",
    }
    assert not scene.reader.projects().keys() & {f"{scene.prefix}/a"}


def test_changed_default_branch_is_made_at_head_and_becomes_head(scene):
    """The new default branch starts where the old one is; nothing unrelated is made."""
    name = scene.project("a", acl=scene.rights("core"))
    settle(scene)
    before = scene.reader.refs(name)["refs/heads/master"]
    scene.entries[0]["default-branch"] = "main"
    scene.save()
    settle(scene)
    refs = scene.reader.refs(name)
    assert (refs["refs/heads/main"], refs["refs/heads/master"]) == (before, before)
    assert info(scene, name, "/HEAD") == "refs/heads/main"


HOSTILE = [
    "{{ 7 * 7 }}",
    "$(touch pwned)",
    "`touch pwned`",
    "a\nb",
    '"; touch pwned; "',
    "--upload-pack=touch pwned",
    "../../escape",
    "x" * 5000,
    "\u202eevil",
    "ünï",
]


@pytest.mark.parametrize(
    "key", ["state", "parent", "submit_type", "max_object_size_limit", "require_change_id"]
)
def test_hostile_value_is_a_finding_and_harms_nobody(scene, key):
    """Text that is no value of the key is refused at its place; the others are served."""
    for number, text in enumerate(HOSTILE):
        scene.project(f"h{number}", acl=scene.rights("core"), **{key: text})
    good = scene.project("good", acl=scene.rights("core"))
    report = scene.converge()
    named = [line for line in report.findings if " error: " in line]
    assert len(named) >= len(HOSTILE)
    assert good in scene.reader.projects()
    assert not list(scene.root.rglob("*pwned*"))


def test_hostile_previous_names_are_findings(scene):
    """No previous name leaves its place or becomes an option."""
    for number, text in enumerate(HOSTILE):
        scene.project(f"h{number}", previously=[text])
    report = scene.converge()
    held = [line for line in report.findings if "SLT024" in line]
    assert len(held) >= len(HOSTILE) - 1  # a long name of letters is a name too long
    assert not list(scene.root.rglob("*pwned*"))


def old_project(scene, tmp_path, name="old"):
    """Make a project with branches and a tag, and return its name and refs."""
    upstream = make_upstream(tmp_path / f"up-{name}", "master", "stable/1", "feature/x")
    made = scene.project(name, acl=scene.rights("core"), upstream=upstream)
    settle(scene)
    return made, scene.reader.refs(made)


def content(refs):
    return {r: c for r, c in refs.items() if r.startswith(("refs/heads/", "refs/tags/"))}


def test_renamed_project_has_the_content_and_the_old_name_points_to_it(scene, tmp_path):
    """All branches and tags move; the old project is read-only and says where it went."""
    old, refs = old_project(scene, tmp_path)
    scene.entries.clear()
    new = scene.project("new", acl=scene.rights("core"), previously=[old])
    settle(scene)
    assert content(scene.reader.refs(new)) == content(refs)
    found = info(scene, old)
    assert (found["state"], found["description"]) == ("READ_ONLY", f"Renamed to {new}.")
    assert content(scene.reader.refs(old)) == content(refs)


def test_name_that_nobody_had_is_said_and_the_project_is_made(scene):
    """Without an old project there is nothing to move, and the plan says so."""
    new = scene.project("new", acl=scene.rights("core"), previously=[f"{scene.prefix}/never"])
    plan, _ = scene.converger().plan()
    assert "nothing to move" in plan.steps[f"project:{new}"].why
    settle(scene)
    assert scene.reader.refs(new)["refs/heads/master"]


def test_project_renamed_twice_ends_under_its_last_name(scene, tmp_path):
    """a to b to c: each step moves the content, and both old names point to c."""
    a, refs = old_project(scene, tmp_path)
    scene.entries.clear()
    b = scene.project("b", acl=scene.rights("core"), previously=[a])
    settle(scene)
    scene.entries.clear()
    c = scene.project("c", acl=scene.rights("core"), previously=[a, b])
    settle(scene)
    assert content(scene.reader.refs(c)) == content(refs)
    for old in (a, b):
        assert info(scene, old)["description"] == f"Renamed to {c}."
        assert info(scene, old)["state"] == "READ_ONLY"


def test_commits_pushed_to_the_old_name_meanwhile_are_moved(scene, tmp_path):
    """What the old name got after the copy and before it was closed is not left behind."""
    old, _ = old_project(scene, tmp_path)
    scene.entries.clear()
    new = scene.project("new", acl=scene.rights("core"), previously=[old])
    scene.server.fault("refuse-calls", method="PUT", path="old/config", count=0)
    assert scene.converge().exit == 1
    scene.server.clear_faults()
    body = {"revision": "refs/heads/master"}
    rest(scene, "PUT", f"/projects/{old.replace('/', '%2F')}/branches/late", body)
    settle(scene)
    assert "refs/heads/late" in scene.reader.refs(new)


@pytest.mark.parametrize("refused", ["refs/heads/stable/1", "refs/heads/master"])
def test_move_cut_short_is_taken_up_again(scene, tmp_path, refused):
    """A push that fails half way leaves the old name open, and the next run completes it."""
    old, refs = old_project(scene, tmp_path)
    scene.entries.clear()
    new = scene.project("new", acl=scene.rights("core"), previously=[old])
    scene.server.fault("refuse-pushes", project=new, ref=refused, text="internal error")
    assert scene.converge().exit == 1
    assert info(scene, old)["state"] == "ACTIVE"
    scene.server.clear_faults()
    settle(scene)
    assert content(scene.reader.refs(new)) == content(refs)
    assert info(scene, old)["state"] == "READ_ONLY"


def test_drift_is_reported_and_the_run_is_done(scene):
    """Under report a right given by hand stays, stands in the report, and fails nothing."""
    scene.more = {"policy": {"access": "report"}}
    name = scene.project("a", acl=scene.rights("core"), description="one")
    settle(scene)
    add = {"add": {"refs/heads/*": {"permissions": {"push": {"rules": {"Administrators": {}}}}}}}
    rest(scene, "POST", f"/projects/{name.replace('/', '%2F')}/access", add)
    scene.entries[0].update({"description": "two", "submit-type": "cherry-pick"})
    scene.save()
    report = scene.converge()
    assert report.exit == 0, reasons(report)
    assert [line.partition(" (")[0] for line in report.drift] == [f"access:{name}: ACL differs"]
    found = info(scene, name, "/access")["local"]["refs/heads/*"]["permissions"]
    assert set(found) == {"push", "submit"}
    assert info(scene, name)["description"] == "two"
    assert info(scene, name, "/config")["default_submit_type"]["configured_value"] == "CHERRY_PICK"
    assert [row["key"] for row in scene.converger().status()["drift"]] == [f"access:{name}"]
    settle(scene)


def test_move_in_the_middle_of_a_kill_ends_the_same(scene, tmp_path, server):
    """The server dies while the content is pushed: the next run ends as an undisturbed one."""
    old, refs = old_project(scene, tmp_path)
    scene.entries.clear()
    new = scene.project("new", acl=scene.rights("core"), previously=[old])
    server.fault("die", at="push.after", match=f"{new} refs/heads/.*")
    report = scene.converge()
    assert report.exit != 0
    server.wait_dead()
    server.restart()
    settle(scene)
    assert content(scene.reader.refs(new)) == content(refs)
    assert info(scene, old)["state"] == "READ_ONLY"


@pytest.mark.parametrize("state", ["read-only", "hidden"])
def test_project_that_is_closed_from_the_start_has_its_content(scene, state):
    """The first commit is proved before the project is closed, in one run."""
    name = scene.project("a", state=state)
    settle(scene)
    assert info(scene, name)["state"] == state.upper().replace("-", "_")
    rest(scene, "PUT", f"/projects/{name.replace('/', '%2F')}/config", {"state": "ACTIVE"})
    assert scene.reader.refs(name)["refs/heads/master"]
