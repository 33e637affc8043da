"""The demo as a user runs it: the whole story, and that nothing is left however it ends."""

from __future__ import annotations

import contextlib
import fcntl
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
STORY_SECONDS = 840
END_SECONDS = 200
CORPUS = Path(os.environ.get("SALTERN_CORPUS") or ROOT.parent / "shared/data/opendev").resolve()


def processes_of(root: Path) -> list[str]:
    """Return the command lines of live processes that name ``root``."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            command = (
                (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode("utf-8", "replace")
            )
            if str(root) in command and int(entry.name) != os.getpid():
                found.append(command)
    return found


pytestmark = pytest.mark.timeout(900)


@contextlib.contextmanager
def demo(root: Path, *args: str, **env: str) -> Iterator[subprocess.Popen[str]]:
    """Start the demo in ``root``; its output is ``stdout``."""
    with subprocess.Popen(
        [sys.executable, "-m", "lab.demo", "--root", str(root), *args],
        cwd=ROOT,
        env={**os.environ, **env},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def read_until(process: subprocess.Popen[str], text: str) -> list[str]:
    """Return the lines up to the one that holds ``text``."""
    lines = []
    for line in process.stdout:
        lines.append(line)
        if text in line:
            return lines
    pytest.fail(f"the demo ended before {text!r}:\n{''.join(lines)}")


@pytest.fixture
def example_on_stand_in(monkeypatch):
    """The demo's defaults, whatever this shell asks for."""
    for name in ("SALTERN_CORPUS", "GERRIT_WAR"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.usefixtures("example_on_stand_in")
def test_story_comes_true_and_leaves_no_process(tmp_path):
    """All six scenes end well, with the proofs, exit status 0 and nothing left running."""
    with demo(tmp_path / "demo") as process:
        said, _ = process.communicate(timeout=STORY_SECONDS)
    assert process.returncode == 0, said
    assert [line[:2] for line in said.splitlines() if line[:2] in "1.2.3.4.5.6." and line] == [
        "1.",
        "2.",
        "3.",
        "4.",
        "5.",
        "6.",
    ]
    assert said.count("✓ read with git and REST") == 2
    assert "seconds after the submit" in said
    assert processes_of(tmp_path) == []


@pytest.mark.usefixtures("example_on_stand_in")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["SIGINT", "SIGTERM"])
@pytest.mark.parametrize("moment", ["The mirror is served", "salt-run projects.converge"])
def test_stop_at_any_moment_leaves_no_process(tmp_path, number, moment):
    """Ctrl-C (or SIGTERM) while daemons start, or in the middle of a run, ends all of them."""
    with demo(tmp_path / "demo") as process:
        read_until(process, moment)
        process.send_signal(number)
        said, _ = process.communicate(timeout=END_SECONDS)
    assert process.returncode == 130, said
    assert "no process is left" in said
    assert processes_of(tmp_path) == []


@pytest.mark.usefixtures("example_on_stand_in")
def test_kept_demo_says_how_to_talk_to_it_and_ends_on_ctrl_c(tmp_path):
    """With --keep the servers answer until Ctrl-C, and the printed commands work."""
    with demo(tmp_path / "demo", "--keep") as process:
        said = "".join(read_until(process, "stop     Ctrl-C"))
        command = next(line for line in said.splitlines() if " salt  " in line).split(None, 1)[1]
        status = subprocess.run(  # noqa: S602
            command, shell=True, capture_output=True, text=True, timeout=END_SECONDS
        )
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=END_SECONDS)
    assert status.returncode == 0, status.stderr
    assert "done" in status.stdout
    assert processes_of(tmp_path) == []


def test_failure_is_told_with_the_place_of_the_logs(tmp_path):
    """A registry that is not there ends the demo with a clear word and status 1."""
    with demo(tmp_path / "demo", SALTERN_CORPUS=str(tmp_path / "none")) as process:
        said, _ = process.communicate(timeout=END_SECONDS)
    assert process.returncode == 1
    assert f"SALTERN_CORPUS={tmp_path / 'none'}: no gerrit/projects.yaml there" in said
    assert processes_of(tmp_path) == []


def test_second_demo_in_the_same_root_is_refused(tmp_path):
    """Two demos never share a root: the second says which process has it."""
    lock = tmp_path / "demo.lock"
    with lock.open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        held.write("4711")
        held.flush()
        with demo(tmp_path / "demo") as process:
            said, _ = process.communicate(timeout=END_SECONDS)
    assert process.returncode == 1
    assert "a demo runs in" in said
    assert "pid 4711" in said
    assert not (tmp_path / "demo").exists()


@pytest.mark.timeout(2700)
@pytest.mark.skipif(not (CORPUS / "gerrit").is_dir(), reason=f"no real registry at {CORPUS}")
def test_story_comes_true_with_a_real_registry(tmp_path):
    """294 real projects: each one, its groups and its ACL read back with git and REST."""
    with demo(tmp_path / "demo", SALTERN_CORPUS=str(CORPUS)) as process:
        said, _ = process.communicate(timeout=2600)
    assert process.returncode == 0, said
    assert "holds the registry: 294 projects" in said
    assert said.count("✓ read with git and REST") == 2
    assert processes_of(tmp_path) == []


@pytest.mark.skipif("GERRIT_WAR" not in os.environ, reason="GERRIT_WAR names no Gerrit")
def test_story_comes_true_on_a_real_gerrit(tmp_path):
    """The same story on the real thing."""
    with demo(tmp_path / "demo") as process:
        said, _ = process.communicate(timeout=STORY_SECONDS)
    assert process.returncode == 0, said
    assert "THIS IS NOT GERRIT" not in said
