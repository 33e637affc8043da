"""Step content: a first commit, or a whole import with the default branch last."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from saltern.providers.gerrit import GerritProvider
from saltern.steps import FAILED, RETRY
from tests.providers.gerrit_fixtures import (
    apply_one,
    content_step,
    git,
    look,
    project_step,
    q,
)


@pytest.fixture
def project(review, provider):
    """A project whose HEAD is main, without a branch."""
    name = review.name()
    assert apply_one(provider, project_step(name, branch="main")).ok
    return name


@pytest.fixture
def upstream(tmp_path):
    """A repository with main, stable/1, a plain and two annotated tags."""
    work = tmp_path / "upstream"
    git("init", "-q", "-b", "main", str(work))
    git("commit", "-q", "--allow-empty", "-m", "one", cwd=work)
    git("branch", "stable/1", cwd=work)
    git("tag", "light", cwd=work)
    git("tag", "-a", "-m", "v1", "v1", cwd=work)
    git("commit", "-q", "--allow-empty", "-m", "two", cwd=work)
    git("tag", "-a", "-m", "v2", "v2", cwd=work)
    return work


def import_step(project, branch, upstream, **more):
    """A step that imports; the test's servers are on this host, which is a setting."""
    return content_step(project, branch, upstream=upstream, allow_local=True, **more)


def is_running(pid):
    """Whether a process is there and no zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def refs_of(location, cwd=None):
    """Return heads and tags of a repository by `git ls-remote`."""
    listed = git("ls-remote", location, "refs/heads/*", "refs/tags/*", cwd=cwd)
    return {ref: sha for sha, ref in (line.split("\t") for line in listed.splitlines())}


def server_refs(review, name):
    """Return heads and tags of a project on the server."""
    listed = review.git("ls-remote", f"{{URL}}/{name}", "refs/heads/*", "refs/tags/*")
    return {ref: sha for sha, ref in (line.split("\t") for line in listed.splitlines())}


def test_first_commit_holds_a_gitreview(review, provider, project, tmp_path):
    """A clone has the default branch checked out with .gitreview in it."""
    outcome = apply_one(provider, content_step(project, "main"))
    assert outcome.ok, outcome
    review.git("clone", "-q", f"{{URL}}/{project}", str(tmp_path / "clone"))
    assert git("rev-parse", "HEAD", cwd=tmp_path / "clone").strip() == outcome.evidence["head"]
    lines = (tmp_path / "clone" / ".gitreview").read_text().splitlines()
    assert lines == [
        "[gerrit]",
        "host=127.0.0.1",
        "port=29418",
        f"project={project}.git",
        "defaultbranch=main",
    ]


def test_head_elsewhere_is_set(review, provider, project):
    """HEAD follows the registry's default branch, whatever it was before."""
    assert apply_one(provider, content_step(project, "main")).ok
    step = content_step(project, "other")
    outcome = apply_one(provider, step)
    assert outcome.ok, outcome
    assert review.rest("GET", f"/projects/{project}/HEAD") == "refs/heads/other"


def test_branch_pushed_by_another_is_kept(review, provider, project, upstream):
    """A branch that came into being meanwhile is content enough and is not overwritten."""
    review.git("push", "-q", f"{{URL}}/{project}", "main:main", cwd=upstream)
    want = server_refs(review, project)["refs/heads/main"]
    outcome = apply_one(provider, content_step(project, "main"))
    assert outcome.ok, outcome
    assert outcome.evidence == {"head": want}


def test_upstream_is_imported_whole(review, provider, project, upstream):
    """Every branch and tag of upstream is there, and nothing else."""
    step = import_step(project, "main", f"file://{upstream}")
    outcome = apply_one(provider, step)
    assert outcome.ok, outcome
    assert server_refs(review, project) == refs_of(str(upstream))


def test_upstream_prefix_adds_prefixed_branches(review, provider, project, upstream):
    """Upstream's branches are also kept under the prefix."""
    step = import_step(project, "main", f"file://{upstream}", upstream_prefix="upstream")
    assert apply_one(provider, step).ok
    refs = server_refs(review, project)
    assert refs["refs/heads/upstream/stable/1"] == refs["refs/heads/stable/1"]
    assert refs["refs/heads/upstream/main"] == refs["refs/heads/main"]


def test_interrupted_import_has_no_default_branch_and_ends_whole(
    review, provider, project, upstream
):
    """The default branch comes last, so a broken import is seen and done again."""
    review.fault("refuse-pushes", project=project, ref="refs/heads/main", text="internal error")
    step = import_step(project, "main", f"file://{upstream}")
    outcome = apply_one(provider, step)
    assert outcome.status == FAILED
    assert "internal error" in outcome.reason
    refs = server_refs(review, project)
    assert "refs/heads/main" not in refs
    assert "refs/tags/v2" in refs
    assert apply_one(provider, step).ok
    assert server_refs(review, project) == refs_of(str(upstream))


def test_refused_tag_keeps_the_default_branch_away(review, provider, project, upstream):
    """An import that lost a tag is not taken for a whole one."""
    text = "prohibited by Gerrit: not permitted: create"
    review.fault("refuse-pushes", project=project, ref="refs/tags/v2", text=text)
    step = import_step(project, "main", f"file://{upstream}")
    outcome = apply_one(provider, step)
    assert (outcome.status, outcome.code) == (FAILED, "not-permitted")
    assert "refs/tags/v2" in outcome.reason
    assert "refs/heads/main" not in server_refs(review, project)


def test_upstream_that_is_away_comes_back(review, provider, project, upstream):
    """A clone that fails is retried, and the import happens when upstream is there."""
    away = upstream.with_name("away")
    upstream.rename(away)
    step = import_step(project, "main", f"file://{upstream}")
    outcome = apply_one(provider, step)
    assert (outcome.status, outcome.code) == (RETRY, "upstream")
    away.rename(upstream)
    assert apply_one(provider, step).ok


def test_upstream_without_the_default_branch_names_what_it_has(provider, project, upstream):
    """The reason says which branches there are and what to write."""
    step = import_step(project, "trunk", f"file://{upstream}")
    outcome = apply_one(provider, step)
    assert (outcome.status, outcome.code) == (FAILED, "upstream-branch")
    assert "main, stable/1" in outcome.reason


def test_upstream_without_a_branch_is_told_apart(review, provider, project, tmp_path):
    """An empty repository needs no other default branch."""
    git("init", "-q", "--bare", str(tmp_path / "empty"))
    outcome = apply_one(provider, import_step(project, "main", f"file://{tmp_path}/empty"))
    assert (outcome.status, outcome.code) == (FAILED, "upstream-empty")
    assert "no branch at all" in outcome.reason


def test_pattern_that_matches_nothing_is_refused_before_the_fetch(
    review, provider, project, upstream
):
    """An import is done once: a slip in a pattern would stay unseen for ever."""
    patterns = {"upstream_branches": ["stable/*", "stabel/*"], "upstream_tags": ["release-*"]}
    outcome = apply_one(provider, import_step(project, "main", f"file://{upstream}", **patterns))
    assert (outcome.status, outcome.code) == (FAILED, "upstream-pattern")
    assert "no branch 'stabel/*', tag 'release-*'" in outcome.reason
    assert (
        server_refs(review, project).keys().isdisjoint({"refs/heads/main", "refs/heads/stable/1"})
    )


def test_upstreams_are_looked_at_without_an_import(review, provider, project, upstream, tmp_path):
    """What would refuse an import is told of each; nothing is fetched, and nothing is left."""
    steps = {
        "good": import_step("good", "main", f"file://{upstream}"),
        "branch": import_step("branch", "trunk", f"file://{upstream}"),
        "away": import_step("away", "main", f"file://{tmp_path}/away"),
        "inner": content_step("inner", "main", upstream="http://127.0.0.1/x"),
    }
    request = {name: step.payload for name, step in steps.items()}
    found = provider.observe({"upstreams": request})["upstreams"]
    assert found["good"] is None
    codes = {name: row["code"] for name, row in found.items() if row}
    assert codes == {"branch": "upstream-branch", "away": "upstream", "inner": "upstream-url"}
    assert "goes on from there" not in found["away"]["reason"]
    assert list((tmp_path / "cache").glob("look-*")) == []
    assert "refs/heads/main" not in server_refs(review, project)


@pytest.mark.parametrize(
    "url",
    [
        "ext::sh -c 'touch {}'",
        "--upload-pack=touch {}",
        "-oProxyCommand=touch {}:x",
        "/srv/x",
        "file:///srv/x",
        "file:///a b",
        "fd::17/foo",
        "ftp://example.com/x",
        "http://example.com",
        "https://u:p@example.com/x",
        "https://u@example.com/x",
        "ssh://-oProxyCommand=x/y",
        "http://localhost/x",
        "http://LOCALHOST./x",
        "http://127.0.0.1/x",
        "http://127.1/x",
        "http://2130706433/x",
        "http://0x7f000001/x",
        "http://0177.0.0.1/x",
        "http://[::1]/x",
        "http://[::ffff:127.0.0.1]/x",
        "http://[64:ff9b::7f00:1]/x",
        "http://[fe80::1]/x",
        "http://169.254.169.254/latest/meta-data",
        "http://10.0.0.1/x",
        "http://192.168.1.1/x",
        "http://100.64.0.1/x",
        "http://0.0.0.0/x",
        "http://224.0.0.1/x",
        "git://127.0.0.1/x",
        "ssh://127.0.0.1/x",
        "git@127.0.0.1:x",
        "http://printer.local/x",
    ],
)
def test_url_that_could_run_or_read_something_is_refused(provider, project, tmp_path, url):
    """Only URLs of known transports reach git, and never as an option."""
    mark = tmp_path / "ran"
    step = content_step(project, "main", upstream=url.format(mark))
    outcome = apply_one(provider, step)
    assert (outcome.status, outcome.code) == (FAILED, "upstream-url")
    assert not mark.exists()


def test_password_of_an_upstream_url_is_not_told(provider, project):
    """A URL with a password is refused, and the reason hides what stands before the @."""
    url = "http://me:t0p-secret@127.0.0.1:1/x"
    outcome = apply_one(provider, import_step(project, "main", url))
    assert (outcome.status, outcome.code) == (FAILED, "upstream-url")
    assert "credentials" in outcome.reason
    assert "t0p-secret" not in outcome.reason
    assert "***@127.0.0.1" in outcome.reason


def test_secrets_are_in_no_argument_of_git(review, project, upstream, tmp_path, monkeypatch):
    """No git process has the service account's password in its arguments."""
    log = tmp_path / "argv"
    real = os.popen("command -v git").read().strip()  # noqa: S605, S607
    wrapper = tmp_path / "bin" / "git"
    wrapper.parent.mkdir()
    wrapper.write_text(f'#!/bin/sh\necho "$@" >> {log}\nexec {real} "$@"\n')
    wrapper.chmod(0o755)
    monkeypatch.setenv("PATH", f"{wrapper.parent}:{os.environ['PATH']}")
    with GerritProvider(review.settings(tmp_path / "cache")) as provider:
        step = import_step(project, "main", f"file://{upstream}")
        assert apply_one(provider, step).ok
    text = log.read_text()
    assert "push" in text
    assert review.password not in text


def test_import_past_its_time_is_ended(review, project, upstream, tmp_path, monkeypatch):
    """An import that takes too long is stopped with its helpers, and says so."""
    slow = tmp_path / "bin" / "git"
    slow.parent.mkdir()
    slow.write_text("#!/bin/sh\nsleep 300 &\necho $! > $0.pid\nwait\n")
    slow.chmod(0o755)
    monkeypatch.setenv("PATH", f"{slow.parent}:{os.environ['PATH']}")
    settings = review.settings(tmp_path / "cache", import_timeout=4.0)
    with GerritProvider(settings) as provider:
        step = import_step(project, "main", f"file://{upstream}")
        outcome = apply_one(provider, step)
    assert (outcome.status, outcome.code) == (FAILED, "import-timeout")
    pid = int(Path(f"{slow}.pid").read_text())
    deadline = time.monotonic() + 120
    while is_running(pid):
        assert time.monotonic() < deadline, "git's helper still runs"
        time.sleep(0.01)


def test_imports_leave_no_clone_behind(review, provider, project, upstream, tmp_path):
    """The working directories are gone afterwards, those of a killed import too."""
    root = tmp_path / "cache" / "import"
    step = import_step(project, "main", f"file://{upstream}")
    assert apply_one(provider, step).ok
    assert [path for path in root.iterdir() if path.is_dir()] == []


def test_read_only_project_gets_its_branch_and_stays_read_only(review, provider, project):
    """A half-made project that is read-only is opened for the push only."""
    review.rest("PUT", f"/projects/{q(project)}/config", {"state": "READ_ONLY"})
    outcome = apply_one(provider, content_step(project, "main", read_only=True))
    assert outcome.ok, outcome
    assert review.rest("GET", f"/projects/{project}")["state"] == "READ_ONLY"


def test_hidden_project_is_not_opened_to_look(review, provider, project):
    """A hidden project stays hidden: what cannot be seen is not pushed over."""
    review.rest("PUT", f"/projects/{q(project)}/config", {"state": "HIDDEN"})
    tip = look(provider, project)["projects"][project]["config"]
    outcome = apply_one(provider, content_step(project, "main", read_only=True))
    assert (outcome.status, outcome.code) == (FAILED, "hidden")
    assert look(provider, project)["projects"][project]["config"] == tip
