"""``saltern plan --gerrit``: what a merge would do, seen with any rights."""

from __future__ import annotations

import json

import pytest
import yaml

from tests.adopt.conftest import registry, steps, unknown

ACL = '[access "refs/heads/*"]\n\tpush = group {group}\n'


@pytest.fixture
def made(review, converge, tmp_path):
    """Return the directory of a registry of two projects that are in step, and their names."""
    one, two, group = review.name("one"), review.name("two"), review.name("team")
    entries = [{"project": one, "description": "The first"}, {"project": two}]
    root = registry(tmp_path / "checkout", entries, {one: ACL.format(group=group)})
    converge(root)
    return root, one, two


def plan(command, review, root, *words, **login):
    """Return the result of a plan in JSON."""
    path = ("--gerrit", review.url, "--registry", str(root), "--format", "json")
    return command("plan", *path, *words, **login)


def test_server_in_step_administrator_sees_nothing_to_do(command, review, made):
    """All is compared and nothing is found."""
    root, *_ = made
    result = command("plan", "--gerrit", review.url, "--registry", str(root), user=True)
    assert (result.exit_code, result.stdout.splitlines()[-1]) == (0, "nothing to do")
    assert result.stderr == ""


def test_reading_account_needs_no_rights_of_a_converge(command, review, made, plain_user):
    """An account without rights gets a plan; what it cannot read is said and not compared."""
    root, one, _ = made
    result = plan(command, review, root, user=plain_user[0], password=plain_user[1])
    assert (result.exit_code, steps(result)) == (0, {})
    assert unknown(result) == {f"access:{one}": "config-unread"}
    said = "refs/meta/config of 1 project is not readable to you, ACLs not compared"
    assert said in result.stderr
    assert said in json.loads(result.stdout)["unread"][0]


def test_nobody_sees_projects_and_is_told_that_groups_are_not_compared(command, review, made):
    """Without an account a plan is made from what everybody may read."""
    root, one, _ = made
    result = plan(command, review, root)
    assert (result.exit_code, steps(result)) == (0, {})
    assert set(unknown(result).values()) == {"config-unread", "groups-unlisted"}
    assert "Gerrit lists groups to accounts only, not compared: 1 group (" in result.stderr


@pytest.mark.parametrize("login", ["nobody", "reader", "administrator"])
def test_new_project_and_other_description_show_to_everybody(
    command, review, made, plain_user, login
):
    """What anybody can see is planned for anybody."""
    root, one, two = made
    new = review.name("new")
    entries = [{"project": one, "description": "Else"}, {"project": two}, {"project": new}]
    registry(root, entries)
    words = {
        "nobody": {},
        "reader": {"user": plain_user[0], "password": plain_user[1]},
        "administrator": {"user": True},
    }[login]
    result = plan(command, review, root, **words)
    assert (result.exit_code, steps(result)) == (
        1,
        {
            f"project:{one}": "description differs",
            f"project:{new}": "missing",
            f"content:{new}": "no branch master",
        },
    )


def test_changed_acl_shows_as_a_diff_of_what_it_says(command, review, made):
    """Only the rule that differs is in the diff, whatever the layout."""
    root, one, _ = made
    text = (root / f"gerrit/acls/{one}.config").read_text()
    (root / f"gerrit/acls/{one}.config").write_text(
        f'# said anew\n[access "refs/heads/*"]\n  submit = group Administrators\n{text}'
    )
    result = plan(command, review, root, "--diff", user=True)
    (step,) = json.loads(result.stdout)["steps"]
    assert (step["key"], step["why"]) == (f"access:{one}", "ACL differs")
    changed = [line for line in step["diff"] if line[:1] in "+-" and line[:3] not in ("+++", "---")]
    assert changed == ["+\tsubmit = group Administrators"]
    shown = command("plan", "--gerrit", review.url, "--registry", str(root), "--diff", user=True)
    assert "        +    submit = group Administrators\n" in shown.stdout


def test_state_and_parent_differ_to_one_who_cannot_read_the_acl(command, review, made, plain_user):
    """Both are in Gerrit's listing, so they are compared without refs/meta/config."""
    root, one, two = made
    review.rest(
        "PUT", f"/projects/{one}/config", {"state": "READ_ONLY", "description": "The first"}
    )
    result = plan(command, review, root, user=plain_user[0], password=plain_user[1])
    assert steps(result) == {f"access:{one}": "state is READ_ONLY"}
    review.rest("PUT", f"/projects/{one}/config", {"state": "ACTIVE", "description": "The first"})
    review.rest("PUT", f"/projects/{one}/parent", {"parent": two})
    assert steps(plan(command, review, root)) == {
        f"access:{one}": f"parent is {two}, not All-Projects"
    }


def close(review, name: str, ref: str) -> str:
    """Close a ref of a project to all accounts, and return the ACL that says so."""
    rules = {ref: {"permissions": {"read": {"rules": {"Registered Users": {"action": "BLOCK"}}}}}}
    review.rest("POST", f"/projects/{name}/access", {"add": rules})
    return f'[access "{ref}"]\n\tread = block group Registered Users\n'


@pytest.mark.parametrize("there", [True, False], ids=["there", "absent"])
def test_project_closed_to_the_reader_is_not_taken_for_missing(
    command, review, converge, tmp_path, plain_user, there
):
    """A project whose ACL closes it to the reader looks the same whether it is there or not."""
    name, other = review.name("closed"), review.name("other")
    root = registry(tmp_path / "checkout", [{"project": name if there else other}])
    converge(root)
    text = close(review, name if there else other, "refs/*")
    registry(root, [{"project": name}], {name: text})
    result = plan(command, review, root, user=plain_user[0], password=plain_user[1])
    assert (result.exit_code, steps(result)) == (0, {})
    assert unknown(result)[f"project:{name}"] == "project-unlisted"
    assert "not listed to you but perhaps there, not compared: 1 project" in result.stderr


def test_project_whose_branches_are_closed_is_not_taken_for_empty(
    command, review, converge, tmp_path, plain_user
):
    """A reader who may not read any branch cannot tell whether there is one."""
    name = review.name("private")
    root = registry(tmp_path / "checkout", [{"project": name}])
    converge(root)
    registry(root, [{"project": name}], {name: close(review, name, "refs/heads/*")})
    result = plan(command, review, root, user=plain_user[0], password=plain_user[1])
    assert (result.exit_code, steps(result)) == (0, {})
    assert unknown(result)[f"content:{name}"] == "content-unread"


def test_hidden_project_is_compared_as_far_as_it_shows(command, review, made):
    """Nobody reads the refs of a hidden project, administrators neither."""
    root, one, two = made
    review.rest("PUT", f"/projects/{two}/config", {"state": "HIDDEN"})
    text = "[project]\n\tstate = hidden\n"
    registry(root, [{"project": one, "description": "The first"}, {"project": two}], {two: text})
    for login in ({}, {"user": True}):
        result = plan(command, review, root, **login)
        assert (result.exit_code, steps(result)) == (0, {})
        assert {key.partition(":")[2] for key in unknown(result)} >= {two}


def test_project_hidden_by_hand_is_not_taken_for_missing(command, review, made, plain_user):
    """Gerrit lists it to its owners only; it is asked for, and its answer tells."""
    root, _, two = made
    review.rest("PUT", f"/projects/{two}/config", {"state": "HIDDEN"})
    for login in ({}, {"user": plain_user[0], "password": plain_user[1]}):
        result = plan(command, review, root, **login)
        assert (result.exit_code, steps(result)) == (0, {})
        assert unknown(result)[f"project:{two}"] == "project-unlisted"


def test_members_are_compared_where_all_of_them_are_shown(command, review, made, plain_user):
    """Of a group that not everybody may see, those who are not in it see part of it at most."""
    root, *_ = made
    names = {key: review.name(key) for key in ("open", "closed", "owned", "absent")}
    review.rest("PUT", f"/groups/{names['open']}", {"visible_to_all": True})
    review.rest("PUT", f"/groups/{names['owned']}", {"visible_to_all": True})
    review.rest("PUT", f"/groups/{names['closed']}", {"members": [plain_user[0]]})
    wishes = [
        {"group": names["open"], "members": [plain_user[0]]},
        {"group": names["closed"], "members": [plain_user[0]]},
        {"group": names["owned"], "owner": "Administrators"},
        {"group": names["absent"], "members": []},
    ]
    (root / "gerrit/groups.yaml").write_text(yaml.safe_dump(wishes))
    result = plan(command, review, root, user=plain_user[0], password=plain_user[1])
    assert steps(result).keys() == {f"members:{names['open']}"}
    found = {key: code for key, code in unknown(result).items() if key.startswith("members:")}
    assert found == {
        f"members:{names['closed']}": "members-unread",
        f"members:{names['owned']}": "named-group-unlisted",
        f"members:{names['absent']}": "group-unlisted",
    }
    assert "groups-unlisted" in unknown(plan(command, review, root)).values()


def test_parent_and_group_that_only_gerrit_has_are_not_warned_of(
    command, review, made, plain_user, tmp_path
):
    """What it shows to the reader is known; that a parent is nowhere, only an administrator's."""
    _, one, _ = made
    team, other = review.name("long-team-name"), review.name("child")
    review.rest("PUT", f"/groups/{team}", {"visible_to_all": True})
    inherit = f"[access]\n\tinheritFrom = {one}\n"
    files = {
        other: inherit + ACL.format(group=team),
        f"{team}x": ACL.format(group=f"{team}x"),
    }
    root = registry(tmp_path / "child", [{"project": name} for name in files], files)
    admin = {"user": True}
    login = {"user": plain_user[0], "password": plain_user[1]}
    assert "SLT062" in command("check", str(root)).stdout
    for who in (login, admin):
        said = str(json.loads(plan(command, review, root, **who).stdout)["findings"])
        assert not {code for code in ("SLT053", "SLT054", "SLT062") if code in said}
    registry(root, [{"project": other}], {other: inherit.replace(one, "org/nowhere")})
    for who, code in ((login, "SLT053"), (admin, "SLT054")):
        said = str(json.loads(plan(command, review, root, **who).stdout)["findings"])
        assert {c for c in ("SLT053", "SLT054") if c in said} == {code}


def test_plan_writes_nothing(command, review, made, plain_user):
    """No request of a plan changes anything."""
    root, one, _ = made
    registry(root, [{"project": review.name("new")}])
    before = len(review.calls())
    for login in ({}, {"user": True}, {"user": plain_user[0], "password": plain_user[1]}):
        assert plan(command, review, root, "--diff", **login).exit_code == 1
    made_calls = review.calls()[before:]
    assert made_calls
    assert {c["method"] for c in made_calls if c["kind"] == "rest"} == {"GET"}
    assert {c["service"] for c in made_calls if c["kind"] == "git"} <= {"upload-pack"}
