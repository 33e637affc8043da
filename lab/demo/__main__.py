"""`python -m lab.demo [--keep]`: tell the story; exit status 0 when all of it came true."""

from __future__ import annotations

import argparse
import fcntl
import os
import shutil
import signal
import sys
import threading
from pathlib import Path
from typing import Any

from lab.demo import servers
from lab.demo.checkout import registry_source
from lab.demo.scenes import titles
from lab.demo.story import GREEN, RED, Story
from lab.demo.world import MINION, PAGE, REGISTRY, World, shell, world

REPOSITORY = Path(__file__).resolve().parents[2]
ROOT = REPOSITORY / ".lab" / "demo"
ENVIRONMENT = {
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_AUTHOR_NAME": "Demo",
    "GIT_AUTHOR_EMAIL": "demo@example.org",
    "GIT_COMMITTER_NAME": "Demo",
    "GIT_COMMITTER_EMAIL": "demo@example.org",
    "LC_ALL": "C.UTF-8",
    "PYTHONWARNINGS": "ignore",
}
"""What the demo's processes see instead of the user's own git configuration."""


class Stopped(KeyboardInterrupt):
    """SIGTERM or SIGHUP: ended as by Ctrl-C."""


def main() -> int:
    """Tell the story and return the exit status."""
    parser = argparse.ArgumentParser(prog="lab.demo", description=__doc__)
    parser.add_argument("--keep", action="store_true", help="leave it running until Ctrl-C")
    parser.add_argument("--root", type=Path, default=ROOT, help="private directory; emptied first")
    args = parser.parse_args()
    root = args.root.resolve()
    with _only_one(root):
        for number in (signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, _stop)
        os.environ.update(ENVIRONMENT)
        shutil.rmtree(root, ignore_errors=True)
        root.mkdir(parents=True, mode=0o700)
        return _tell(Story(), root, args.keep)


def _tell(story: Story, root: Path, keep: bool) -> int:
    try:
        registry_source()
        _scenes(story, root, keep)
    except KeyboardInterrupt as stop:
        story.line(f"Stopped ({type(stop).__name__}); no process is left", RED)
        return 130
    except Exception as error:
        story.line(f"The demo failed: {type(error).__name__}: {error}", RED)
        story.line(f"Logs are below {root} ({_logs(root)}); no process is left")
        return 1
    story.line("All of the story came true; no process is left", GREEN)
    return 0


def _scenes(story: Story, root: Path, keep: bool) -> None:
    if not servers.is_real():
        story.banner(servers.NOT_GERRIT)
    scenes = titles()
    story.heading(scenes[0][0])
    with world(root, story.line) as running:
        for number, (title, scene) in enumerate(scenes):
            if number:
                story.heading(title)
            scene(story, running)
        if keep:
            _explain(story, running)
            threading.Event().wait()


def _explain(story: Story, running: World) -> None:
    story.heading("It keeps running: Ctrl-C ends it")
    admin = running.admin
    salt_run = shell(running.salt.command("projects.status"))
    story.line(
        f"Gerrit   {running.gerrit.http_url}  user {admin.username}, password in "
        f"{_password_file(running)}\n"
        f"mirror   git clone {running.mirror.url}/{REGISTRY}.git\n"
        f"salt     {salt_run}\n"
        f"         also: projects.plan, projects.converge, projects.retry KEY; minion {MINION}\n"
        f"change   git clone {running.gerrit.http_url}/{REGISTRY}; edit gerrit/projects.yaml;\n"
        f"         push to refs/for/master as {running.contributor.username} or "
        f"{admin.username}\n"
        f"page     {running.root / PAGE / 'index.html'}\n"
        f"files    {running.root}\n"
        f"stop     Ctrl-C here, or kill {os.getpid()}"
    )


def _password_file(running: World) -> Path:
    path = running.root / "passwords"
    people = (running.admin, running.contributor)
    text = "".join(f"{person.username} {person.password}\n" for person in people)
    path.touch(mode=0o600)
    path.write_text(text, "utf-8")
    return path


def _logs(root: Path) -> str:
    found = [p for p in sorted(root.rglob("log")) + sorted(root.glob("**/*.log")) if p.is_file()]
    return ", ".join(str(path.relative_to(root)) for path in found[:8])


def _only_one(root: Path) -> Any:
    """Return the lock file that keeps a second demo out of ``root``; exit when one runs."""
    root.parent.mkdir(parents=True, exist_ok=True)
    path = root.with_name(f"{root.name}.lock")
    lock = path.open("a+")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.seek(0)
        sys.exit(f"a demo runs in {root} already (pid {lock.read().strip()}): end it with Ctrl-C")
    lock.truncate(0)
    lock.write(str(os.getpid()))
    lock.flush()
    os.set_inheritable(lock.fileno(), False)
    return lock


def _stop(*_: object) -> None:
    raise Stopped


if __name__ == "__main__":
    sys.exit(main())
