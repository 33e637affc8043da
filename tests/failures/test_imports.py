"""Imports from somebody else's git server: cut, slow, huge, hostile; always whole in the end."""

from __future__ import annotations

import json
import os
import signal
import time

import pytest
from acceptance.independent import run_git
from scene import reasons

from tests.providers.upstream_server import UpstreamServer

IDENTITY = "Up Stream <up@example.com>"


@pytest.fixture
def upstream(tmp_path):
    """A git server of somebody else's."""
    root = tmp_path / "upstream"
    root.mkdir()
    made = UpstreamServer(root)
    yield made
    made.close()


def history(upstream, name, commits, *, size=0, every=0):
    """Make a repository with a straight history by fast-import; a tag every so many commits.

    With `size` each commit brings so many bytes that do not compress.
    """
    path = upstream.root / f"{name}.git"
    run_git("init", "-q", "--bare", "-b", "main", str(path))
    lines = []
    for number in range(1, commits + 1):
        who = f"{IDENTITY} {1_700_000_000 + 60 * number} +0000"
        lines.append(f"commit refs/heads/main\nmark :{number}\ncommitter {who}\ndata 2\nc\n")
        body = os.urandom(size // 2).hex() if size else str(number)
        lines.append(f"M 644 inline file{number % 7}\ndata {len(body)}\n{body}\n")
        if every and number % every == 0:
            lines.append(f"reset refs/tags/v{number // every}\nfrom :{number}\n\n")
    stream = path / "stream"
    stream.write_text("".join(lines) + "done\n")
    with stream.open("rb") as given:
        _feed(path, given)
    stream.unlink()
    return path


def _feed(path, given):
    import subprocess

    command = ["git", "--git-dir", str(path), "fast-import", "--quiet", "--done"]
    subprocess.run(command, stdin=given, check=True, timeout=200)


def branch(path, name, start):
    run_git("--git-dir", str(path), "branch", name, start)


def refs_of(path):
    lines = run_git("--git-dir", str(path), "show-ref").splitlines()
    return {ref: sha for sha, ref in (line.split() for line in lines)}


def on_server(scene, name):
    found = scene.reader.refs(name)
    return {r: s for r, s in found.items() if r.startswith(("refs/heads/", "refs/tags/"))}


def imported(scene, name, upstream, repository, **keys):
    """Add a project that imports `repository` of the server."""
    url = f"{upstream.url}/{repository}"
    return scene.project(name, upstream=url, default_branch="main", **keys)


def with_settings(scene, **gerrit):
    settings = scene.settings()
    settings["gerrit"].update(gerrit)
    scene.settings = lambda: settings


def work(scene):
    """What is left in the directory of imports, lock files apart."""
    root = scene.root / "cache" / "import"
    return sorted(path.name for path in root.iterdir() if path.suffix != ".lock")


def test_branches_and_tags_are_imported_over_http(scene, upstream):
    """Every branch and tag of the other server is on Gerrit and its mirror."""
    path = history(upstream, "lib", 30, every=5)
    branch(path, "stable/1", "v2")
    name = imported(scene, "lib", upstream, "lib.git")
    scene.converge_all()
    assert on_server(scene, name) == refs_of(path)
    assert work(scene) == []
    scene.assert_settled()


def test_patterns_choose_branches_and_tags(scene, upstream):
    """What matches is imported, the default branch always; an empty list means none."""
    path = history(upstream, "lib", 30, every=5)
    for each in ("stable/1", "stable/2", "wip/x"):
        branch(path, each, "v2")
    some = imported(
        scene, "some", upstream, "lib.git", upstream_branches=["stable/*"], upstream_tags=["v[12]"]
    )
    none = imported(scene, "none", upstream, "lib.git", upstream_branches=[], upstream_tags=[])
    scene.converge_all()
    have = refs_of(path)
    wanted = ["refs/heads/main", "refs/heads/stable/1", "refs/heads/stable/2"]
    wanted += ["refs/tags/v1", "refs/tags/v2"]
    assert on_server(scene, some) == {ref: have[ref] for ref in wanted}
    assert on_server(scene, none) == {"refs/heads/main": have["refs/heads/main"]}
    scene.assert_settled()


def test_prefix_goes_with_patterns(scene, upstream):
    """Branches are kept under the prefix too, a slash at its end or not."""
    path = history(upstream, "lib", 5)
    branch(path, "stable/1", "main")
    branch(path, "wip", "main")
    name = imported(
        scene, "lib", upstream, "lib.git", upstream_prefix="up/", upstream_branches=["stable/*"]
    )
    scene.converge_all()
    heads = {ref.removeprefix("refs/heads/") for ref in on_server(scene, name)}
    assert heads == {"main", "stable/1", "up/main", "up/stable/1"}
    scene.assert_settled()


def test_cut_connection_is_taken_up_where_it_was(scene, upstream):
    """What one portion of the fetch brought is not fetched again, in this run or the next."""
    path = history(upstream, "lib", 120, size=20_000, every=2)
    name = imported(scene, "lib", upstream, "lib.git")
    upstream.cut_on = 4
    report = scene.converge()
    assert reasons(report).keys() >= {f"content:{name}"}
    assert "goes on from there" in reasons(report)[f"content:{name}"]
    assert work(scene), "what was fetched is kept"
    (progress,) = (scene.root / "cache" / "import").glob("*.json")
    assert json.loads(progress.read_text())["phase"] == "stopped"
    upstream.cut_on, upstream.sent = None, 0
    scene.converge_all()
    whole = sum(each.stat().st_size for each in path.rglob("*.pack"))
    assert upstream.sent < whole * 2 / 3, "what was there was fetched again"
    assert on_server(scene, name) == refs_of(path)
    assert work(scene) == []
    scene.assert_settled()


def test_slow_server_is_left_after_the_time_limit(scene, upstream):
    """A trickle is ended with a reason; other projects are done, and a fast day ends it."""
    path = history(upstream, "lib", 20, size=20_000)
    name = imported(scene, "lib", upstream, "lib.git")
    other = scene.project("other")
    upstream.pause = 0.2
    with_settings(scene, import_timeout=2.0)
    report = scene.converge()
    assert "import_timeout (2 s)" in reasons(report)[f"content:{name}"]
    scene.assert_as_asked([other])
    upstream.pause = 0.0
    with_settings(scene, import_timeout=60.0)
    scene.converge_all()
    assert on_server(scene, name) == refs_of(path)
    scene.assert_settled()


def test_repository_that_is_too_big_is_refused(scene, upstream):
    """The limit holds while it is fetched, says which setting it is, and leaves nothing behind."""
    history(upstream, "lib", 30, size=100_000)
    name = imported(scene, "lib", upstream, "lib.git")
    upstream.pause = 0.004
    with_settings(scene, import_bytes=1_000_000)
    report = scene.converge()
    assert "import_bytes (1000000 bytes)" in reasons(report)[f"content:{name}"]
    assert upstream.sent < 3_000_000, "it was stopped on the way"
    assert "refs/heads/main" not in on_server(scene, name)
    assert work(scene) == []


def test_twelve_thousand_commits_are_imported_default_branch_last(scene, upstream):
    """More commits than Gerrit validates in a push arrive whole, the tags before the branch."""
    path = history(upstream, "lib", 12_000, every=2_000)
    name = imported(scene, "lib", upstream, "lib.git")
    mark = scene.mark()
    scene.converge_all()
    assert on_server(scene, name) == refs_of(path)
    scene.assert_settled()
    calls = [c for c in scene.server.call_log(mark) if c["kind"] == "git" and c.get("refs")]
    pushes = [
        sorted(c["refs"]) for c in calls if name in c["project"] and "receive" in c["service"]
    ]
    assert pushes[-1] == ["refs/heads/main"] or "refs/meta/config" in pushes[-1]
    assert any("refs/tags/v1" in refs and "refs/heads/main" not in refs for refs in pushes)


def test_missing_right_to_skip_validation_is_named(scene, server, upstream):
    """A ref with more commits than Gerrit validates needs rights that the reason lists."""
    history(upstream, "lib", 10_500)
    name = imported(scene, "lib", upstream, "lib.git")
    text = "prohibited by Gerrit: not permitted: skip validation"
    server.fault("refuse-pushes", project=name, ref="refs/heads/main", text=text)
    report = scene.converge()
    reason = reasons(report)[f"content:{name}"]
    assert "Forge Server Identity and Push Merge" in reason
    assert "refs/heads/main" not in on_server(scene, name)


def test_redirect_to_another_repository_is_followed(scene, upstream):
    """A repository that moved is found, as on any code host."""
    path = history(upstream, "new", 5)
    upstream.redirects = {"/old.git": f"{upstream.url}/new.git"}
    name = imported(scene, "lib", upstream, "old.git")
    scene.converge_all()
    assert on_server(scene, name) == refs_of(path)


@pytest.mark.parametrize(
    "target",
    ["http://forbidden.example/x.git", "file:///etc", "gopher://127.0.0.1:70/x", "http://u:p@h/x"],
)
def test_redirect_to_what_is_not_allowed_is_refused(scene, upstream, target):
    """Each hop is checked as the URL itself, and git follows none of its own accord."""
    history(upstream, "lib", 2)
    upstream.redirects = {"/lib.git": target}
    name = imported(scene, "lib", upstream, "lib.git")
    settings = scene.settings()
    settings["gerrit"]["import_schemes"] = ["http"]
    settings["gerrit"]["import_hosts"] = ["127.0.0.1"]
    settings["registry"]["allow_local_upstreams"] = False
    scene.settings = lambda: settings
    report = scene.converge()
    assert report.exit == 1
    reason = reasons(report)[f"content:{name}"]
    assert "redirects to" in reason or "import_hosts" in reason, reason
    assert "u:p@" not in reason


def test_endless_redirects_end(scene, upstream):
    """A circle of redirects is a reason, not a hang."""
    upstream.redirects = {"/a.git": f"{upstream.url}/b.git", "/b.git": f"{upstream.url}/a.git"}
    name = imported(scene, "lib", upstream, "a.git")
    report = scene.converge()
    assert "more than 5 redirects" in reasons(report)[f"content:{name}"]


def test_host_of_this_network_is_refused_unless_named(scene, upstream):
    """Without a setting that names it, an address of this network is not fetched from."""
    path = history(upstream, "lib", 2)
    name = imported(scene, "lib", upstream, "lib.git")
    settings = scene.settings()
    settings["registry"]["allow_local_upstreams"] = False
    scene.settings = lambda: settings
    report = scene.converge()
    assert "not public" in reasons(report)[f"content:{name}"]
    assert upstream.seen == [], "nothing was asked of it"
    settings["gerrit"]["import_hosts"] = ["127.0.0.1"]
    scene.converge_all()
    assert on_server(scene, name) == refs_of(path)


def test_hostile_refs_and_files_of_an_upstream_stay_data(scene, upstream, tmp_path):
    """Hooks, submodules and odd names of the other side run nothing here and stay as they are."""
    path = history(upstream, "lib", 2)
    mark = tmp_path / "ran"
    for hook in ("post-checkout", "update", "reference-transaction", "post-receive"):
        script = path / "hooks" / hook
        script.write_text(f"#!/bin/sh\ntouch {mark}\n")
        script.chmod(0o755)
    (path / "hooks" / "reference-transaction").unlink()
    for odd in ("$(touch x)", "-x;y", "ä", "a'b\"c"):
        run_git(
            "--git-dir", str(path), "update-ref", f"refs/heads/t/{odd}".replace(" ", ""), "main"
        )
    tree = tmp_path / "tree"
    run_git("clone", "-q", str(path), str(tree))
    (tree / ".gitmodules").write_text(f'[submodule "x"]\n\tpath = x\n\turl = "ext::touch {mark}"\n')
    run_git("add", ".gitmodules", cwd=tree)
    who = ("-c", "user.name=u", "-c", "user.email=u@example.com")
    run_git(*who, "commit", "-q", "-m", "sub", cwd=tree)
    run_git("push", "-q", "origin", "HEAD:main", cwd=tree)
    mark.unlink(missing_ok=True)
    name = imported(scene, "lib", upstream, "lib.git")
    scene.converge_all()
    assert on_server(scene, name) == refs_of(path)
    assert not mark.exists()


def test_kill_in_the_middle_of_a_fetch_ends_whole(scene, upstream):
    """A killed process leaves work that the next one takes up, and then nothing."""
    path = history(upstream, "lib", 60, size=20_000, every=3)
    name = imported(scene, "lib", upstream, "lib.git")
    upstream.pause = 0.002
    process = scene.command("converge", wait=False)
    deadline = time.monotonic() + 120
    while upstream.fetches == 0 or not upstream.sent:
        assert time.monotonic() < deadline, "the fetch never began"
        time.sleep(0.005)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    upstream.pause = 0.0
    assert "refs/heads/main" not in on_server(scene, name)
    while reasons(report := scene.converge()):
        codes = {row["code"] for row in report.steps}
        assert codes <= {"import-busy", "needs"}, report.steps
        assert time.monotonic() < deadline + 60
    assert on_server(scene, name) == refs_of(path)
    assert work(scene) == []
    scene.assert_settled()


def test_work_that_nobody_came_back_to_is_removed(scene, upstream):
    """A directory of an old import goes with the next import, whatever it was for."""
    history(upstream, "lib", 2)
    old = scene.root / "cache" / "import" / "0123456789abcdef"
    old.mkdir(parents=True)
    (old / "rest").write_text("x")
    os.utime(old, (1, 1))
    imported(scene, "lib", upstream, "lib.git")
    scene.converge_all()
    assert work(scene) == []
