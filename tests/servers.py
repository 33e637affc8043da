"""The Gerrit that tests start: a real one where GERRIT_WAR names it, else the stand-in.

A real one cannot misbehave on demand and keeps no log of calls: a test is skipped at the moment
when it asks for that.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from lab import realgerrit
from lab.gerrit import process


class Real:
    """A real Gerrit that answers to the names the stand-in has."""

    is_stand_in = False

    def __init__(self, root: Path, limits: Mapping[str, int]):
        lines = [f"\t{_camel(name)} = {value}\n" for name, value in limits.items()]
        self._gerrit = realgerrit.start(root, config="".join(["[change]\n", *lines]))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._gerrit, name)

    @property
    def running(self) -> bool:
        """Whether the daemon has not ended."""
        return self._gerrit.process is not None and self._gerrit.process.poll() is None

    def fault(self, name: str, **_fields: object) -> int:
        """Skip the test."""
        pytest.skip(f"needs the stand-in's fault {name!r}")

    def clear_faults(self) -> None:
        """Do nothing: there are none."""

    def call_log(self, *_args: object, **_options: object) -> list[dict]:
        """Skip the test."""
        pytest.skip("needs the stand-in's call log")

    def unsupported(self) -> list[dict]:
        """Return the calls that the server does not know: none."""
        return []

    def streams(self) -> list[str]:
        """Return the ssh sessions beside the one that asks."""
        command = ["ssh", "-p", str(self.ssh_port), "-i", str(self.admin_ssh_key)]
        command += ["-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null"]
        command += ["-o", "LogLevel=ERROR", "-o", "BatchMode=yes", "-F", "/dev/null"]
        shown = subprocess.run(
            [*command, f"{self.admin_user}@{self.ssh_host}", "gerrit show-connections -w -n"],
            capture_output=True,
            text=True,
            check=True,
        )
        rows = [line for line in shown.stdout.splitlines() if " a/1000000" in line]
        return rows[1:]


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(map(str.capitalize, rest))


def start(root: Path, **limits: int) -> Any:
    """Return a fresh server with its data below ``root``.

    ``limits``: of Gerrit's section ``change``: ``max_comments``, ``cumulative_comment_size_limit``.
    """
    if os.environ.get("GERRIT_WAR"):
        return Real(root, limits)
    return process.start(root, **limits)
