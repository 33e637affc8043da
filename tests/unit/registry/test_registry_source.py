"""Reading the registry from a directory and from a commit, and fetching it."""

from __future__ import annotations

import subprocess
from threading import Thread
from wsgiref.simple_server import WSGIRequestHandler, make_server

import pytest
from dulwich.repo import Repo
from dulwich.server import DictBackend
from dulwich.web import make_wsgi_chain

from saltern.errors import Broken, Refused, RegistryError, Retry
from saltern.registry import DirectorySource, GitSource, load
from saltern.registry.fetch import fetch
from saltern.settings import RegistrySettings


class QuietHandler(WSGIRequestHandler):
    """A request handler that prints nothing."""

    def log_message(self, *args):
        """Drop the line."""


def git(path, *arguments):
    command = ["git", "-C", path, "-c", "user.name=t", "-c", "user.email=t@example.org", *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def commit(path, message="change"):
    git(path, "add", "-A")
    git(path, "commit", "-q", "--allow-empty", "-m", message)
    return git(path, "rev-parse", "HEAD")


@pytest.fixture
def upstream(tmp_path, written):
    """A repository with a registry of one project on branch master."""
    path = written(tmp_path / "upstream", "- project: a\n", {"a.config": "[project]\n"})
    git(path, "init", "-q", "-b", "master")
    commit(path)
    return path


@pytest.fixture(params=["directory", "commit"])
def source(request, upstream):
    """The same files, once from the work tree and once from the commit."""
    (upstream / "gerrit" / "acls" / "link.config").symlink_to("/etc/passwd")
    (upstream / "outside").symlink_to("/etc")
    tip = commit(upstream)
    return DirectorySource(upstream) if request.param == "directory" else GitSource(upstream, tip)


def test_source_reads_files_and_lists_them(source):
    """A file's bytes are read; what is no file is ``None``; links are not listed."""
    assert source.read("gerrit/projects.yaml") == b"- project: a\n"
    assert source.read("gerrit/nothing.yaml") is None
    assert source.read("gerrit") is None
    assert source.read("gerrit/projects.yaml/below") is None
    assert source.files("gerrit") == ["gerrit/acls/a.config", "gerrit/projects.yaml"]


@pytest.mark.parametrize("path", ["gerrit/acls/link.config", "outside/passwd"])
def test_symbolic_link_is_refused(source, path):
    """A link in the registry cannot make another file of the host an ACL."""
    with pytest.raises(Refused, match="symbolic link"):
        source.read(path)


@pytest.mark.parametrize(
    "path", ["../upstream/gerrit/projects.yaml", "/etc/passwd", "", "a/../../b"]
)
def test_path_that_leaves_the_registry_is_refused(source, path):
    """No path reaches outside."""
    with pytest.raises(Refused, match="leaves the registry"):
        source.read(path)


def test_linked_acl_is_a_finding_of_its_project(source):
    """A linked ACL file holds up the project that names it, and is never read."""
    (projects := b"- project: link\n- project: a\n")
    source.read = lambda path, read=source.read: projects if "projects.yaml" in path else read(path)
    registry = load(source, RegistrySettings())
    errors = [(f.code, f.project) for f in registry.findings if f.severity == "error"]
    assert errors == [("SLT020", "link")]
    assert registry.projects["a"].acl is not None


def test_linked_projects_file_is_an_error(upstream):
    """A projects file that is a link is refused as a whole."""
    (upstream / "gerrit" / "projects.yaml").unlink()
    (upstream / "gerrit" / "projects.yaml").symlink_to("/etc/passwd")
    with pytest.raises(RegistryError, match="symbolic link"):
        load(DirectorySource(upstream), RegistrySettings())


def test_commit_source_keeps_reading_its_commit(upstream):
    """Files of a commit stay what they were when the branch moves on."""
    first = git(upstream, "rev-parse", "HEAD")
    (upstream / "gerrit" / "projects.yaml").write_text("- project: b\n")
    second = commit(upstream)
    assert GitSource(upstream, first).read("gerrit/projects.yaml") == b"- project: a\n"
    assert GitSource(upstream, second).commit == second


@pytest.mark.parametrize("name", ["0" * 40, "HEAD", "master", "-x", "A" * 40, "0" * 39])
def test_what_is_no_commit_of_the_repository_is_refused(upstream, name):
    """Only a full id of a commit that is there is taken."""
    with pytest.raises(Refused):
        GitSource(upstream, name)


def test_tree_id_is_refused_as_commit(upstream):
    """The id of another kind of object is not a commit."""
    with pytest.raises(Refused, match="not a commit"):
        GitSource(upstream, git(upstream, "rev-parse", "HEAD^{tree}"))


def test_fetch_returns_the_tip_and_follows_the_branch(upstream, tmp_path):
    """Each fetch brings what is new, a rewritten branch included."""
    settings = RegistrySettings(url=str(upstream))
    clone = tmp_path / "state" / "registry.git"
    first = fetch(settings, clone)
    assert first.commit == git(upstream, "rev-parse", "master")
    assert first.read("gerrit/projects.yaml") == b"- project: a\n"
    git(upstream, "commit", "-q", "--amend", "-m", "rewritten")
    assert fetch(settings, clone).commit == git(upstream, "rev-parse", "master")


def test_fetch_over_http_needs_no_credentials(upstream, tmp_path):
    """The registry is fetched anonymously over smart HTTP, and only what is new."""
    backend = DictBackend({"/org/registry": Repo(str(upstream))})
    server = make_server("127.0.0.1", 0, make_wsgi_chain(backend), handler_class=QuietHandler)
    thread = Thread(target=server.serve_forever)
    thread.start()
    try:
        url = f"http://127.0.0.1:{server.server_port}/org/registry"
        source = fetch(RegistrySettings(url=url), tmp_path / "clone.git")
        again = fetch(RegistrySettings(url=url), tmp_path / "clone.git")
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
    assert source.commit == again.commit == git(upstream, "rev-parse", "master")
    assert source.read("gerrit/projects.yaml") == b"- project: a\n"
    assert len(list((tmp_path / "clone.git" / "objects" / "pack").glob("*.pack"))) == 1


def test_fetch_of_a_commit_returns_it_when_the_branch_has_it(upstream, tmp_path):
    """An older commit of the branch can be asked for by its id."""
    old = git(upstream, "rev-parse", "HEAD")
    commit(upstream, "newer")
    settings = RegistrySettings(url=str(upstream))
    assert fetch(settings, tmp_path / "clone.git", old).commit == old


def test_fetch_of_a_commit_outside_the_branch_is_refused(upstream, tmp_path):
    """A commit of a change under review cannot pass for a merged one."""
    git(upstream, "checkout", "-q", "-b", "review")
    outside = commit(upstream, "not merged")
    settings = RegistrySettings(url=str(upstream))
    clone = tmp_path / "clone.git"
    assert fetch(settings, clone, "refs/heads/review").commit == outside
    with pytest.raises(Refused, match="is not on refs/heads/master"):
        fetch(settings, clone, outside)


@pytest.mark.parametrize("name", ["HEAD", "master", "refs/heads/../x", "--all", "refs/heads/gone"])
def test_fetch_of_an_unknown_or_bad_ref_is_refused(upstream, tmp_path, name):
    """Only a full ref name that the server has is fetched."""
    with pytest.raises(Refused):
        fetch(RegistrySettings(url=str(upstream)), tmp_path / "clone.git", name)


def test_clone_left_half_made_is_made_again(upstream, tmp_path):
    """A kill while the clone was being made leaves nothing in the way."""
    leftover = tmp_path / "clone.git.new"
    leftover.mkdir()
    (leftover / "HEAD").write_text("ref: nothing")
    settings = RegistrySettings(url=str(upstream))
    assert fetch(settings, tmp_path / "clone.git").commit
    assert not leftover.exists()


def test_directory_that_is_no_clone_is_an_error(upstream, tmp_path):
    """Somebody else's directory is not written into."""
    (tmp_path / "clone.git").mkdir()
    with pytest.raises(Broken, match="no git repository"):
        fetch(RegistrySettings(url=str(upstream)), tmp_path / "clone.git")


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:9/x/y", "/no/such/repository", "git://127.0.0.1:9/x"]
)
def test_server_out_of_reach_is_worth_another_try(tmp_path, url):
    """A fetch that fails says which ref and where, and may be tried again."""
    with pytest.raises(Retry, match="refs/heads/master from"):
        fetch(RegistrySettings(url=url), tmp_path / "clone.git")


def test_credentials_in_the_url_are_refused_and_not_repeated(tmp_path):
    """A password in the setting is an error that does not show it."""
    with pytest.raises(Broken) as caught:
        fetch(RegistrySettings(url="https://me:s3cret@example.org/x"), tmp_path / "clone.git")
    assert "s3cret" not in str(caught.value)


def test_many_fetches_leave_few_packs(upstream, tmp_path):
    """The clone of a registry that changes often does not grow a pack a change for ever."""
    settings = RegistrySettings(url=str(upstream))
    clone = tmp_path / "clone.git"
    for number in range(45):
        commit(upstream, f"change {number}")
        last = fetch(settings, clone)
    assert len(list((clone / "objects" / "pack").glob("*.pack"))) <= 41
    assert last.read("gerrit/projects.yaml") == b"- project: a\n"
