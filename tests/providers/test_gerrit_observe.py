"""Observation of a Gerrit: what is seen, what is said of it, and at what cost."""

from __future__ import annotations

import dataclasses
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from saltern.errors import Broken, Refused, Retry
from saltern.providers.gerrit import GerritProvider
from tests.providers.gerrit_fixtures import (
    access_step,
    acl,
    apply_one,
    content_step,
    git,
    look,
    project_step,
    start,
)


def make(provider, *names):
    """Make projects with an ACL and a first commit."""
    provider.apply([project_step(name) for name in names])
    steps = [content_step(name) for name in names] + [access_step(n, acl()) for n in names]
    assert all(outcome.ok for outcome in provider.apply(steps))


def test_fresh_server_names_the_missing_grants(tmp_path):
    """Without Push on refs/meta/config a problem says so, with the grant that mends it."""
    fresh = start(tmp_path / "fresh")
    try:
        with GerritProvider(fresh.settings(tmp_path / "cache")) as provider:
            found = {problem["code"]: problem for problem in look(provider)["problems"]}
    finally:
        fresh.process.stop()
    problem = found["right-push-refs/meta/config"]
    assert "may not Push on refs/meta/config" in problem["what"]
    assert "grant Push on refs/meta/config in All-Projects" in problem["remedy"]
    assert "Administrators" in problem["remedy"]


def test_granted_server_has_no_problems(provider):
    """With the grants in place nothing stands in the way."""
    assert provider.check() == []


def test_account_without_rights_gets_a_problem_for_each_capability(review, tmp_path):
    """A plain account is told which capabilities it lacks."""
    name = review.name("user")
    review.rest("PUT", f"/accounts/{name}", {"http_password": "x-secret"})
    settings = review.settings(tmp_path, username=name, password="x-secret")
    with GerritProvider(settings) as provider:
        codes = {problem["code"] for problem in provider.check()}
    assert codes >= {"capability-createProject", "capability-createGroup", "capability-viewAccess"}


def test_nothing_to_do_costs_the_same_for_few_and_many_projects(review, provider):
    """The number of requests of an observation does not grow with the projects."""
    few, many = [review.name() for _ in range(2)], [review.name() for _ in range(9)]
    make(provider, *few)
    costs = []
    for names in (few, few + many):
        if names != few:
            make(provider, *many)
        look(provider, *names)
        before = len(review.calls())
        look(provider, *names)
        costs.append(len(review.calls()) - before)
    assert costs[0] == costs[1]
    assert costs[0] <= 15


def test_config_by_another_hand_is_read_once(review, provider):
    """A commit of refs/meta/config never seen costs one fetch, the next look none."""
    name = review.name()
    make(provider, name)
    old = look(provider, name)["projects"][name]["access"]["digest"]
    rules = {
        "refs/heads/*": {"permissions": {"submit": {"rules": {"global:Registered-Users": {}}}}}
    }
    review.rest("POST", f"/projects/{name}/access", {"add": rules})
    before = len(review.calls("git"))
    assert look(provider, name)["projects"][name]["access"]["digest"] != old
    assert len(review.calls("git")) == before + 1
    look(provider, name)
    assert len(review.calls("git")) == before + 1


def test_wrong_uuid_in_groups_file_is_named(review, provider, tmp_path):
    """Gerrit takes a groups file with another group's UUID in silence; it is seen here."""
    name, uuid = review.name(), "0123456789012345678901234567890123456789"
    make(provider, name)
    text = acl('[access "refs/heads/*"]', "\tpush = group Service Users")
    step = access_step(name, text, {"Service Users": uuid})
    apply_one(provider, step)
    assert look(provider, name)["projects"][name]["access"]["wrong_groups"] == ["Service Users"]


def test_unknown_names_are_absent(review, provider):
    """A project that is not on the server is simply not in the answer."""
    name = review.name("none")
    assert name not in look(provider, name, "All-Projects")["projects"]


def test_ancestors_of_named_projects_are_seen(review, provider):
    """Whom a project inherits from is in the answer, up to the root."""
    top, middle, name = review.name("top"), review.name("middle"), review.name()
    for child, parent in ((top, "All-Projects"), (middle, top), (name, middle)):
        assert apply_one(provider, project_step(child, parent)).ok
    assert look(provider, name)["projects"].keys() == {name, middle, top, "All-Projects"}


def test_all_projects_are_seen_when_none_is_named(review, provider):
    """Without names every project is in the answer."""
    name = review.name()
    make(provider, name)
    seen = provider.observe({"projects": None, "branches": ["refs/heads/master"]})["projects"]
    assert seen.keys() >= {name, "All-Projects"}
    assert seen[name]["refs"]["refs/heads/master"] == review.tip(name, "refs/heads/master")


def test_deep_look_shows_every_branch_and_tag(review, provider, tmp_path):
    """all_refs holds heads and tags with the commits that git sees."""
    name = review.name()
    make(provider, name)
    review.git("clone", "-q", f"{{URL}}/{name}", str(tmp_path / "work"))
    git("tag", "v1", cwd=tmp_path / "work")
    git("push", "-q", "origin", "HEAD:refs/heads/stable/1", "v1", cwd=tmp_path / "work")
    listed = git("ls-remote", "origin", "refs/heads/*", "refs/tags/*", cwd=tmp_path / "work")
    want = {ref: sha for sha, ref in (line.split("\t") for line in listed.splitlines())}
    assert look(provider, name, deep=[name])["projects"][name]["all_refs"] == want
    assert want.keys() == {"refs/heads/master", "refs/heads/stable/1", "refs/tags/v1"}


def test_hidden_project_shows_its_config_commit(review, provider):
    """A hidden project is not taken for a half-made one."""
    name = review.name()
    make(provider, name)
    text = acl("[project]", "\tstate = hidden")
    assert apply_one(provider, access_step(name, text, state="HIDDEN")).ok
    seen = look(provider, name)["projects"][name]
    assert seen["state"] == "HIDDEN"
    assert seen["config"]
    assert seen["access"]["state"] == "HIDDEN"


def test_hidden_project_of_others_says_why_it_is_unread(review, provider):
    """What nobody may read is not believed to be empty."""
    name = review.name()
    make(provider, name)
    review.rest("PUT", f"/projects/{name}/config", {"state": "HIDDEN"})
    seen = look(provider, name)["projects"][name]
    assert seen["access"] is None
    assert "hidden" in seen["unread"]


def test_groups_are_listed_with_uuids(review, provider):
    """The listing gives each group's UUID, system groups decoded."""
    name = review.name("g w")
    made = review.rest("PUT", f"/groups/{name.replace(' ', '%20')}", {})
    groups = look(provider)["groups"]
    assert groups[name]["uuid"] == made["id"]
    assert all("%" not in group["uuid"] for group in groups.values())


def test_damaged_cache_is_thrown_away(review, provider, tmp_path):
    """A cache file of garbage changes nothing but the cost."""
    name = review.name()
    make(provider, name)
    want = look(provider, name)["projects"][name]
    provider.close()
    for file in (tmp_path / "cache").glob("*.sqlite*"):
        file.write_bytes(b"garbage" * 1000)
    with GerritProvider(review.settings(tmp_path / "cache")) as again:
        assert look(again, name)["projects"][name] == want


def test_wrong_password_is_named_without_being_told(review, tmp_path):
    """A refused login says which account and setting, not the password."""
    settings = review.settings(tmp_path, password="wr0ng-secret")
    with GerritProvider(settings) as provider, pytest.raises(Broken) as caught:
        look(provider)
    assert caught.value.code == "unauthorized"
    assert "saltern:gerrit:password" in str(caught.value)
    assert "wr0ng-secret" not in repr(caught.value) + repr(settings)


def test_absent_server_is_worth_a_retry(review, tmp_path):
    """Nobody listening is not an empty Gerrit."""
    settings = dataclasses.replace(review.settings(tmp_path), url="http://127.0.0.1:1")
    with GerritProvider(settings) as provider, pytest.raises(Retry):
        look(provider)


@contextmanager
def web_server(status, body):
    """Serve one answer to everything; yields the URL."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(status)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_args):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


@pytest.mark.parametrize(
    ("status", "kind"), [(200, Broken), (404, Refused), (502, Retry)], ids=["200", "404", "502"]
)
def test_another_web_server_is_not_taken_for_an_empty_gerrit(review, tmp_path, status, kind):
    """A page instead of Gerrit's answer is an error of its own kind, told without the page."""
    with web_server(status, b"<html><body>Welcome</body></html>") as url:
        settings = dataclasses.replace(review.settings(tmp_path), url=url)
        with GerritProvider(settings) as provider, pytest.raises(kind) as caught:
            look(provider)
    assert url in str(caught.value)
    assert "Welcome" not in str(caught.value)
