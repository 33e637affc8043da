"""Failures 4, 8, 11 and 14: ACLs lost in silence, polled for, or sent in the wrong order."""

from __future__ import annotations

import pytest
from scene import reasons


def test_04_rejected_acl_is_reported_and_pushed_once_mended(scene, server):
    """4. A rejected ACL push is cached as applied: here it is open until the server has it."""
    name = scene.project("strict", acl=scene.rights("core"))
    server.fault(
        "refuse-pushes", project=name, ref="refs/meta/config", text="invalid configuration", count=0
    )
    for _ in range(2):
        report = scene.converge()
        assert report.exit == 1
        assert reasons(report).keys() == {f"access:{name}"}
        assert "invalid configuration" in reasons(report)[f"access:{name}"]
    server.clear_faults()
    scene.converge_all()
    scene.assert_settled()


def test_04_acl_that_gerrit_refuses_tells_gerrits_own_words(scene):
    """4. What the checks let through and Gerrit does not: its text, then done once mended."""
    bad = '[label "Verified"]\n\tfunction = NoSuchFunction\n\tvalue = 0 None\n'
    name = scene.project("strict", acl=scene.rights("core") + bad)
    report = scene.converge()
    assert report.exit == 1
    assert reasons(report).keys() == {f"access:{name}"}
    assert "NoSuchFunction" in reasons(report)[f"access:{name}"]
    scene.acl(name, scene.rights("core"))
    scene.converge_all()
    scene.assert_settled()


def test_04_acl_changed_by_hand_is_put_right(scene):
    """4. The server decides what is applied, not a cache: drift is seen and repaired."""
    name = scene.project("drifting", acl=scene.rights("core"))
    scene.converge_all()
    text = f"[project]\n\tdescription = The {name}\n"
    scene.reader.push_file(name, "refs/meta/config", "project.config", text)
    report = scene.converge()
    assert (report.exit, dict(report.counts)) == (0, {"access": {"done": 1}})
    scene.assert_settled()


def test_04_foreign_files_in_the_config_ref_are_kept(scene):
    """4. What others keep in refs/meta/config survives our writes."""
    name = scene.project("shared", acl=scene.rights("core"))
    scene.converge_all()
    scene.reader.push_file(name, "refs/meta/config", "webhooks.config", "[remote]\n")
    scene.acl(name, scene.rights("core", "more"))
    scene.converge_all()
    assert scene.reader.file(name, "refs/meta/config", "webhooks.config") == "[remote]\n"
    scene.assert_settled()


def test_04_description_and_acl_changed_together_take_one_run(scene):
    """4. Two writes to one ref in one run: neither overwrites nor refuses the other."""
    name = scene.project("both", acl=scene.rights("core"))
    scene.converge_all()
    scene.entries[0]["description"] = "Another description"
    scene.save()
    scene.acl(name, scene.rights("core", "more"))
    scene.converge_all()
    scene.assert_settled()


def test_08_missing_acl_file_is_an_error_and_its_project_is_made(scene):
    """8. An ACL file that is missing is skipped in silence: here file and line are named."""
    name = scene.project("lost", acl_config="/home/gerrit2/acls/not/there.config")
    other = scene.project("fine", acl=scene.rights("core"))
    report = scene.converge()
    assert report.exit == 1
    assert reasons(report).keys() == {f"access:{name}"}
    assert "gerrit/projects.yaml:" in reasons(report)[f"access:{name}"]
    assert "not/there.config" in reasons(report)[f"access:{name}"]
    assert {name, other} <= scene.reader.projects().keys()
    path = scene.registry / "gerrit/acls/not/there.config"
    path.parent.mkdir()
    path.write_text(scene.rights("core"))
    scene.converge_all()
    scene.assert_settled()


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ('[access "refs/*"\n\tread = group x\n', ".config:"),
        ("\tread = group x\n", ".config:1"),
        ("\xff\xfe\x00", ".config:"),
        ('[access "refs/*"]\n\treed = group x\n', ".config:2"),
        ('[access "refs/*"]\n\tread = grup x\n', ".config:2"),
    ],
    ids=["unclosed", "no-section", "binary", "unknown-permission", "bad-rule"],
)
def test_08_acl_that_cannot_be_served_names_file_and_line(scene, text, place):
    """8. A bad ACL stops itself alone; the project is made, the others are served."""
    name = scene.project("odd")
    path = scene.registry / f"gerrit/acls/{name}.config"
    path.parent.mkdir()
    path.write_bytes(text.encode("latin-1"))
    other = scene.project("fine", acl=scene.rights("core"))
    report = scene.converge()
    assert report.exit == 1
    assert reasons(report).keys() == {f"access:{name}"}
    assert place in reasons(report)[f"access:{name}"]
    scene.assert_as_asked([other])
    assert name in scene.reader.projects()


def test_11_refs_meta_config_is_never_polled(scene):
    """11. refs/meta/config was polled 10 x 2 s, twice: a cold project costs two writes."""
    name = scene.project("quick", acl=scene.rights())
    mark = scene.mark()
    scene.converge_all()
    assert scene.writes(mark) == [
        f"PUT /a/projects/{name.replace('/', '%2F')}",
        f"push {name} refs/heads/master refs/meta/config",
    ]
    reads = [call for call in scene.server.call_log(mark) if call.get("method") == "GET"]
    of_it = [call for call in reads if "quick" in call["path"]]
    assert len(of_it) <= 3, "a read-back each batch and no more"
    scene.assert_settled()


def test_14_children_before_parents_in_the_file_are_made_in_order(scene):
    """14. No parent ordering: here a chain written backwards is right after one run."""
    names = ["d", "c", "b", "a"]
    for child, parent in zip(names, [*names[1:], None], strict=True):
        scene.project(child, acl=scene.rights("core", parent=parent))
    scene.converge_all()
    scene.assert_settled()
    parents = {n: row.get("parent") for n, row in scene.reader.projects().items()}
    assert parents[f"{scene.prefix}/d"] == f"{scene.prefix}/c"


def test_14_parent_that_does_not_exist_is_named_and_stops_its_children_only(scene):
    """14. ACLs with a missing parent were lost in silence: here file and parent are named."""
    kid = scene.project("kid", acl=scene.rights("core", parent="nowhere"))
    grandkid = scene.project("grandkid", acl=scene.rights("core", parent="kid"))
    other = scene.project("fine", acl=scene.rights("core"))
    report = scene.converge()
    assert report.exit == 1
    assert f"{scene.prefix}/nowhere" in reasons(report)[f"project:{kid}"]
    assert "gerrit/acls/" in reasons(report)[f"project:{kid}"]
    assert f"project:{grandkid}" in reasons(report)
    scene.assert_as_asked([other])
    scene.project("nowhere", acl=scene.rights())
    scene.converge_all()
    scene.assert_settled()


def test_14_parent_that_fails_holds_up_its_children_and_they_follow(scene, server):
    """14. A parent that is refused at first: children wait, then come without being asked."""
    mum = scene.project("mum", acl=scene.rights())
    kid = scene.project("kid", acl=scene.rights(parent="mum"))
    path = f"projects/{scene.prefix}%2Fmum$"
    server.fault("refuse-calls", method="PUT", path=path, status=403, text="not now", count=0)
    report = scene.converge()
    assert report.exit == 1
    assert "not now" in reasons(report)[f"project:{mum}"]
    assert reasons(report)[f"project:{kid}"] == f"waits for project:{mum}"
    server.clear_faults()
    scene.converge_all()
    scene.assert_settled()


def test_14_circle_of_parents_is_refused_before_gerrit_takes_it(scene):
    """14. Gerrit takes a circle without a word: its members are blocked, the rest is served."""
    one = scene.project("one", acl=scene.rights(parent="two"))
    two = scene.project("two", acl=scene.rights(parent="one"))
    other = scene.project("fine", acl=scene.rights("core"))
    report = scene.converge()
    assert report.exit == 1
    assert {key.partition(":")[2] for key in reasons(report)} == {one, two}
    assert not {one, two} & scene.reader.projects().keys()
    scene.assert_as_asked([other])


def test_14_parent_and_child_that_swap_never_form_a_circle(scene):
    """14. Moving a project under its own child moves the child away first."""
    one = scene.project("one", acl=scene.rights("core"))
    two = scene.project("two", acl=scene.rights("core", parent="one"))
    scene.converge_all()
    scene.acl(one, scene.rights("core", parent="two"))
    scene.acl(two, scene.rights("core"))
    mark = scene.mark()
    scene.converge_all()
    assert [line.split()[1] for line in scene.writes(mark)] == [two, one]
    scene.assert_settled()


def test_14_read_only_project_gets_its_new_acl_and_stays_closed(scene):
    """14. A retired project refuses a push of its own ACL: opened for it, and closed again."""
    closed = "[project]\n\tstate = read only\n"
    name = scene.project("retired", acl=scene.rights("core", more=closed))
    scene.converge_all()
    scene.assert_settled()
    scene.acl(name, scene.rights("core", "more", more=closed))
    scene.converge_all()
    scene.assert_settled()


def test_14_refused_acl_of_a_read_only_project_leaves_it_closed(scene, server):
    """14. Opened for a push that fails: it is read-only again, whatever happened."""
    closed = "[project]\n\tstate = read only\n"
    name = scene.project("retired", acl=scene.rights("core", more=closed))
    scene.converge_all()
    scene.acl(name, scene.rights("core", "more", more=closed))
    server.fault("refuse-pushes", project=name, text="no", count=0)
    assert scene.converge().exit == 1
    assert scene.reader.projects()[name]["state"] == "READ_ONLY"
    server.clear_faults()
    scene.converge_all()
    scene.assert_settled()
