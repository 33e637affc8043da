"""Clients that others wrote, on the server under test: git, git-review, gerritlib, pygerrit2."""

from __future__ import annotations

import contextlib
import json
import os
import queue
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from gerritlib.gerrit import Gerrit
from pygerrit2 import GerritRestAPI, HTTPBasicAuth
from replay import setups
from replay.transport import Run, git_environment, run_process
from replay.world import World

MASTER = "refs/heads/master"
TRANSPORTS = ("http", "ssh")
EVENT_SECONDS = 90


@pytest.fixture(scope="module")
def world(open_world) -> Iterator[World]:
    """A fresh server with the users and grants of the recordings."""
    opened = open_world("clients")
    setups.common(opened)
    yield opened
    open_world.close()


@pytest.fixture(scope="module")
def tools(world: World) -> Path:
    """A folder with `ssh` and `scp` that use the admin's key and the server's host key only."""
    folder = world.root / "bin"
    folder.mkdir()
    admin = world.users["admin"]
    options = world.ssh_client.options(admin.name, admin.key)
    # The port and user come from the caller's own arguments.
    options = options[: options.index("-p")]
    for name in ("ssh", "scp"):
        path = folder / name
        path.write_text(f'#!/bin/sh\nexec {shutil.which(name)} {" ".join(options)} "$@"\n')
        path.chmod(0o755)
    return folder


def client_environment(world: World, tools: Path) -> dict[str, str]:
    """git's environment, with those tools first and the admin's password in a credential store."""
    env = git_environment(world.home)
    config, store = world.root / "gitconfig", world.root / "credentials"
    admin = world.users["admin"]
    address = world.bindings.addresses["<http>"]
    store.write_text(f"http://{admin.name}:{admin.password}@{address}\n", encoding="ascii")
    store.chmod(0o600)
    config.write_text(
        f"[credential]\n\thelper = store --file {store}\n[gitreview]\n\tusername = {admin.name}\n"
        "[user]\n\tname = Administrator\n\temail = admin@example.com\n",
        encoding="ascii",
    )
    env["GIT_CONFIG_GLOBAL"] = str(config)
    env["PATH"] = os.pathsep.join([str(tools), str(Path(sys.executable).parent), env["PATH"]])
    return env


def check(run: Run) -> Run:
    """The run, which must have ended well."""
    assert run.exit == 0, f"exit {run.exit}\n{run.stdout}{run.stderr}"
    return run


def clone_url(world: World, project: str, transport: str) -> str:
    """URL as a user would type it: with the user's name, no password."""
    server, admin = world.server, world.users["admin"].name
    if transport == "ssh":
        return f"ssh://{admin}@{server.ssh_host}:{server.ssh_port}/{project}"
    return f"http://{admin}@{world.bindings.addresses['<http>']}/a/{project}"


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_git_clone_commit_push_round_trip(world, tools, tmp_path, transport):
    """What git pushes from a clone is what a second clone finds."""
    project = f"clients/git-{transport}"
    world.project(project, create_empty_commit=True)
    env, url = client_environment(world, tools), clone_url(world, project, transport)
    first, second = tmp_path / "first", tmp_path / "second"
    check(run_process(["git", "clone", "-q", url, str(first)], env=env))
    (first / "README").write_text("hello\n")
    for command in (
        ["git", "add", "README"],
        ["git", "commit", "-q", "-m", "Say hello"],
        ["git", "tag", "-a", "-m", "one", "v1"],
        ["git", "push", "-q", "origin", "HEAD:master", "HEAD:refs/heads/stable/1", "v1"],
    ):
        check(run_process(command, env=env, cwd=first))
    check(run_process(["git", "clone", "-q", "-b", "stable/1", url, str(second)], env=env))
    log = check(run_process(["git", "log", "--format=%s", "-1", "v1"], env=env, cwd=second))
    assert log.stdout == "Say hello\n"
    assert (second / "README").read_text() == "hello\n"
    check(run_process(["git", "fsck", "--strict"], env=env, cwd=second))


def test_git_shallow_clone_protocol_v2_one_commit(world, tools, tmp_path):
    """A shallow clone over protocol v2 holds one commit of three."""
    project = "clients/shallow"
    world.project(project)
    repository = world.repository(project)
    repository.series(MASTER, 3)
    world.must_push(project, f"{MASTER}:{MASTER}")
    env, url = client_environment(world, tools), clone_url(world, project, "http")
    command = ["git", "-c", "protocol.version=2", "clone", "-q", "--depth=1", url, "shallow"]
    check(run_process(command, env=env, cwd=tmp_path))
    count = run_process(["git", "rev-list", "--count", "HEAD"], env=env, cwd=tmp_path / "shallow")
    assert check(count).stdout == "1\n"


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_git_review_commit_and_amended_commit_two_patch_sets(world, tools, tmp_path, transport):
    """git-review installs the hook, uploads a change, and an amended commit as its patch set 2."""
    project = f"clients/review-{transport}"
    world.project(project, create_empty_commit=True)
    env, clone = client_environment(world, tools), tmp_path / "clone"
    check(
        run_process(
            ["git", "clone", "-q", clone_url(world, project, transport), str(clone)], env=env
        )
    )
    port = world.server.ssh_port if transport == "ssh" else world.server.http_url.rpartition(":")[2]
    (clone / ".gitreview").write_text(
        f"[gerrit]\nhost={world.server.ssh_host}\nport={port}\nproject={project}\n"
        f"defaultbranch=master\nscheme={transport}\n"
    )
    steps = [
        ["git", "add", ".gitreview"],
        ["git-review", "-s"],
        ["git", "commit", "-q", "-m", "Add .gitreview"],
        ["git-review", "--yes", "-R", "-t", "setup"],
        ["git", "commit", "-q", "--amend", "--no-edit", "--date=2020-01-01T00:00:00"],
        ["git-review", "--yes", "-R", "-t", "setup"],
    ]
    for command in steps:
        check(run_process(command, env=env, cwd=clone))
    found = world.must("GET", f"/a/changes/?q=project:{project}&o=CURRENT_REVISION")
    assert [(one["subject"], one["topic"], one["current_revision_number"]) for one in found] == [
        ("Add .gitreview", "setup", 2)
    ]
    head = check(run_process(["git", "rev-parse", "HEAD"], env=env, cwd=clone)).stdout.strip()
    assert found[0]["current_revision"] == head


@pytest.fixture
def gerritlib(world: World) -> Gerrit:
    """gerritlib, connected as admin."""
    admin, server = world.users["admin"], world.server
    return Gerrit(server.ssh_host, admin.name, server.ssh_port, str(admin.key))


@pytest.mark.filterwarnings("ignore:Unknown ssh-ed25519 host key")
def test_gerritlib_create_project_and_group_listed(world, gerritlib):
    """The calls that the replaced script makes work: create, then list."""
    gerritlib.createProject("clients/lib", require_change_id=False, empty_repo=True)
    gerritlib.createGroup("clients lib core")
    assert "clients/lib" in gerritlib.listProjects()
    assert "clients lib core" in gerritlib.listGroups()
    assert gerritlib.parseGerritVersion(gerritlib.getVersion()) >= (3, 11)


@pytest.mark.filterwarnings("ignore:Unknown ssh-ed25519 host key")
def test_gerritlib_create_project_twice_error(world, gerritlib):
    """Creating what is there is an error, not a success."""
    gerritlib.createProject("clients/lib-twice")
    with pytest.raises(Exception, match="Gerrit error executing"):
        gerritlib.createProject("clients/lib-twice")


WATCH = """
import json, sys
from gerritlib.gerrit import Gerrit

host, user, port, key = sys.argv[1:]
gerrit = Gerrit(host, user, int(port), key)
gerrit.startWatching(connection_attempts=1)
while True:
    print(json.dumps(gerrit.getEvent()), flush=True)
"""


@pytest.fixture
def watched(world: World) -> Iterator[queue.Queue]:
    """Events as gerritlib's watcher gives them; it never ends, so it has a process of its own."""
    admin, server = world.users["admin"], world.server
    where = [server.ssh_host, admin.name, str(server.ssh_port), str(admin.key)]
    watcher = subprocess.Popen(
        [sys.executable, "-W", "ignore", "-c", WATCH, *where],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
    )
    events: queue.Queue = queue.Queue()

    def read() -> None:
        for line in watcher.stdout:
            events.put(json.loads(line))

    reader = threading.Thread(target=read)
    reader.start()
    yield events
    watcher.kill()
    watcher.wait()
    reader.join()
    watcher.stdout.close()


def test_gerritlib_watching_project_created_event(world, watched):
    """The watcher hears of a project that was created after it was connected."""
    deadline = time.monotonic() + EVENT_SECONDS
    heard, number = "", 0
    # The first ones may come before the stream is there.
    while not heard and time.monotonic() < deadline:
        number += 1
        world.project(f"clients/watched-{number}")
        with contextlib.suppress(queue.Empty):
            while not heard:
                event = watched.get(timeout=1)
                heard = event["projectName"] if event["type"] == "project-created" else ""
    assert heard.startswith("clients/watched-")


@pytest.fixture
def pygerrit2(world: World) -> GerritRestAPI:
    """pygerrit2, logged in as admin."""
    admin = world.users["admin"]
    return GerritRestAPI(world.server.http_url, auth=HTTPBasicAuth(admin.name, admin.password))


def test_pygerrit2_project_life_as_asked(world, pygerrit2):
    """Create, describe, list and read back through pygerrit2."""
    made = pygerrit2.put("/projects/clients%2Frest", json={"create_empty_commit": True})
    assert made["name"] == "clients/rest"
    pygerrit2.put("/projects/clients%2Frest/description", json={"description": "d"})
    listed = pygerrit2.get("/projects/?p=clients/rest&d&b=refs/meta/config")
    assert listed["clients/rest"]["description"] == "d"
    assert set(listed["clients/rest"]["branches"]) == {"refs/meta/config"}


def test_pygerrit2_create_project_twice_conflict(world, pygerrit2):
    """A second creation is HTTP error 409 with Gerrit's text."""
    pygerrit2.put("/projects/clients%2Frest-twice", json={})
    with pytest.raises(requests.HTTPError) as raised:
        pygerrit2.put("/projects/clients%2Frest-twice", json={})
    assert raised.value.response.status_code == 409
    assert "already exists" in raised.value.response.text


def test_pygerrit2_change_review_submit_merged(world, pygerrit2):
    """A change made, voted on and submitted through pygerrit2 ends up merged."""
    world.project("clients/change", create_empty_commit=True)
    change = pygerrit2.post(
        "/changes/", json={"project": "clients/change", "branch": "master", "subject": "By REST"}
    )
    number = change["_number"]
    pygerrit2.put(f"/changes/{number}/edit/file.txt", data="text\n")
    pygerrit2.post(f"/changes/{number}/edit:publish", json={})
    pygerrit2.post(
        f"/changes/{number}/revisions/current/review", json={"labels": {"Code-Review": 2}}
    )
    pygerrit2.post(f"/changes/{number}/submit", json={})
    assert pygerrit2.get(f"/changes/{number}")["status"] == "MERGED"


def test_pygerrit2_file_content_text_itself(world, pygerrit2):
    """To a client that accepts JSON only, a file's content is a JSON string, not base64."""
    project = "clients/content"
    world.project(project)
    world.repository(project).commit(MASTER, {"file.txt": "text = ä\n"})
    world.must_push(project, f"{MASTER}:{MASTER}")
    path = "/projects/clients%2Fcontent/branches/master/files/file.txt/content"
    assert pygerrit2.get(path) == "text = ä\n"
