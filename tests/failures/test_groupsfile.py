"""groups.yaml through whole converges: what it says is made so, the rest is left alone."""

from __future__ import annotations

import os
import signal
import time
from urllib.parse import quote

import pytest
import yaml
from scene import reasons

USERS = ("ann", "ben", "cid", "dan", "eve")


@pytest.fixture
def people(scene):
    """Usernames of five accounts, made once for all tests."""
    for name in USERS:
        person(scene, name)
    return USERS


def person(scene, name):
    """Make an account if it is not there, by plain REST; return its number."""
    email = f"{name}@people.example.com"
    scene.reader.send("PUT", f"/accounts/{name}", {"email": email})
    return scene.reader.get(f"/accounts/{name}")["_account_id"]


def write(scene, *groups):
    """Write groups.yaml; names get the test's prefix where they start with a plus sign."""
    rows = [{key: named(scene, value) for key, value in group.items()} for group in groups]
    (scene.registry / "gerrit/groups.yaml").write_text(yaml.safe_dump(rows, sort_keys=False))
    scene.save()


def named(scene, value):
    """Return the value with the test's prefix for every +NAME in it."""
    if isinstance(value, list):
        return [named(scene, item) for item in value]
    plus = isinstance(value, str) and value.startswith("+")
    return scene.group(value[1:]) if plus else value


def detail(scene, name):
    """Return what the server says of a group, by plain REST."""
    info = scene.reader.get(f"/groups/{quote(scene.group(name), safe='')}/detail")
    return {
        "description": info.get("description", ""),
        "owner": info["owner"],
        "members": sorted(member["username"] for member in info["members"]),
        "includes": sorted(group["name"] for group in info["includes"]),
    }


def settled(scene):
    """Fail unless another converge finds nothing to do and writes nothing."""
    mark = scene.mark()
    report = scene.converge()
    assert (report.status, dict(report.counts)) == ("done", {}), report.steps
    scene.assert_nothing_written(mark)
    assert scene.server.unsupported() == []


FULL = {
    "group": "+core",
    "description": "The core: they decide",
    "owner": "+leads",
    "members": ["ann", "ben@people.example.com"],
    "includes": ["+leads", "Registered Users"],
}


def test_group_of_the_file_is_made_with_everything_it_says(scene, people):
    """One converge makes groups that no ACL names, fills them, and leaves nothing to do."""
    write(scene, FULL, {"group": "+leads", "members": ["eve"]})
    scene.converge_all()
    assert detail(scene, "core") == {
        "description": "The core: they decide",
        "owner": scene.group("leads"),
        "members": ["ann", "ben"],
        "includes": sorted([scene.group("leads"), "Registered Users"]),
    }
    assert detail(scene, "leads")["members"] == ["eve"], "whoever made it is no member"
    settled(scene)


def test_group_is_brought_back_and_what_is_not_written_is_left(scene, people):
    """Members and includes are exact; a key that is absent is the server's own affair."""
    write(scene, {"group": "+core", "members": ["ann"]}, {"group": "+other"})
    scene.converge_all()
    path = f"/groups/{scene.group('core')}"
    scene.reader.send("PUT", f"{path}/members/cid", {})
    scene.reader.send("DELETE", f"{path}/members/ann")
    scene.reader.send("PUT", f"{path}/description", {"description": "by hand"})
    scene.reader.send("PUT", f"{path}/groups/{scene.group('other')}", {})
    scene.reader.send("PUT", f"/groups/{scene.group('other')}/members/dan", {})
    report = scene.converge()
    assert dict(report.counts) == {"members": {"done": 1}}
    assert detail(scene, "core") == {
        "description": "by hand",
        "owner": "Administrators",
        "members": ["ann"],
        "includes": [scene.group("other")],
    }
    assert detail(scene, "other")["members"] == ["dan"]
    settled(scene)


def test_empty_lists_and_text_take_everything_away(scene, people):
    """[] means nobody and "" no description: both are asked for, not left out."""
    write(scene, FULL, {"group": "+leads"})
    scene.converge_all()
    write(
        scene,
        {"group": "+core", "description": "", "members": [], "includes": []},
        {"group": "+leads"},
    )
    scene.converge_all()
    assert detail(scene, "core") == {
        "description": "",
        "owner": scene.group("leads"),
        "members": [],
        "includes": [],
    }
    settled(scene)


def test_groups_that_include_and_own_each_other_are_made(scene, people):
    """Circles are legal: a warning says so, and nothing waits for itself."""
    write(
        scene,
        {"group": "+a", "includes": ["+b"], "owner": "+b"},
        {"group": "+b", "includes": ["+a", "+b"], "owner": "+a"},
    )
    report = scene.converge()
    assert report.exit == 0, report.steps
    assert any("SLT078 warning" in finding for finding in report.findings)
    assert detail(scene, "a")["includes"] == [scene.group("b")]
    assert detail(scene, "b")["owner"] == scene.group("a")
    settled(scene)


def test_unknown_account_fails_with_its_place_and_others_go_on(scene, people):
    """The reason names file, line and column; that group's members stay as they are."""
    write(scene, {"group": "+core", "members": ["ann"]}, {"group": "+other", "members": ["ben"]})
    scene.converge_all()
    write(
        scene,
        {"group": "+core", "members": ["nobody-here", "ben"]},
        {"group": "+other", "members": ["ben", "cid"]},
    )
    report = scene.converge()
    assert report.exit == 1
    assert reasons(report).keys() == {f"members:{scene.group('core')}"}
    reason = reasons(report)[f"members:{scene.group('core')}"]
    assert "gerrit/groups.yaml:3:5: 'nobody-here': no account" in reason
    assert detail(scene, "core")["members"] == ["ann"]
    assert detail(scene, "other")["members"] == ["ben", "cid"]
    person(scene, "nobody-here")
    scene.converge_all()
    assert detail(scene, "core")["members"] == ["ben", "nobody-here"]
    settled(scene)


def test_full_name_of_another_account_is_no_member(scene, people):
    """Anybody can name himself as he likes: only usernames and addresses are members."""
    person(scene, "mallory")
    for text in ("zoe@corp.example.com", "zoe"):
        assert scene.reader.send("PUT", "/accounts/mallory/name", {"name": text}) == 200
        if "@" not in text:
            assert scene.reader.get(f"/accounts/{text}")["username"] == "mallory"
        write(scene, {"group": "+core", "members": [text]})
        report = scene.converge()
        assert report.exit == 1
        assert detail(scene, "core")["members"] == []


def test_second_address_of_an_account_is_known_without_end(scene, people):
    """A member named by an address that the listing does not show is there the second time."""
    path = "/accounts/ann/emails/ann%40second.example.com"
    scene.reader.send("PUT", path, {"no_confirmation": True})
    write(scene, {"group": "+core", "members": ["ann@second.example.com"]})
    scene.converge_all()
    assert detail(scene, "core")["members"] == ["ann"]
    settled(scene)


def test_inactive_member_stays_and_is_said_when_asked_for(scene, people):
    """Who is inactive and a member is in step; who is not cannot be added by name."""
    person(scene, "gone")
    write(scene, {"group": "+core", "members": ["gone"]})
    scene.converge_all()
    scene.reader.send("DELETE", "/accounts/gone/active")
    settled(scene)
    write(scene, {"group": "+other", "members": ["gone"]})
    report = scene.converge()
    assert "is inactive" in reasons(report)[f"members:{scene.group('other')}"]


def test_group_that_nobody_has_is_named_with_its_place(scene, people):
    """An include that is in no entry, no ACL and not on Gerrit holds up its own group only."""
    write(scene, {"group": "+core", "includes": ["+nowhere"]}, {"group": "+b", "members": ["ann"]})
    report = scene.converge()
    assert reasons(report).keys() == {f"members:{scene.group('core')}"}
    assert "gerrit/groups.yaml:3:5" in reasons(report)[f"members:{scene.group('core')}"]
    assert detail(scene, "b")["members"] == ["ann"]
    scene.reader.send("PUT", f"/groups/{scene.group('nowhere')}", {})
    scene.converge_all()
    settled(scene)


def test_service_account_is_not_locked_out(scene, people):
    """Administrators without the account that converges is refused, by name of the place."""
    before = [m["username"] for m in scene.reader.get("/groups/Administrators/members/")]
    write(scene, {"group": "Administrators", "members": ["ann"]})
    report = scene.converge(allow_retire=True)
    reason = reasons(report)["members:Administrators"]
    assert "gerrit/groups.yaml:1:3" in reason
    assert "own rights" in reason
    assert [m["username"] for m in scene.reader.get("/groups/Administrators/members/")] == before


def test_service_account_leaves_a_group_without_rights(scene, people):
    """A group that gives it nothing, made by hand with it as member, is set as asked."""
    scene.reader.send("PUT", f"/groups/{scene.group('core')}", {})
    assert detail(scene, "core")["members"] == [scene.server.admin_user]
    write(scene, {"group": "+core", "members": ["ann"]})
    scene.converge_all()
    assert detail(scene, "core")["members"] == ["ann"]


def test_emptying_a_large_group_needs_a_flag(scene, people):
    """More than members_limit at once is refused until it is said to be meant."""
    write(scene, {"group": "+core", "members": list(USERS)})
    scene.converge_all()
    write(scene, {"group": "+core", "members": ["ann"]})
    report = scene.converge()
    reason = reasons(report)[f"members:{scene.group('core')}"]
    assert "4 of 5 members" in reason
    assert "allow_retire=True" in reason
    assert len(detail(scene, "core")["members"]) == 5
    assert scene.converge(allow_retire=True).exit == 0
    assert detail(scene, "core")["members"] == ["ann"]


@pytest.mark.parametrize(("policy", "left"), [("report", ["cid"]), ("leave", ["cid"])])
def test_policy_keeps_what_was_changed_by_hand(scene, people, policy, left):
    """Under report and leave drift of members fails nothing and is not undone."""
    write(scene, {"group": "+core", "members": ["ann"]})
    scene.converge_all()
    path = f"/groups/{scene.group('core')}/members"
    scene.reader.send("PUT", f"{path}/cid", {})
    scene.reader.send("DELETE", f"{path}/ann")
    settings = scene.settings()
    settings["registry"]["policy"] = {"groups": policy}
    scene.settings = lambda: settings
    report = scene.converge()
    assert (report.exit, dict(report.counts)) == (0, {}), report.steps
    assert detail(scene, "core")["members"] == left
    told = [line for line in report.drift if line.startswith(f"groups:{scene.group('core')}")]
    assert bool(told) == (policy == "report"), report.drift


def test_report_policy_still_does_what_the_registry_asks_anew(scene, people):
    """Drift is told; a later change of the entry is done, and with it all that it says."""
    settings = scene.settings()
    settings["registry"]["policy"] = {"groups": "report"}
    scene.settings = lambda: settings
    write(scene, {"group": "+core", "members": ["ann"]})
    scene.converge_all()
    assert detail(scene, "core")["members"] == ["ann"], "what is missing is made"
    scene.reader.send("PUT", f"/groups/{scene.group('core')}/members/cid", {})
    scene.converge_all()
    assert detail(scene, "core")["members"] == ["ann", "cid"]
    write(scene, {"group": "+core", "members": ["ann", "ben"]})
    scene.converge_all()
    assert detail(scene, "core")["members"] == ["ann", "ben"]
    settled(scene)


@pytest.mark.parametrize(
    ("fault", "fields"),
    [
        ("refuse-calls", {"status": 503, "text": "Lock failure", "count": 2}),
        ("cut-calls", {"count": 1}),
    ],
    ids=["503-twice", "answer-lost"],
)
@pytest.mark.parametrize("call", ["members.add", "groups.add", "description", "owner"])
def test_write_that_stumbles_ends_as_asked(scene, server, people, call, fault, fields):
    """Whatever write of a group is refused for a moment or unanswered, one converge does it."""
    write(scene, FULL, {"group": "+leads"})
    server.fault(fault, path=f"/{call}$", **fields)
    report = scene.converge()
    assert report.exit == 0, report.steps
    settled(scene)


def test_broken_groups_file_stops_groups_only(scene, people):
    """YAML that cannot be read is told with its place; projects are served all the same."""
    name = scene.project("a")
    (scene.registry / "gerrit/groups.yaml").write_text("- group: x\n  members: [\n")
    report = scene.converge()
    assert report.exit == 1
    assert list(reasons(report)) == ["members:gerrit/groups.yaml"]
    assert "gerrit/groups.yaml:3:1" in reasons(report)["members:gerrit/groups.yaml"]
    scene.assert_as_asked([name])


HOSTILE = [
    "core\nx",
    "core\tx",
    " core",
    "#core",
    "..",
    "Registered Users",
    "registered users",
    "1",
    "ldap/admins",
    "global:Registered-Users",
    "a" * 300,
    "core\x1b[31m",
    "\u202ecore",
    "0123456789abcdef0123456789abcdef01234567",
]


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_group_name_reaches_no_server(scene, people, name):
    """Names that Gerrit folds, refuses or takes for another's are findings; nothing is sent."""
    write(scene, {"group": name, "members": ["ann"]}, {"group": "+good"})
    mark = scene.mark()
    report = scene.converge()
    assert report.exit == 1
    assert any("SLT073" in finding for finding in report.findings)
    if scene.server.is_stand_in:
        assert [line for line in scene.writes(mark) if scene.group("good") not in line] == []
    assert detail(scene, "good")["members"] == []


@pytest.mark.parametrize(
    "name",
    ["{{ 7*7 }}", "$(touch x)", "<script>alert(1)</script>", "a'b\"c", "%2e%2e%2f", "😀", "-x"],
)
def test_odd_but_legal_group_name_is_text(scene, people, name):
    """Jinja, shell, HTML and URL syntax in a name is a name."""
    full = scene.group(name)
    write(scene, {"group": full, "description": name, "members": ["ann"], "includes": [full]})
    scene.converge_all()
    info = scene.reader.get(f"/groups/{quote(full, safe='')}/detail")
    assert (info["name"], info["description"]) == (full, name)
    assert [member["username"] for member in info["members"]] == ["ann"]
    settled(scene)


def test_number_of_requests_does_not_grow_with_the_groups(scene, people):
    """Nothing to do costs the same for two groups of groups.yaml and for forty."""
    write(scene, *({"group": f"+g{n}", "members": ["ann"]} for n in range(2)))
    scene.converge_all()
    few = _requests(scene)
    write(scene, *({"group": f"+g{n}", "members": ["ann", "ben"]} for n in range(40)))
    scene.converge_all()
    assert _requests(scene) <= few + 1


def _requests(scene):
    before = len(scene.server.call_log())
    report = scene.converge()
    assert dict(report.counts) == {}
    return len(scene.server.call_log()) - before


def test_kill_in_the_middle_ends_the_same(scene, server, people):
    """A process killed while it writes members leaves nothing that the next one does not mend."""
    rows = [{"group": f"+g{n}", "members": list(USERS), "description": f"G {n}"} for n in range(12)]
    write(scene, *rows)
    mark = scene.mark()
    process = scene.command("converge", wait=False)
    deadline = time.monotonic() + 120
    while not any("members.add" in line for line in scene.writes(mark)):
        assert time.monotonic() < deadline, "the converge never wrote members"
        assert process.poll() is None, "the converge ended before it could be killed"
        time.sleep(0.005)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    scene.converge_all()
    for n in range(12):
        assert detail(scene, f"g{n}")["members"] == sorted(USERS)
    settled(scene)
