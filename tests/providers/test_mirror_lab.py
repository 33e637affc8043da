"""The read-only git server of the lab, asked by git and by a rude client."""

import gzip
import http.client
import subprocess

import pytest

from tests.providers.mirror_source import Source, git, serving


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    """Return a served folder with the project ``a/b``."""
    made = Source(tmp_path_factory.mktemp("root") / "served")
    made.make("a/b")
    made.make(".github")
    secret = made.root / ".saltern" / "work" / "x.git"
    secret.parent.mkdir(parents=True)
    (made.root / "a" / "b.git").rename(secret)
    git("clone", "-q", "--bare", str(secret), str(made.root / "a" / "b.git"))
    (made.root.parent / "outside.git").symlink_to(secret)
    (made.root / "link.git").symlink_to("/etc")
    with serving(made.root) as made.url:
        yield made


def ask(url, method, path, body=None, **headers):
    """Send one request as it is written; return status and body."""
    connection = http.client.HTTPConnection(url.removeprefix("http://"), timeout=120)
    try:
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


@pytest.mark.parametrize("version", ["0", "2"])
@pytest.mark.parametrize("name", ["a/b", "a/b.git", ".github"])
def test_project_can_be_cloned(source, tmp_path, version, name):
    """Both protocols, with the suffix and without."""
    git("-c", f"protocol.version={version}", "clone", "-q", f"{source.url}/{name}", str(tmp_path))
    assert git("-C", str(tmp_path), "rev-parse", "HEAD")


def test_push_is_refused(source, tmp_path):
    """Nobody writes to a mirror; git tells the pusher so."""
    git("clone", "-q", f"{source.url}/a/b", str(tmp_path))
    before = source.refs("a/b")
    done = subprocess.run(
        ["git", "-C", str(tmp_path), "push", "origin", "HEAD:refs/heads/x"],
        capture_output=True,
        text=True,
        check=False,
        timeout=200,
    )
    assert done.returncode != 0
    assert "403" in done.stderr
    assert ask(source.url, "POST", "/a/b/git-receive-pack", b"0000")[0] == 403
    assert source.refs("a/b") == before


@pytest.mark.parametrize(
    "path",
    [
        "/a/b/HEAD",
        "/a/b.git/objects/info/packs",
        "/a/b.git/config",
        "/missing/info/refs?service=git-upload-pack",
        "/.saltern/work/x/info/refs?service=git-upload-pack",
        "/a/../.saltern/work/x/info/refs?service=git-upload-pack",
        "/%2e%2e/outside/info/refs?service=git-upload-pack",
        "/../outside/info/refs?service=git-upload-pack",
        "/a//b/info/refs?service=git-upload-pack",
        "/a%00/info/refs?service=git-upload-pack",
        "/link/info/refs?service=git-upload-pack",
        "/",
    ],
)
def test_what_is_no_fetch_of_a_project_is_not_found(source, path):
    """No file, no private folder, nothing beside the root."""
    assert ask(source.url, "GET", path)[0] == 404


def test_compressed_request_is_understood(source):
    """git compresses long requests; the server undoes it."""
    body = gzip.compress(b"0014command=ls-refs\n0000")
    headers = {
        "Content-Type": "application/x-git-upload-pack-request",
        "Content-Encoding": "gzip",
        "Git-Protocol": "version=2",
    }
    status, answer = ask(source.url, "POST", "/a/b/git-upload-pack", body, **headers)
    assert status == 200
    assert b"refs/heads/master" in answer
