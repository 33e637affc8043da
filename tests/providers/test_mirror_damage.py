"""The mirror after kills, damage, strangers on its disk, and a server that says no."""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from tests.providers.mirror_source import (
    REPOSITORY,
    Front,
    Mirror,
    Source,
    git,
    git_refs,
    serving,
)

NAME = "infra/project"


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """Return a served folder of repositories."""
    made = Source(tmp_path_factory.mktemp("source"))
    with serving(made.root) as made.url:
        yield made


@pytest.fixture
def source(server):
    """Return the served folder with one project of two commits."""
    shutil.rmtree(server.root / "infra", ignore_errors=True)
    server.make(NAME)
    server.commit(NAME)
    return server


@pytest.fixture
def front(source):
    """Return a front before ``source``."""
    made = Front(source.url)
    yield made
    made.close()


@pytest.fixture
def mirror(source, tmp_path):
    """Return a mirror that has the project."""
    made = Mirror(tmp_path / "mirror", source.url)
    assert made.one(NAME).ok
    return made


def object_path(repository: Path, sha: str) -> Path:
    """Return the file of a loose object, writable."""
    path = repository / "objects" / sha[:2] / sha[2:]
    path.chmod(0o644)
    return path


def tip(repository: Path) -> str:
    """Return the commit of the default branch."""
    return git("-C", str(repository), "rev-parse", "refs/heads/master").strip()


def tree(repository: Path) -> str:
    """Return the tree of the default branch."""
    return git("-C", str(repository), "rev-parse", "refs/heads/master^{tree}").strip()


def pack(repository: Path) -> Path:
    """Pack the repository and return its pack."""
    git("-C", str(repository), "repack", "-adq")
    found = next((repository / "objects" / "pack").glob("*.pack"))
    found.chmod(0o644)
    return found


DAMAGES = {
    "head-deleted": lambda r: (r / "HEAD").unlink(),
    "head-empty": lambda r: (r / "HEAD").write_bytes(b""),
    "head-detached": lambda r: (r / "HEAD").write_text(tip(r) + "\n"),
    "ref-truncated": lambda r: (r / "refs/heads/master").write_bytes(b""),
    "ref-garbage": lambda r: (r / "refs/heads/master").write_bytes(b"\0" * 41),
    "packed-refs-garbage": lambda r: (r / "packed-refs").write_bytes(b"\xff\xfe not refs\n"),
    "tip-missing": lambda r: object_path(r, tip(r)).unlink(),
    "tip-empty": lambda r: object_path(r, tip(r)).write_bytes(b""),
    "tip-flipped": lambda r: object_path(r, tip(r)).write_bytes(b"x" * 60),
    "tree-missing": lambda r: object_path(r, tree(r)).unlink(),
    "objects-gone": lambda r: shutil.rmtree(r / "objects"),
    "refs-gone": lambda r: shutil.rmtree(r / "refs"),
    "pack-gone": lambda r: pack(r).unlink(),
    "pack-cut": lambda r: os.truncate(pack(r), 20),
    "folder-empty": lambda r: [shutil.rmtree(r), r.mkdir()],
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_damage_is_seen_and_repaired(source, mirror, damage, tmp_path):
    """Each damage is observed as broken; one apply makes the repository whole again."""
    damage(mirror.path(NAME))
    assert "broken" in mirror.look(NAME)
    outcome = mirror.one(NAME)
    assert outcome.ok, outcome.reason
    assert "broken" not in mirror.look(NAME, deep=True)
    assert git_refs(mirror.path(NAME)) == source.refs(NAME)
    git("-C", str(mirror.path(NAME)), "fsck", "--strict")
    assert sorted(p.name for p in (mirror.root / "infra").iterdir()) == ["project.git"]
    assert list((mirror.root / ".saltern" / "work").iterdir()) == []


def test_damage_on_another_branch_is_seen_by_a_deep_look(source, mirror):
    """A deep look reads every tip, not only that of the branch asked for."""
    source.commit(NAME, "other", "other")
    assert mirror.one(NAME).ok
    other = git("-C", str(mirror.path(NAME)), "rev-parse", "refs/heads/other").strip()
    object_path(mirror.path(NAME), other).unlink()
    assert "broken" not in mirror.look(NAME)
    assert "refs/heads/other" in mirror.look(NAME, deep=True)["broken"]
    assert mirror.one(NAME).ok
    git("-C", str(mirror.path(NAME)), "fsck", "--strict")


@pytest.mark.parametrize("what", ["config", "old-commit"])
def test_damage_nobody_saw_is_repaired_when_it_stops_a_fetch(source, mirror, what):
    """What lies deeper than a look goes shows itself in the fetch, and is repaired."""
    repository = mirror.path(NAME)
    if what == "config":
        (repository / "config").write_text("[core\n")
    else:
        parent = git("-C", str(repository), "rev-parse", "refs/heads/master^").strip()
        object_path(repository, parent).unlink()
    source.set(NAME, "refs/heads/old", source.refs(NAME)["refs/heads/master"])
    source.commit(NAME, "elsewhere", "elsewhere")
    git("-C", str(source.root / f"{NAME}.git"), "branch", "older", "master^")
    outcome = mirror.one(NAME)
    assert outcome.ok, outcome.reason
    assert git_refs(repository) == source.refs(NAME)
    git("-C", str(repository), "fsck", "--strict")


@pytest.mark.parametrize(
    "lock", ["packed-refs.lock", "HEAD.lock", "refs/heads/master.lock", "config.lock"]
)
def test_leftover_lock_blocks_nothing(source, mirror, lock):
    """A lock file of a killed git is removed, for nobody can be at work under our lock."""
    (mirror.path(NAME) / lock).touch()
    source.commit(NAME)
    assert mirror.one(NAME).ok
    assert not (mirror.path(NAME) / lock).exists()


@pytest.mark.parametrize("place", ["file", "folder", "link", "work-tree"])
def test_something_else_in_the_place_is_left_alone(source, tmp_path, place):
    """What is no mirror is never replaced: the step fails and says where it lies."""
    mirror = Mirror(tmp_path / "mirror", source.url)
    path = mirror.path(NAME)
    path.parent.mkdir(parents=True)
    if place == "file":
        path.write_text("precious")
    elif place == "folder":
        path.mkdir()
        (path / "precious").write_text("precious")
    elif place == "link":
        (tmp_path / "elsewhere").mkdir()
        path.symlink_to(mirror.root)
    else:
        git("init", "-q", str(path))
    before = sorted(str(p) for p in path.rglob("*"))
    outcome = mirror.one(NAME)
    assert outcome.status == "failed"
    assert str(path) in outcome.reason
    assert sorted(str(p) for p in path.rglob("*")) == before


@pytest.mark.parametrize(
    ("status", "outcome", "code"),
    [
        (401, "failed", "source-401"),
        (403, "failed", "source-403"),
        (404, "failed", "source-404"),
        (302, "failed", "source-302"),
        (429, "retry", "source"),
        (500, "retry", "source"),
        (503, "retry", "source"),
        (200, "failed", "source-200"),
    ],
)
def test_answer_of_the_server_decides_what_comes_next(front, tmp_path, status, outcome, code):
    """No is failed, "not now" is retried; host and the server's words are in the reason."""
    front.status = status
    got = Mirror(tmp_path / "mirror", front.url).one(NAME)
    assert (got.status, got.code) == (outcome, code)
    assert front.url.removeprefix("http://") in got.reason
    assert not (tmp_path / "mirror" / f"{NAME}.git").exists()


def test_server_that_is_away_is_asked_again(front, tmp_path):
    """No connection is no verdict."""
    mirror = Mirror(tmp_path / "mirror", front.url)
    front.close()
    got = mirror.one(NAME)
    assert (got.status, got.code) == ("retry", "source")


def test_failure_in_the_fetch_keeps_the_old_mirror(front, source, tmp_path):
    """A server that fails half way costs nothing that was there; git's words are told."""
    mirror = Mirror(tmp_path / "mirror", front.url)
    assert mirror.one(NAME).ok
    before = git_refs(mirror.path(NAME))
    source.commit(NAME)

    front.forward = _failing_on_fetch(front)
    got = mirror.one(NAME)
    assert (got.status, got.code) == ("retry", "fetch")
    assert "500" in got.reason
    assert git_refs(mirror.path(NAME)) == before


def _failing_on_fetch(front):
    def forward(request, body):
        if b"command=fetch" in body:
            return front.answer(request, 500, "text/plain", b"out of order")
        return Front.forward(front, request, body)

    return forward


@pytest.mark.parametrize("had_one", [False, True], ids=["cold", "update"])
def test_page_that_is_not_git_empties_no_mirror(front, source, tmp_path, had_one):
    """git takes a proxy's page for an empty repository; the mirror must not."""
    mirror = Mirror(tmp_path / "mirror", front.url)
    if had_one:
        assert mirror.one(NAME).ok
    before = source.refs(NAME)
    source.commit(NAME)

    def forward(request, body):
        if "dulwich" in request.headers["User-Agent"]:
            return Front.forward(front, request, body)
        return front.answer(request, 200, "text/html", b"<p>Log in</p>")

    front.forward = forward
    assert mirror.one(NAME).status == "retry"
    assert mirror.path(NAME).exists() == had_one
    if had_one:
        assert git_refs(mirror.path(NAME)) == before


def test_credentials_reach_the_server_and_no_argument(front, source, tmp_path):
    """The password travels in a header; no process shows it, no file keeps it."""
    front.password = "very-secret-word"
    shown = []
    front.on_fetch = lambda: shown.extend(_command_lines())
    mirror = Mirror(tmp_path / "mirror", front.url, username="reader", password="very-secret-word")
    assert mirror.one(NAME).ok
    assert any("fetch" in line for line in shown)
    token = "cmVhZGVyOnZlcnktc2VjcmV0LXdvcmQ="
    assert not [line for line in shown if "very-secret-word" in line or token in line]
    for file in mirror.root.rglob("*"):
        assert not file.is_file() or b"very-secret" not in file.read_bytes()


def _command_lines() -> list[str]:
    lines = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            lines.append(path.read_bytes().replace(b"\0", b" ").decode("utf-8", "replace"))
    return lines


def test_wrong_password_is_refused_without_telling_it(front, tmp_path):
    """The reason names the account's trouble, never the password."""
    front.password = "right"
    mirror = Mirror(tmp_path / "mirror", front.url, username="reader", password="wrong-word")
    got = mirror.one(NAME)
    assert got.code == "source-401"
    assert "wrong-word" not in str(got)


def test_fetch_that_hangs_is_ended_and_retried(front, tmp_path):
    """After the timeout no git is left, and the next attempt succeeds."""
    release = threading.Event()
    front.on_fetch = release.wait
    mirror = Mirror(tmp_path / "mirror", front.url)
    got = Mirror(mirror.root, front.url, timeout=2.0).one(NAME)
    assert (got.status, got.code) == ("retry", "timeout")
    assert not mirror.path(NAME).exists()
    assert not [line for line in _command_lines() if str(mirror.root) in line]
    release.set()
    assert mirror.one(NAME).ok


APPLY = """
import sys
from saltern.providers.mirror import MirrorProvider
from saltern.settings import MirrorSettings
from saltern.steps import Step
root, url, name = sys.argv[1:]
provider = MirrorProvider(MirrorSettings(root, url))
provider.apply([Step("mirror", name, "", {"default_branch": "master", "description": ""})])
"""


@pytest.mark.parametrize("had_one", [False, True], ids=["cold", "update"])
def test_kill_in_the_middle_of_a_fetch_loses_nothing(front, source, tmp_path, had_one):
    """SIGKILL of the provider: nothing half is served, its git is waited for, all ends well."""
    mirror = Mirror(tmp_path / "mirror", front.url)
    if had_one:
        assert mirror.one(NAME).ok
    before = source.refs(NAME)
    source.commit(NAME)
    reached, release = threading.Event(), threading.Event()
    front.on_fetch = lambda: [reached.set(), release.wait()]
    arguments = [sys.executable, "-c", APPLY, str(mirror.root), front.url, NAME]
    process = subprocess.Popen(arguments, cwd=REPOSITORY)
    assert reached.wait(120)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert mirror.path(NAME).exists() == had_one
    if had_one:
        assert git_refs(mirror.path(NAME)) == before
    outcomes = []
    waiting = threading.Thread(target=lambda: outcomes.append(mirror.one(NAME)))
    waiting.start()
    waiting.join(0.5)
    assert waiting.is_alive(), "the orphaned git holds the lock; nobody may work beside it"
    front.on_fetch = None
    release.set()
    waiting.join(120)
    assert [o.status for o in outcomes] == ["done"]
    assert git_refs(mirror.path(NAME)) == source.refs(NAME)
    git("-C", str(mirror.path(NAME)), "fsck", "--strict")


def test_ten_kills_at_any_moment_end_in_the_same_state(source, tmp_path):
    """Whenever the provider is killed, the next apply makes the mirror equal."""
    mirror = Mirror(tmp_path / "mirror", source.url)
    for number in range(10):
        source.commit(NAME, f"b{number}", f"b{number}")
        arguments = [sys.executable, "-c", APPLY, str(mirror.root), source.url, NAME]
        process = subprocess.Popen(arguments, cwd=REPOSITORY)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(0.35 + number * 0.04)
        process.kill()
        process.wait()
        seen = mirror.look(NAME)
        assert seen is None or "broken" not in seen
    assert mirror.one(NAME).ok
    assert git_refs(mirror.path(NAME)) == source.refs(NAME)
    assert list((mirror.root / ".saltern" / "work").iterdir()) == []


def test_time_spent_is_told(mirror):
    """An outcome carries its seconds, for the journal."""
    began = time.monotonic()
    assert 0 < mirror.one(NAME).seconds <= time.monotonic() - began
