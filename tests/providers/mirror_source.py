"""Repositories to mirror, a git server for them, and a front that can misbehave."""

from __future__ import annotations

import base64
import contextlib
import http.client
import json
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

from dulwich.objects import Blob, Commit, Tag, Tree
from dulwich.repo import Repo

from saltern.providers.mirror import MirrorProvider
from saltern.settings import MirrorSettings
from saltern.steps import Outcome, Step

REPOSITORY = Path(__file__).parents[2]
AUTHOR = b"Ann <ann@example.org>"


class Source:
    """Bare repositories under one folder, written in process."""

    def __init__(self, root: Path):
        self.root = root

    def make(self, name: str, branch: str = "master") -> str:
        """Create a repository with one commit; return the commit."""
        path = self.root / f"{name}.git"
        path.mkdir(parents=True)
        repo = Repo.init_bare(str(path))
        repo.refs.set_symbolic_ref(b"HEAD", f"refs/heads/{branch}".encode())
        repo.close()
        return self.commit(name, branch)

    def commit(self, name: str, branch: str = "master", text: str = "text") -> str:
        """Add a commit to a branch; return it."""
        with Repo(str(self.root / f"{name}.git")) as repo:
            ref = f"refs/heads/{branch}".encode()
            parents = [repo.refs[ref]] if ref in repo.refs else []
            blob = Blob.from_string(f"{text} {len(parents)} {parents}".encode())
            tree = Tree()
            tree.add(b"file", 0o100644, blob.id)
            commit = Commit()
            commit.tree, commit.parents = tree.id, parents
            commit.author = commit.committer = AUTHOR
            commit.author_time = commit.commit_time = 1_700_000_000
            commit.author_timezone = commit.commit_timezone = 0
            commit.message = text.encode()
            for item in (blob, tree, commit):
                repo.object_store.add_object(item)
            repo.refs[ref] = commit.id
            return commit.id.decode()

    def tag(self, name: str, tag: str, commit: str) -> str:
        """Add an annotated tag; return the tag object."""
        with Repo(str(self.root / f"{name}.git")) as repo:
            made = Tag()
            made.name, made.message, made.tagger = tag.encode(), b"release", AUTHOR
            made.object = (Commit, commit.encode())
            made.tag_time, made.tag_timezone = 1_700_000_000, 0
            repo.object_store.add_object(made)
            repo.refs[f"refs/tags/{tag}".encode()] = made.id
            return made.id.decode()

    def set(self, name: str, ref: str, value: str | None) -> None:
        """Point a ref elsewhere, or delete it."""
        with Repo(str(self.root / f"{name}.git")) as repo:
            if value is None:
                del repo.refs[ref.encode()]
            else:
                repo.refs[ref.encode()] = value.encode()

    def refs(self, name: str) -> dict[str, str]:
        """Return branches and tags as git itself lists them."""
        return git_refs(self.root / f"{name}.git")


def git(*arguments: str, **options: object) -> str:
    """Run git and return what it prints."""
    done = subprocess.run(
        ["git", *arguments], capture_output=True, text=True, timeout=200, check=False, **options
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def git_refs(path: Path) -> dict[str, str]:
    """Return branches and tags of a repository as git lists them."""
    listed = git("-C", str(path), "for-each-ref", "--format=%(refname) %(objectname)")
    return dict(line.split() for line in listed.splitlines())


@contextlib.contextmanager
def serving(root: Path) -> Iterator[str]:
    """Run ``python -m lab.mirror`` over a folder; the value is its URL."""
    process = subprocess.Popen(
        [sys.executable, "-m", "lab.mirror", "--root", str(root)],
        cwd=REPOSITORY,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        yield json.loads(process.stdout.readline())["url"]
    finally:
        process.terminate()
        process.wait(120)
        process.stdout.close()


class Front:
    """Passes requests on to a git server; tests hook in.

    ``status`` answers every request with that status. ``password`` is asked for with Basic
    authentication as ``reader``. ``on_fetch`` is called before a fetch is passed on.
    """

    def __init__(self, target: str):
        self.target = urlsplit(target)
        self.status: int | None = None
        self.content_type = "text/html"
        self.password: str | None = None
        self.on_fetch: Callable[[], None] | None = None
        self.fetches = 0
        front = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                front.handle(self)

            do_POST = do_GET

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))
        self._thread.start()

    def close(self) -> None:
        """Stop serving."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def handle(self, request: BaseHTTPRequestHandler) -> None:
        """Answer one request."""
        length = int(request.headers.get("Content-Length") or 0)
        body = request.rfile.read(length)
        if self.status is not None:
            return self.answer(request, self.status, self.content_type, b"so says the server")
        if self.password is not None and not self.known(request):
            return self.answer(request, 401, "text/plain", b"Unauthorized")
        if b"command=fetch" in body or b"want " in body:
            self.fetches += 1
            if self.on_fetch:
                self.on_fetch()
        return self.forward(request, body)

    def known(self, request: BaseHTTPRequestHandler) -> bool:
        """Return whether the request carries the password."""
        token = base64.b64encode(f"reader:{self.password}".encode()).decode()
        return request.headers.get("Authorization") == f"Basic {token}"

    def forward(self, request: BaseHTTPRequestHandler, body: bytes) -> None:
        """Pass a request on and its answer back."""
        onward = http.client.HTTPConnection(self.target.hostname, self.target.port, timeout=200)
        wanted = ("Content-Type", "Content-Encoding", "Git-Protocol", "Accept")
        headers = {k: request.headers[k] for k in wanted if request.headers.get(k)}
        with contextlib.closing(onward):
            onward.request(request.command, request.path, body or None, headers)
            answer = onward.getresponse()
            kind = answer.headers.get("Content-Type", "")
            self.answer(request, answer.status, kind, answer.read())

    def answer(self, request: BaseHTTPRequestHandler, status: int, kind: str, body: bytes) -> None:
        """Send an answer; the client may be gone."""
        with contextlib.suppress(OSError):
            request.send_response(status)
            request.send_header("Content-Type", kind)
            request.send_header("Content-Length", str(len(body)))
            request.end_headers()
            request.wfile.write(body)


class Mirror:
    """A provider over a fresh root."""

    def __init__(self, root: Path, url: str, **settings: object):
        self.root = root
        self.provider = MirrorProvider(MirrorSettings(str(root), url, **settings))

    def path(self, name: str) -> Path:
        """Return where a repository lies."""
        return self.root / f"{name}.git"

    def apply(self, *names: str, branch: str = "master", description: str = "") -> list[Outcome]:
        """Apply one mirror step a name."""
        payload = {"default_branch": branch, "description": description}
        return self.provider.apply([Step("mirror", name, "test", payload) for name in names])

    def one(self, name: str, **options: str) -> Outcome:
        """Apply one step."""
        return self.apply(name, **options)[0]

    def look(self, name: str, deep: bool = False, branch: str = "refs/heads/master") -> dict | None:
        """Observe one project."""
        request = {"projects": [name], "branches": [branch], "deep": [name] if deep else []}
        return self.provider.observe(request)["projects"].get(name)
