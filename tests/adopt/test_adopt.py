"""``saltern adopt``: the registry of a live Gerrit, and its plan."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import requests
import yaml

from tests.adopt.conftest import steps
from tests.providers.gerrit_fixtures import git, q


@pytest.fixture
def review_server(own_server):
    """Adoption reads all that is there."""
    return own_server


@pytest.fixture
def push(review, tmp_path):
    """Return ``push(project, ref, {file: text})``: commits files as a person would."""

    def run(name: str, ref: str, files: dict[str, str | bytes]) -> None:
        work = tmp_path / f"work-{q(name)}-{q(ref)}"
        git("init", "-q", str(work))
        url = f"{{URL}}/{name}"
        if review.tip(name, ref):
            review.git("fetch", "-q", url, ref, cwd=work)
            git("checkout", "-q", "FETCH_HEAD", cwd=work)
        for file, text in files.items():
            data = text if isinstance(text, bytes) else text.encode()
            (work / file).write_bytes(data)
            git("add", "-f", file, cwd=work)
        git("commit", "-q", "-m", "By hand", cwd=work)
        review.git("push", "-q", url, f"HEAD:{ref}", cwd=work)

    return run


@pytest.fixture
def make(review):
    """Return ``make(name, **input)``: makes a project with a first commit."""

    def run(name: str, **fields) -> None:
        body = {"create_empty_commit": True, **fields}
        review.rest("PUT", f"/projects/{q(name)}", body)

    return run


@pytest.fixture
def adopt(command, review, tmp_path):
    """Return ``adopt(*words, **login)``: adopts into a directory; the result in JSON and it."""

    def run(*words: str, **login) -> tuple[dict, Path, int]:
        output = tmp_path / "adopted"
        login = login or {"user": True}
        path = ("--gerrit", review.url, "--output", str(output), "--format", "json")
        result = command("adopt", *path, *words, **login)
        assert result.stdout, result.stderr
        return json.loads(result.stdout), output, result.exit_code

    return run


def entries(root: Path) -> dict[str, dict]:
    """Return the entries of the adopted projects.yaml by name."""
    return {e["project"]: e for e in yaml.safe_load((root / "gerrit/projects.yaml").read_text())}


def subjects(data: dict) -> dict[str, str]:
    """Return ``{subject: texts}`` of what was said."""
    said: dict[str, str] = {}
    for note in data["notes"]:
        said[note["subject"]] = said.get(note["subject"], "") + note["text"] + "\n"
    return said


def test_adopted_server_has_an_empty_plan_and_then_shows_one_change_by_hand(
    command, review, make, adopt
):
    """What is written is what is there; what somebody changes later is all that shows."""
    group = review.rest("PUT", "/groups/core%20team", {"visible_to_all": True})
    make("base", permissions_only=False, branches=["main"])
    make("org/one", parent="base", description='Says "so": #1\nand more', branches=["develop"])
    make("org/two", parent="base", description="The second")
    make("a")
    make("a/b")
    rule = {"refs/heads/*": {"permissions": {"submit": {"rules": {group["id"]: {}}}}}}
    for name in ("org/one", "org/two"):
        review.rest("POST", f"/projects/{q(name)}/access", {"add": rule})
    review.rest("PUT", "/projects/a/config", {"state": "READ_ONLY"})
    data, root, status = adopt()
    assert (status, data["notes"], data["plan"]["steps"], data["plan"]["unknown"]) == (
        0,
        [],
        [],
        [],
    )
    found = entries(root)
    assert list(found) == ["a", "a/b", "base", "org/one", "org/two"]
    assert found["org/one"]["description"] == 'Says "so": #1\nand more'
    assert (found["org/one"]["default-branch"], found["base"]["default-branch"]) == (
        "develop",
        "main",
    )
    assert found["org/one"]["acl-config"] == found["org/two"]["acl-config"]
    assert "default-branch" not in found["org/two"]
    rule["refs/heads/*"]["permissions"] = {"push": {"rules": {group["id"]: {}}}}
    review.rest("POST", f"/projects/{q('org/two')}/access", {"add": rule})
    path = ("--gerrit", review.url, "--registry", str(root), "--format", "json", "--diff")
    result = command("plan", *path, user=True)
    assert (result.exit_code, steps(result)) == (1, {"access:org/two": "ACL differs"})
    (step,) = json.loads(result.stdout)["steps"]
    assert [line for line in step["diff"] if line[:2] in ("-\t", "+\t")] == [
        "-\tpush = group core team"
    ]


def test_configs_of_every_kind_are_taken_over_unchanged(make, push, review, adopt):
    """Unknown sections, CRLF, comments, plugins and stale groups are kept byte by byte."""
    uuid = review.rest("PUT", "/groups/core", {"visible_to_all": True})["id"]
    configs = {
        "odd/crlf": "[access]\r\n\tinheritFrom = All-Projects\r\n; so\r\n[receive]\r\n"
        "\trequireChangeId = true\r\n",
        "odd/plugin": '# its\n[plugin "its-x"]\n\tenabled = enforced\n\tbranch = ^refs/heads/.*\n'
        '[commentlink "bug"]\n\tmatch = "#([0-9]+)"\n\tlink = https://example.org/$1\n',
        "odd/unknown": '[made-up "x y"]\n\tk = v\n\tk = w\n[project]\n\tdescription = d\n',
        "odd/rule": '[access "refs/heads/*"]\n\tpush = group core\n',
    }
    stale = f"# UUID\tGroup Name\n#\n{uuid}\tcore\n{'1' * 40}\tgone\nldap:cn=x\tldap/x\n"
    for name, text in configs.items():
        make(name)
        push(name, "refs/meta/config", {"project.config": text, "groups": stale})
    data, root, status = adopt()
    assert (status, data["notes"], data["plan"]["steps"]) == (0, [], [])
    for name in ("odd/crlf", "odd/plugin", "odd/rule"):
        path = root / "gerrit/acls" / f"{name}.config"
        assert path.read_bytes() == configs[name].encode()
    assert (root / "gerrit/acls/odd/unknown.config").read_text() == (
        '[made-up "x y"]\n\tk = v\n\tk = w\n'
    )
    assert entries(root)["odd/unknown"]["description"] == "d"


def test_what_no_registry_can_say_is_left_out_and_said(make, review, adopt, tmp_path):
    """Odd names and projects of permissions only; nothing is written outside the directory."""
    for name in ("-a", "b b", "ünï", "ok", "..."):
        make(name)
    make("rights", permissions_only=True, create_empty_commit=False)
    make("below", parent="rights")
    data, root, status = adopt()
    assert status == 1
    assert list(entries(root)) == ["...", "below", "ok"]
    assert subjects(data).keys() == {"-a", "b b", "ünï", "rights"}
    assert data["plan"]["steps"] == []
    assert {p.name for p in tmp_path.iterdir()} <= {"adopted", "gerrit", "grants", "cache", "xdg"}


def test_renamed_group_is_adopted_by_its_name_of_now(make, push, review, adopt):
    """The old name in an ACL would become a new group; the difference that remains is said.

    Gerrit writes the new name into the projects there are; what comes later may have the old one.
    """
    uuid = review.rest("PUT", "/groups/old", {"visible_to_all": True})["id"]
    make("p")
    review.rest("PUT", "/groups/old/name", {"name": "new"})
    push(
        "p",
        "refs/meta/config",
        {
            "project.config": '[access "refs/heads/*"]\n\tpush = group old\n',
            "groups": f"{uuid}\told\n",
        },
    )
    data, root, status = adopt()
    assert status == 1
    assert "'old' is now 'new'" in subjects(data)["p"]
    assert "group new" in (root / "gerrit/acls/p.config").read_text()
    assert [row["key"] for row in data["plan"]["steps"]] == ["access:p"]


def test_hidden_projects_are_adopted_as_far_as_they_show(make, review, adopt):
    """The rest is said: neither its ACL nor its default branch can be read."""
    make("hidden")
    make("seen")
    review.rest("PUT", "/projects/hidden/config", {"state": "HIDDEN", "description": "d"})
    data, root, status = adopt()
    assert status == 1
    assert entries(root)["hidden"] == {"project": "hidden", "description": "d"}
    assert "no ACL file" in subjects(data)["hidden"]
    assert data["plan"]["steps"] == []


def test_half_made_project_shows_in_the_plan(make, review, adopt):
    """A project without refs/meta/config is repaired by the first converge, and said here."""
    review.fault("half-made", project="half", stage="none")
    with pytest.raises(requests.ConnectionError):
        review.raw("PUT", "/projects/half", {})
    review.clear()
    make("whole")
    data, root, status = adopt()
    assert status == 1
    assert "project:half" in {row["key"] for row in data["plan"]["steps"]}


def test_members_are_written_when_asked(make, review, adopt):
    """groups.yaml has owner, members and includes of all groups but those Gerrit has itself."""
    for name in ("ann", "bob"):
        review.rest("PUT", f"/accounts/{name}", {"email": f"{name}@example.com"})
    inner = review.rest("PUT", "/groups/inner", {"members": ["bob"], "visible_to_all": True})
    body = {"description": "Those who decide", "members": ["ann"], "owner_id": inner["id"]}
    review.rest("PUT", "/groups/outer", body)
    review.rest("PUT", "/groups/outer/groups/inner")
    make("p")
    data, root, status = adopt("--members")
    assert (status, data["notes"], data["plan"]["steps"]) == (0, [], [])
    groups = {g["group"]: g for g in yaml.safe_load((root / "gerrit/groups.yaml").read_text())}
    assert groups.keys() == {"inner", "outer"}
    assert groups["outer"] == {
        "group": "outer",
        "description": "Those who decide",
        "owner": "inner",
        "members": ["ann"],
        "includes": ["inner"],
    }
    assert "bob" in groups["inner"]["members"]


def test_members_that_may_not_all_be_shown_are_not_written(make, review, adopt, plain_user):
    """A list that lacks somebody would take him out of his group."""
    review.rest("PUT", "/groups/open", {"visible_to_all": True, "members": [plain_user[0]]})
    review.rest("PUT", "/groups/closed", {"members": [plain_user[0]]})
    make("p")
    data, root, _ = adopt("--members", user=plain_user[0], password=plain_user[1])
    groups = {g["group"]: g for g in yaml.safe_load((root / "gerrit/groups.yaml").read_text())}
    assert plain_user[0] in groups["open"]["members"]
    assert "members" not in groups["closed"]
    assert "not all of them may be shown to you" in subjects(data)["closed"]
    assert "members-unread" not in {row["code"] for row in data["plan"]["unknown"]}


def test_without_asking_nobody_is_named(make, review, adopt):
    """Members are people: their names are written only on request."""
    make("p")
    _, root, _ = adopt()
    assert not (root / "gerrit/groups.yaml").exists()


def test_reader_without_rights_is_told_what_is_missing(make, adopt, plain_user):
    """Entries are written, ACLs are not, and the status says so."""
    make("p", description="d")
    data, root, status = adopt(user=plain_user[0], password=plain_user[1])
    assert status == 1
    assert entries(root)["p"] == {"project": "p", "description": "d"}
    assert "refs/meta/config is not there or not shown" in subjects(data)["p"]


def test_adoption_writes_nothing_to_the_server_and_nothing_over_files(
    command, make, review, adopt, tmp_path
):
    """It only reads, and a second one into the same directory changes nothing unasked."""
    make("p")
    before = len(review.calls())
    adopt()
    calls = review.calls()[before:]
    assert {c["method"] for c in calls if c["kind"] == "rest"} == {"GET"}
    assert {c["service"] for c in calls if c["kind"] == "git"} <= {"upload-pack"}
    (tmp_path / "adopted/gerrit/projects.yaml").write_text("mine\n")
    path = ("--gerrit", review.url, "--output", str(tmp_path / "adopted"))
    result = command("adopt", *path, user=True)
    assert (result.exit_code, "--force" in result.stderr) == (2, True)
    assert (tmp_path / "adopted/gerrit/projects.yaml").read_text() == "mine\n"
    assert command("adopt", *path, "--force", user=True).exit_code == 0
