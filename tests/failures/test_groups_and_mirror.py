"""Failures 10 and 12: groups without a UUID, and mirrors made too late or never."""

from __future__ import annotations

import shutil

import pytest
from acceptance.independent import run_git
from scene import reasons


def test_10_acl_carries_the_uuids_of_groups_made_in_the_same_run(scene):
    """10. Groups were listed before their UUID existed: here no ACL goes out without it."""
    scene.project("a", acl=scene.rights("core", "with space"))
    scene.project("b", acl=scene.rights("core"))
    mark = scene.mark()
    scene.converge_all()
    made = [line for line in scene.writes(mark) if "/groups/" in line]
    assert len(made) == 2
    assert scene.reader.members(scene.group("core")) == [], "whoever made it is no member"
    scene.assert_settled()


@pytest.mark.parametrize(
    ("fault", "fields"),
    [
        ("refuse-calls", {"status": 503, "text": "Lock failure", "count": 2}),
        ("refuse-calls", {"status": 500, "text": "Internal server error", "count": 1}),
        ("cut-calls", {"count": 1}),
    ],
    ids=["503-twice", "500-once", "answer-lost"],
)
def test_10_group_creation_that_stumbles_is_made_once(scene, server, fault, fields):
    """10. A 503 or a lost answer is looked at and asked again, within the same run."""
    scene.project("a", acl=scene.rights("core"))
    server.fault(fault, method="PUT", path=f"groups/{scene.group('core')}$", **fields)
    report = scene.converge()
    assert report.exit == 0, report.steps
    scene.assert_settled()


def test_10_group_that_stays_refused_is_named_with_the_acls_that_wait(scene, server):
    """10. After the last attempt it stands in the report; other projects do not wait."""
    name = scene.project("a", acl=scene.rights("core"))
    other = scene.project("b", acl=scene.rights("other"))
    path = f"groups/{scene.group('core')}$"
    server.fault("refuse-calls", method="PUT", path=path, status=503, text="Lock failure", count=0)
    report = scene.converge()
    assert report.exit == 1
    assert reasons(report).keys() == {f"group:{scene.group('core')}", f"access:{name}"}
    assert "Lock failure" in reasons(report)[f"group:{scene.group('core')}"]
    scene.assert_as_asked([other])
    server.clear_faults()
    scene.converge_all()
    scene.assert_settled()


def test_10_lost_race_for_a_group_is_no_failure(scene, server):
    """10. Somebody else made it between our look and our call: 409, looked up, done."""
    scene.project("a", acl=scene.rights("core"))
    converger = scene.converger()
    provider = converger._dispatcher
    observe = provider.observe

    def then_somebody_makes_it(name, request):
        seen = observe(name, request)
        scene.reader.send("PUT", f"/groups/{scene.group('core')}", {"visible_to_all": True})
        return seen

    provider.observe = then_somebody_makes_it
    assert converger.converge("test").exit == 0
    scene.assert_settled()


def test_10_group_with_another_case_is_named_as_the_one_in_the_way(scene):
    """10. Gerrit's names differ by more than case: the reason says which group is in the way."""
    scene.reader.send("PUT", f"/groups/{scene.group('CORE')}", {})
    name = scene.project("a", acl=scene.rights("core"))
    report = scene.converge()
    assert report.exit == 1
    assert scene.group("CORE") in reasons(report)[f"group:{scene.group('core')}"]
    assert f"access:{name}" in reasons(report)
    scene.acl(name, scene.rights("CORE"))
    scene.converge_all()
    scene.assert_settled()


def test_10_groups_file_with_a_wrong_uuid_is_put_right(scene):
    """10. Gerrit takes a UUID of no group in silence: here it is seen and replaced."""
    name = scene.project("a", acl=scene.rights("core"))
    scene.converge_all()
    wrong = f"# UUID\tGroup Name\n#\n{'0' * 40}\t{scene.group('core')}\n"
    scene.reader.push_file(name, "refs/meta/config", "groups", wrong)
    report = scene.converge()
    assert (report.exit, dict(report.counts)) == (0, {"access": {"done": 1}})
    scene.assert_settled()


def test_10_contended_group_creations_all_succeed(scene, server):
    """10. With the server's shared ref as slow as measured, groups are sent one at a time."""
    groups = [f"g{n}" for n in range(45)]
    scene.project("a", acl=scene.rights(*groups))
    server.fault("contend-groups", ms=100, limit=1, count=0)
    mark = scene.mark()
    scene.converge_all()
    calls = [c for c in scene.server.call_log(mark) if "/groups/" in c.get("path", "")]
    assert not [call for call in calls if call["status"] == 503]
    scene.assert_settled()


def test_12_mirror_is_made_after_its_content_and_equals_it(scene):
    """12. The mirror was made after replication to it was triggered: here it waits for content."""
    name = scene.project("mirrored", default_branch="main")
    scene.converge_all()
    head = (scene.mirror / f"{name}.git/HEAD").read_text().strip()
    assert head == "ref: refs/heads/main"
    scene.assert_settled()


def spoil_empty(path):
    path.mkdir(parents=True)


def spoil_bare(path):
    run_git("init", "-q", "--bare", str(path))


def spoil_half(path):
    run_git("init", "-q", "--bare", str(path))
    (path / "HEAD").unlink()
    (path / "objects/pack/tmp_pack_x").write_text("half")


@pytest.mark.parametrize("spoil", [spoil_empty, spoil_bare, spoil_half])
def test_12_directory_that_exists_already_is_no_obstacle(scene, spoil):
    """12. create-project refuses where the directory exists: the mirror is made all the same."""
    name = scene.project("mirrored")
    spoil(scene.mirror / f"{name}.git")
    report = scene.converge()
    assert report.exit == 0, report.steps
    scene.assert_settled()


def test_12_directory_of_somebody_else_is_named_and_left_alone(scene):
    """12. What is no mirror is not deleted: its path is told, and moving it away is enough."""
    name = scene.project("mirrored")
    path = scene.mirror / f"{name}.git"
    path.mkdir(parents=True)
    (path / "notes.txt").write_text("not a repository")
    report = scene.converge()
    assert report.exit == 1
    assert str(path) in reasons(report)[f"mirror:{name}"]
    assert (path / "notes.txt").read_text() == "not a repository"
    path.rename(path.with_suffix(".moved"))
    scene.converge_all()
    scene.assert_settled()


def lose_all(path):
    shutil.rmtree(path)


def lose_head(path):
    (path / "HEAD").unlink()


def lose_refs(path):
    (path / "packed-refs").unlink(missing_ok=True)
    shutil.rmtree(path / "refs/heads")
    (path / "refs/heads").mkdir()


def lose_objects(path):
    shutil.rmtree(path / "objects")
    (path / "objects").mkdir()


def leave_lock(path):
    lose_refs(path)
    (path / "refs/heads/master.lock").touch()
    (path / "packed-refs.lock").touch()


@pytest.mark.parametrize("damage", [lose_all, lose_head, lose_refs, lose_objects, leave_lock])
def test_12_damaged_mirror_is_made_again(scene, damage):
    """12. A mirror that lost something, or kept a dead process's lock, is repaired."""
    name = scene.project("mirrored")
    scene.converge_all()
    damage(scene.mirror / f"{name}.git")
    mark = scene.mark()
    report = scene.converge()
    assert (report.exit, dict(report.counts)) == (0, {"mirror": {"done": 1}}), report.steps
    scene.assert_nothing_written(mark)
    scene.assert_settled()


def test_12_mirror_folder_that_cannot_be_written_fails_the_mirror_only(scene):
    """12. Gerrit is complete although the mirror is not, and the reason names the place."""
    name = scene.project("mirrored", acl=scene.rights("core"))
    scene.mirror.rmdir()
    scene.mirror.write_text("a file where the folder should be")
    report = scene.converge()
    assert report.exit == 1
    assert reasons(report).keys() == {f"mirror:{name}"}
    assert str(scene.mirror) in reasons(report)[f"mirror:{name}"]
    scene.mirror.unlink()
    scene.mirror.mkdir()
    scene.converge_all()
    scene.assert_settled()


def test_12_branch_pushed_by_people_reaches_the_mirror(scene):
    """12. Later commits, branches and tags follow; a deleted branch leaves the mirror too."""
    name = scene.project("mirrored")
    scene.converge_all()
    scene.reader.push_file(name, "refs/heads/master", "README", "hello\n")
    scene.converge_all()
    scene.assert_settled()
