"""Failures 1 to 3 and 13: projects that stay empty, or half made, for ever."""

from __future__ import annotations

import os
import signal
import stat

import pytest
from acceptance.independent import run_git
from scene import make_upstream, reasons


def test_01_refused_first_push_is_reported_and_made_good(scene, server):
    """1. A refused first push is never noticed: here it is named, exit 1, and pushed again."""
    name = scene.project("empty", acl=scene.rights("core"))
    server.fault("refuse-pushes", project=name, ref="refs/heads/", text="no luck today", count=0)
    report = scene.converge()
    assert report.exit == 1
    assert "no luck today" in reasons(report)[f"content:{name}"]
    assert f"mirror:{name}" in reasons(report)
    server.clear_faults()
    scene.converge_all()
    scene.assert_settled()


@pytest.mark.parametrize("after", [False, True], ids=["before-its-effect", "after-its-effect"])
@pytest.mark.parametrize(
    "number",
    [2, 4, *(pytest.param(n, marks=pytest.mark.slow) for n in (1, 3, 5, 6))],
    ids="write{}".format,
)
def test_02_killed_converge_is_finished_by_the_next(scene, relay, number, after):
    """2. A kill between create and push: whichever write is cut, the next run ends whole."""
    scene.project("kid", acl=scene.rights("core", parent="mum"))
    scene.project("mum", acl=scene.rights("core"))
    relay.hold(number, after=after)
    process = scene.command("converge", wait=False)
    relay.catch(process)
    process.send_signal(signal.SIGKILL)
    process.wait()
    scene.url = scene.server.http_url
    scene.converge_all()
    scene.assert_settled()


def test_02_kill_between_create_and_push_is_finished_by_the_next(scene, relay):
    """2. The very case: the project was made, the process dies with its first push in hand."""
    name = scene.project("only")
    relay.hold(2, after=False)
    process = scene.command("converge", wait=False)
    relay.catch(process)
    assert PUSH_OF_ONLY in relay.request
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert "refs/heads/master" not in scene.reader.refs(name)
    scene.url = scene.server.http_url
    report = scene.converge()
    assert (report.exit, report.counts["content"]) == (0, {"done": 1})
    assert "project" not in report.counts, "what was made is not made again"
    scene.assert_settled()


PUSH_OF_ONLY = b"/only/git-receive-pack"


def test_03_import_that_failed_once_is_made_when_its_upstream_is_back(scene, tmp_path):
    """3. An upstream clone that fails once is never imported later: here it is."""
    upstream = tmp_path / "upstream"
    name = scene.project("imported", upstream=upstream.as_uri())
    report = scene.converge()
    assert report.exit == 1
    assert "upstream" in reasons(report)[f"content:{name}"]
    refs = scene.reader.refs(name)
    assert not [ref for ref in refs if ref.startswith(("refs/heads/", "refs/tags/"))], (
        "no first commit may take the place of the import"
    )
    make_upstream(upstream, "master", "stable")
    scene.converge_all()
    tip = run_git("rev-parse", "master", cwd=upstream).strip()
    refs = scene.reader.refs(name)
    assert refs["refs/heads/master"] == refs["refs/heads/stable"] == tip
    assert "refs/tags/v1" in refs
    scene.assert_settled()


def test_03_import_cut_between_its_pushes_is_finished(scene, server, tmp_path):
    """3. Branches and tags arrive before the default branch, whose presence is the proof."""
    url = make_upstream(tmp_path / "upstream", "main", "stable")
    name = scene.project("imported", upstream=url, default_branch="main")
    server.fault("refuse-pushes", project=name, ref="refs/heads/main$", text="cut", count=0)
    assert scene.converge().exit == 1
    refs = scene.reader.refs(name)
    assert {"refs/heads/stable", "refs/tags/v1"} <= refs.keys()
    assert "refs/heads/main" not in refs
    server.clear_faults()
    scene.converge_all()
    assert scene.reader.refs(name)["HEAD"] == "refs/heads/main"
    scene.assert_settled()


def test_03_import_that_lacks_a_tag_is_not_taken_for_whole(scene, server, tmp_path):
    """3. A tag is refused: the default branch is held back, so that the import is made good."""
    url = make_upstream(tmp_path / "upstream", "master", "stable")
    name = scene.project("imported", upstream=url)
    server.fault("refuse-pushes", project=name, ref="refs/tags/v1", text="full", count=0)
    report = scene.converge()
    assert report.exit == 1
    assert "full" in reasons(report)[f"content:{name}"]
    assert "refs/heads/master" not in scene.reader.refs(name)
    server.clear_faults()
    scene.converge_all()
    assert {"refs/heads/master", "refs/tags/v1"} <= scene.reader.refs(name).keys()
    scene.assert_settled()


def test_03_upstream_without_the_default_branch_is_named_not_guessed(scene, tmp_path):
    """3. An import that cannot succeed says what the upstream has and what to write."""
    url = make_upstream(tmp_path / "upstream", "trunk")
    name = scene.project("imported", upstream=url)
    report = scene.converge()
    assert report.exit == 1
    assert "trunk" in reasons(report)[f"content:{name}"]
    scene.entries[0]["default-branch"] = "trunk"
    scene.save()
    scene.converge_all()
    scene.assert_settled()


@pytest.mark.parametrize("stage", ["none", "config", "lock"])
def test_13_half_made_project_is_repaired_in_the_same_run(scene, server, stage):
    """13. Half-made repositories were never repaired: a creation cut on the server is."""
    mum = scene.project("mum", acl=scene.rights())
    kid = scene.project("kid", acl=scene.rights("core", parent="mum"))
    server.fault("half-made", project=f"{kid}$", stage=stage)
    report = scene.converge()
    if stage == "lock":
        assert report.exit == 1
        assert f"content:{kid}" in reasons(report)
        assert f"content:{mum}" not in reasons(report)
        for lock in server.root.rglob("*.lock"):
            lock.unlink()
        report = scene.converge()
    assert report.exit == 0, report.steps
    scene.assert_settled()


POINTS = [
    ("project.repo", "{0}/kid$"),
    ("project.config", "{0}/kid$"),
    ("group.before", "{0}-core$"),
    ("push.after", "{0}/mum refs/meta/config"),
]
MORE_POINTS = [
    ("project.config", "{0}/mum$"),
    ("call.after", "PUT .*groups"),
    ("push.before", "{0}/kid refs/heads"),
    ("push.after", "{0}/kid refs/heads"),
    ("push.before", "{0}/mum refs/meta/config"),
]


@pytest.mark.parametrize(
    ("point", "match"),
    [*POINTS, *(pytest.param(*point, marks=pytest.mark.slow) for point in MORE_POINTS)],
    ids=lambda value: value.replace("{0}", "")[:24],
)
def test_13_server_killed_in_the_middle_is_made_good(scene, server, point, match):
    """13. SIGKILL of Gerrit at any point: exit is not 0, and the next converge ends whole."""
    scene.project("kid", acl=scene.rights("core", parent="mum"))
    scene.project("mum", acl=scene.rights("core"))
    server.fault("die", at=point, match=match.format(scene.prefix))
    report = scene.converge()
    server.wait_dead()
    assert report.exit != 0
    server.restart()
    report = scene.converge()
    assert report.exit == 0, report.steps
    scene.assert_settled()


def test_13_project_made_by_hand_is_brought_into_line(scene):
    """13. A project that somebody made, with another HEAD and parent, is no special case."""
    name = scene.project("mine", acl=scene.rights("core"), default_branch="main")
    made = {"description": "by hand", "branches": ["master"]}
    assert scene.reader.send("PUT", f"/projects/{name.replace('/', '%2F')}", made) == 201
    scene.converge_all()
    scene.assert_settled()


def test_13_unwritable_cache_is_an_error_with_its_place(scene):
    """13. An error of the machine itself is told with its path, and nothing is half done."""
    if os.geteuid() == 0:
        (scene.root / "cache").write_text("a file where the folder should be")
    else:
        scene.root.chmod(stat.S_IRUSR | stat.S_IXUSR)
    scene.project("any")
    done = scene.command("converge")
    assert done.returncode not in (0, None)
    assert str(scene.root / "cache") in done.stdout + done.stderr
    assert "Traceback" not in done.stderr
