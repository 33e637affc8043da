"""The demo's servers: Gerrit (real or stand-in), git over HTTP, and where their files are."""

from __future__ import annotations

import json
import os
import queue
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

from lab.demo.people import Person

REPOSITORY = Path(__file__).resolve().parents[2]
START_SECONDS = 120
NOT_GERRIT = """\
THIS IS NOT GERRIT.
It is a stand-in of this repository (lab/gerrit) that answers as a real one was recorded to.
For the real one: make demo GERRIT_WAR=/path/gerrit.war"""


class ServerError(RuntimeError):
    """A server did not come up; the text names its log."""


def is_real() -> bool:
    """Return whether `GERRIT_WAR` asks for a real Gerrit."""
    return bool(os.environ.get("GERRIT_WAR"))


def start_gerrit(root: Path) -> Any:
    """Start a fresh Gerrit in ``root``: real when `GERRIT_WAR` is set, else the stand-in."""
    if is_real():
        from lab import realgerrit

        return realgerrit.start(root)
    from lab.gerrit import process

    return process.start(root)


def admin_of(gerrit: Any) -> Person:
    """Return the administrator of a server that :func:`start_gerrit` started."""
    return Person(gerrit.admin_user, gerrit.admin_password, gerrit.http_url, "admin@example.com")


class GitServer:
    """``python -m lab.mirror``: serves the bare repositories below ``root`` read-only."""

    def __init__(self, root: Path, log: Path):
        root.mkdir(parents=True, exist_ok=True)
        with log.open("ab") as errors:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "lab.mirror", "--root", str(root), "--port", "0"],
                cwd=REPOSITORY,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
                start_new_session=True,
            )
        try:
            self.url: str = self._first_line(log)["url"].rstrip("/")
        except BaseException:
            self.stop()
            raise

    def _first_line(self, log: Path) -> dict[str, Any]:
        lines: queue.Queue[str] = queue.Queue()
        output = self._process.stdout
        threading.Thread(target=lambda: lines.put(output.readline()), daemon=True).start()
        try:
            return json.loads(lines.get(timeout=START_SECONDS))
        except (queue.Empty, ValueError) as error:
            raise ServerError(f"the git server did not come up; see {log}") from error

    def stop(self) -> None:
        """End the server."""
        self._process.terminate()
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()
