"""Where a Gerrit is on this host, and the programs that run and control it."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from saltern.errors import Broken
from saltern.settings import GerritSettings

TAIL = 12
"""Lines of a failed program's output that a reason shows."""


class Service(Protocol):
    """What runs the daemon. ``start`` and ``stop`` raise :class:`Broken`."""

    def start(self) -> None:
        """Start the daemon; it need not answer yet."""

    def stop(self) -> None:
        """Stop it and wait until it is gone; nothing if it does not run."""

    def alive(self) -> bool:
        """Return whether it runs, without a crash since its start."""

    def log(self) -> str:
        """Return the last lines it wrote."""


@dataclass(frozen=True)
class Systemd:
    """A unit of systemd."""

    unit: str

    def start(self) -> None:
        run(["systemctl", "reset-failed", self.unit], checked=False)
        run(["systemctl", "start", self.unit])

    def stop(self) -> None:
        run(["systemctl", "stop", self.unit], checked=False)
        if self._show("ActiveState") not in ("inactive", "failed"):
            raise Broken(f"{self.unit} does not stop: see systemctl status {self.unit}")

    def alive(self) -> bool:
        return self._show("ActiveState") == "active" and self._show("NRestarts") == "0"

    def log(self) -> str:
        return run(["journalctl", "--unit", self.unit, "--output=cat", f"--lines={TAIL}"])

    def _show(self, name: str) -> str:
        return run(["systemctl", "show", "--value", f"--property={name}", self.unit]).strip()


@dataclass(frozen=True)
class Installation:
    """A Gerrit site and what belongs to it. Gerrit's own files are its user's, the rest root's."""

    site: Path
    """Site directory."""
    wars: Path
    """Directory of the programs, ``VERSION-DIGEST.war``, and of the link ``current.war``."""
    backups: Path
    """Directory of the copies made before upgrades; on the file system of ``site``."""
    command: tuple[str, ...]
    """Words before the program's path, e.g. ``("java", "-Xmx1g", "-jar")``."""
    service: Service
    server: GerritSettings
    """How to reach it on loopback; with a password, projects are compared after upgrades."""
    ssh: tuple[str, int] | None = None
    """Address of its ssh, to be looked at after upgrades."""
    user: str | None = None
    """Account it runs as; ``None``: this process's."""
    up_seconds: float = 300.0
    """Seconds a start may take."""
    keep: int = 2
    """Copies and programs of earlier releases that stay."""

    @property
    def current(self) -> Path:
        """The link to the program that the unit runs."""
        return self.wars / "current.war"

    @property
    def initialised(self) -> bool:
        """Whether the site holds data."""
        return (self.site / "git" / "All-Projects.git").is_dir()

    def call(self, war: Path, verb: str, *options: str) -> str:
        """Run a verb of the program as Gerrit's user; return its output. Raises ``Broken``."""
        place = ["-d", str(self.site)] if verb != "version" else []
        environment = {
            "PATH": os.environ.get("PATH", "/usr/bin:/bin"),
            "HOME": str(self.site),
            "GERRIT_TMP": str(self.site / "tmp"),
            "LANG": "C.UTF-8",
        }
        words = [*self.command, str(war), verb, *place, *options]
        return run(words, user=self.user, env=environment, cwd=self.site)

    def version_of(self, war: Path) -> str:
        """Return the version that the program says it is. Raises ``Broken``."""
        text = self.call(war, "version")
        found = re.search(r"^gerrit version (\S+)$", text, re.MULTILINE)
        if not found:
            raise Broken(f"{war} is no Gerrit: its version is {text.strip()[:200]!r}", code="war")
        return found[1]


def run(
    words: Sequence[str],
    *,
    checked: bool = True,
    user: str | None = None,
    env: dict[str, str] | None = None,
    cwd: Path | None = None,
) -> str:
    """Run a program and return what it wrote to stdout.

    Raises :class:`Broken` with the end of its output when it is missing, or fails and is
    ``checked``.
    """
    try:
        done = subprocess.run(
            words,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            env=env,
            cwd=cwd,
            user=user,
            group=user,
            extra_groups=[] if user else None,
        )
    except OSError as error:
        raise Broken(f"{words[0]} cannot be run: {error}", code="program") from error
    if checked and done.returncode:
        text = (done.stdout + done.stderr).decode("utf-8", "replace").strip()
        end = "\n".join(text.splitlines()[-TAIL:])
        what = " ".join(words)
        raise Broken(f"`{what}` ended with {done.returncode}:\n{end}", code="program")
    return done.stdout.decode("utf-8", "replace")
