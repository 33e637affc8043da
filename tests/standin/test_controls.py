"""The stand-in's own parts: banner, call log, 501, independence."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import requests

import lab.gerrit


def test_start_prints_banner_that_it_is_not_gerrit(client):
    """The log begins with a line that says what this is not."""
    log = (client.standin.root / "stderr.log").read_text()
    assert "THIS IS NOT GERRIT" in log.splitlines()[0]


def test_version_names_standin_and_parses_as_three_numbers(client):
    """A client that reads x.y.z gets it, a person sees what it is."""
    _, version = client.rest("GET", "/config/server/version")
    assert re.match(r"\d+\.\d+\.\d+", version)
    assert "standin" in version
    assert "standin" in client.ssh("gerrit", "version").stdout


def test_unsupported_call_answers_501_and_is_listed(client):
    """What is not there is never pretended; the list lets a test fail on it."""
    status, _ = client.rest("GET", "/projects/All-Projects/dashboards/")
    assert status == 501
    assert client.standin.unsupported()[-1]["path"] == "/a/projects/All-Projects/dashboards/"


def test_every_call_is_logged_with_user_and_status(client):
    """REST, git and ssh requests appear in the call log, in order."""
    before = len(client.standin.call_log())
    client.rest("GET", "/projects/")
    client.git("ls-remote", client.url("All-Projects"))
    client.ssh("gerrit", "version")
    calls = client.standin.call_log(since=before)
    assert [c["kind"] for c in calls][0] == "rest"
    assert {"rest", "git", "ssh"} == {c["kind"] for c in calls}
    assert calls[0]["path"] == "/a/projects/"
    assert (calls[0]["user"], calls[0]["status"]) == ("admin", 200)


def test_call_log_shows_outcome_of_each_pushed_ref(client):
    """A push is one entry with every ref and what became of it."""
    client.rest("PUT", "/projects/logged", {})
    tree = client.work_tree("logged")
    client.standin.fault("refuse-pushes", project="logged", ref="refs/heads/b", text="no")
    client.git("push", client.url("logged"), "master", "master:b", cwd=tree)
    entry = client.standin.call_log(kind="git")[-1]
    assert entry["refs"] == {"refs/heads/master": "ok", "refs/heads/b": "no"}


def test_call_log_and_data_survive_sigkill(client):
    """After kill -9 and a restart the same projects, groups and calls are there."""
    client.rest("PUT", "/projects/kept", {"description": "d"})
    client.rest("PUT", "/groups/kept-core", {})
    calls = client.standin.call_log()
    url = client.standin.http_url
    client.standin.kill()
    client.standin.restart()
    assert client.standin.http_url == url
    assert client.rest("GET", "/projects/kept")[1]["description"] == "d"
    assert client.rest("GET", "/groups/kept-core")[0] == 200
    assert client.standin.call_log()[: len(calls)] == calls


def test_controls_refuse_strangers(client):
    """Faults are for administrators only."""
    url = f"{client.standin.http_url}/standin/faults"
    assert requests.post(url, json={"fault": "die"}, timeout=60).status_code == 403
    assert client.standin.running


def test_unknown_fault_or_field_is_refused(client):
    """A misspelt fault does not silently do nothing."""
    status = _post(client, {"fault": "refuse-cals"})
    assert status == 400
    assert _post(client, {"fault": "refuse-calls", "paht": "x"}) == 400


def _post(client, data: dict) -> int:
    login = ("admin", client.standin.admin_password)
    url = f"{client.standin.http_url}/standin/faults"
    return requests.post(url, json=data, auth=login, timeout=60).status_code


def test_standin_never_imports_the_product():
    """A wrong belief of the product must not pass on both sides."""
    for path in Path(lab.gerrit.__file__).parent.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom):
                names.append(node.module or "")
            assert not any(name.split(".")[0] == "saltern" for name in names), path
