"""A project under another name: by copying, and by the rename plugin where it answers."""

from __future__ import annotations

import json
import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import requests

from saltern.providers.gerrit import GerritProvider
from saltern.steps import FAILED, RETRY, Step
from tests.providers.gerrit_fixtures import apply_one, content_step, look, project_step, q


def moved_step(name: str, old: str | None, **more) -> Step:
    """Return a step that makes a project whose content comes from `old`."""
    step = project_step(name, **more)
    return Step("project", name, "missing", {**step.payload, "moved_from": old})


def move_step(name: str, old: str, head: str | None = None, branch: str = "master") -> Step:
    """Return a step that moves the content of `old`."""
    return content_step(name, branch, moved_from=old, moved_head=head)


def retire_step(old: str, new: str, branch: str = "master") -> Step:
    """Return a step that closes `old`."""
    payload = {
        "to": new,
        "description": f"Renamed to {new}.",
        "state": "READ_ONLY",
        "default_branch": branch,
    }
    return Step("retire", old, f"moved to {new}", payload)


@pytest.fixture
def old(review) -> str:
    """A project with two branches and a tag."""
    name = review.name("old")
    body = {"create_empty_commit": True, "branches": ["master", "stable/1"], "description": "It"}
    review.rest("PUT", f"/projects/{name}", body)
    review.rest("PUT", f"/projects/{name}/tags/v1", {"revision": "refs/heads/stable/1"})
    return name


@pytest.fixture
def new(review, provider) -> str:
    """A project without content."""
    name = review.name("new")
    assert apply_one(provider, project_step(name)).ok
    return name


def refs(review, name):
    """Return branches and tags with their commits, by git."""
    lines = review.git("ls-remote", "--heads", "--tags", f"{{URL}}/{name}").splitlines()
    return {ref: sha for sha, ref in (line.split("\t") for line in lines)}


def info(review, name):
    found = review.rest("GET", f"/projects/{q(name)}")
    return found["state"], found.get("description", "")


def push_file(review, tmp_path: Path, name: str, text: str, branch: str = "master") -> None:
    """Commit a file on a branch of a project."""
    work = tmp_path / f"work-{text}"
    review.git("clone", "-q", "-b", branch, f"{{URL}}/{name}", str(work))
    (work / "file").write_text(text)
    review.git("add", "file", cwd=work)
    review.git("commit", "-q", "-m", text, cwd=work)
    review.git("push", "-q", "origin", branch, cwd=work)


def test_content_moves_with_branches_and_tags(review, provider, old, new):
    """Every branch and tag stands in the new project, and a second time nothing is pushed."""
    assert apply_one(provider, move_step(new, old)).ok
    assert refs(review, new) == refs(review, old) != {}
    assert apply_one(provider, move_step(new, old)).ok


def test_default_branch_of_another_name_is_made_at_the_old_head(review, provider, old):
    """An old project whose HEAD is master becomes one whose default branch is main."""
    name = review.name("new")
    assert apply_one(provider, project_step(name, branch="main")).ok
    head = review.tip(old, "refs/heads/master")
    assert apply_one(provider, move_step(name, old, head, "main")).ok
    assert refs(review, name)["refs/heads/main"] == head
    assert review.rest("GET", f"/projects/{name}/HEAD") == "refs/heads/main"


def test_empty_old_project_gives_a_first_commit(review, provider, new):
    """Where there is nothing to move the new project gets its first commit all the same."""
    empty = review.name("old")
    review.rest("PUT", f"/projects/{empty}", {})
    assert apply_one(provider, move_step(new, empty)).ok
    assert ".gitreview" in review.git("ls-remote", f"{{URL}}/{new}") or review.file(
        new, ".gitreview", "refs/heads/master"
    )


def test_old_name_is_closed_and_points_to_the_new_one(review, provider, old, new):
    """Read-only, a pointer in its description, its own content untouched."""
    before = refs(review, old)
    assert apply_one(provider, move_step(new, old)).ok
    assert apply_one(provider, retire_step(old, new)).ok
    assert info(review, old) == ("READ_ONLY", f"Renamed to {new}.")
    assert refs(review, old) == before
    assert apply_one(provider, retire_step(old, new)).ok


def test_commits_of_the_meantime_are_moved_before_closing(review, provider, old, new, tmp_path):
    """The old name went on after the copy: the new one follows; what went on there stays."""
    assert apply_one(provider, move_step(new, old)).ok
    push_file(review, tmp_path, old, "late")
    push_file(review, tmp_path, new, "ahead", "stable/1")
    assert apply_one(provider, retire_step(old, new)).ok
    assert refs(review, new)["refs/heads/master"] == refs(review, old)["refs/heads/master"]
    assert refs(review, new)["refs/heads/stable/1"] != refs(review, old)["refs/heads/stable/1"]


def test_names_that_went_different_ways_are_not_closed(review, provider, old, new, tmp_path):
    """Nothing is lost or forced: the branch is named and the old project stays open."""
    assert apply_one(provider, move_step(new, old)).ok
    push_file(review, tmp_path, old, "one")
    push_file(review, tmp_path, new, "two")
    outcome = apply_one(provider, retire_step(old, new))
    assert (outcome.status, outcome.code) == (FAILED, "diverged")
    assert "refs/heads/master" in outcome.reason
    assert info(review, old) == ("ACTIVE", "It")


def test_old_name_is_not_closed_before_the_new_one_is_there(review, provider, old):
    """A pointer that leads nowhere is never set."""
    outcome = apply_one(provider, retire_step(old, review.name("never")))
    assert outcome.status == RETRY
    assert info(review, old)[0] == "ACTIVE"


def test_server_without_the_plugin_makes_the_project_anew(review, provider, old):
    """Without the plugin the project is made, to be filled by the next step."""
    name = review.name("new")
    outcome = apply_one(provider, moved_step(name, old))
    assert outcome.ok
    assert "renamed" not in outcome.evidence
    assert info(review, old)[0] == "ACTIVE"


class PluginRelay(ThreadingHTTPServer):
    """In front of a server: says that it has the rename plugin and answers as it is told.

    `answer` is the status of the POST; with `works` the project is made under its new name
    before, by what the server has, and the old one shows no more.
    """

    daemon_threads = True

    def __init__(self, review, answer: int, works: bool):
        super().__init__(("127.0.0.1", 0), PluginHandler)
        self.review, self.answer, self.works = review, answer, works
        self.gone: set[str] = set()
        self.asked: list[dict] = []
        self.url = f"http://127.0.0.1:{self.server_address[1]}"
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def rename(self, old: str, new: str) -> None:
        """Do by hand what the plugin would do by itself."""
        body = {"description": self.review.rest("GET", f"/projects/{old}").get("description", "")}
        self.review.rest("PUT", f"/projects/{new}", body)
        with GerritProvider(self.review.settings(Path(self.cache))) as provider:
            assert apply_one(provider, move_step(new, old)).ok
        self.gone.add(old)


class PluginHandler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_args) -> None:
        """Say nothing."""

    def handle_any(self) -> None:
        size = int(self.headers.get("Content-Length") or 0)
        data = self.rfile.read(size)
        if self.path == "/a/plugins/":
            return self.reply(200, {"rename": {"id": "rename", "version": "1"}})
        found = re.fullmatch(r"/a/projects/([^/]+)/rename~rename", self.path)
        if found:
            self.server.asked.append(json.loads(data))
            if self.server.works:
                self.server.rename(found[1], json.loads(data)["name"])
            return self.reply(self.server.answer, {})
        if any(self.path.startswith(f"/a/projects/{name}") for name in self.server.gone):
            return self.reply(404, None)
        return self.pass_on(data)

    def pass_on(self, data: bytes) -> None:
        url = self.server.review.url + self.path
        skip = ("host", "connection", "content-length", "accept-encoding")
        headers = {k: v for k, v in self.headers.items() if k.lower() not in skip}
        answer = requests.request(self.command, url, data=data, headers=headers, timeout=120)
        body = answer.content
        if self.path.startswith("/a/projects/?") and self.server.gone:
            rows = json.loads(body[4:])
            rows = {name: row for name, row in rows.items() if name not in self.server.gone}
            body = b")]}'\n" + json.dumps(rows).encode()
        self.send(answer.status_code, answer.headers.get("Content-Type", ""), body)

    def reply(self, status: int, data) -> None:
        if data is None:
            return self.send(status, "text/plain", b"Not found\n")
        return self.send(status, "application/json", b")]}'\n" + json.dumps(data).encode())

    def send(self, status: int, kind: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_PUT = do_POST = do_DELETE = handle_any


@pytest.fixture
def relay(review, tmp_path):
    """Return a function that starts a relay and returns it with a provider behind it."""
    started = []

    def start(answer: int, works: bool):
        made = PluginRelay(review, answer, works)
        made.cache = tmp_path / "by-hand"
        settings = review.settings(tmp_path / "relay-cache")
        provider = GerritProvider(type(settings)(**{**vars(settings), "url": made.url}))
        started.append((made, provider))
        return made, provider

    yield start
    for made, provider in started:
        provider.close()
        made.shutdown()
        made.server_close()


def test_plugin_renames_and_the_steps_behind_find_it_done(review, relay, old):
    """What the plugin did is read back; content is there, and the old name is gone."""
    made, provider = relay(200, True)
    name = review.name("new")
    before = refs(review, old)
    outcome = apply_one(provider, moved_step(name, old, description="It"))
    assert outcome.ok, outcome
    assert outcome.evidence["renamed"] is True
    assert made.asked == [{"name": name}]
    assert apply_one(provider, move_step(name, old)).ok
    assert refs(review, name) == before
    assert apply_one(provider, retire_step(old, name)).evidence == {"gone": True}


@pytest.mark.parametrize("answer", [200, 404, 405, 409, 500], ids=str)
def test_plugin_that_does_not_rename_is_not_believed(review, relay, old, answer):
    """Whatever it answers: as long as nothing shows, the project is made and filled by copying."""
    _, provider = relay(answer, False)
    name = review.name("new")
    outcome = apply_one(provider, moved_step(name, old))
    assert outcome.ok, outcome
    assert apply_one(provider, move_step(name, old)).ok
    assert refs(review, name) == refs(review, old)
    assert info(review, old)[0] == "ACTIVE"


def test_plugin_that_renamed_but_answered_an_error_is_found_out(review, relay, old):
    """An error after the fact changes nothing: what shows decides."""
    _, provider = relay(500, True)
    name = review.name("new")
    outcome = apply_one(provider, moved_step(name, old))
    assert outcome.ok, outcome
    assert look(provider, name)["projects"][name]["head"]
