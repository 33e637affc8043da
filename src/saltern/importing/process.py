"""git as a process, within a time, a size and one transport.

What git prints goes to files beside the repository, so that it counts as its size does: a server
that sends without end is stopped by the same limit.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from saltern.errors import Broken, Refused

POLL = 0.25
"""Seconds between two looks at the size."""
STALLED_SECONDS = 300
LONGEST_ANSWER = 64 * 1024 * 1024
"""Bytes of git's output that are read."""
_KEPT = ("GIT_SSL_", "GIT_CONFIG_GLOBAL", "GIT_CONFIG_SYSTEM", "GIT_CONFIG_NOSYSTEM")

Heard = Callable[[str, int], None]


@dataclass(frozen=True)
class Limits:
    """``until`` (of the monotonic clock, seconds) and ``bytes`` on disk; both as they are told."""

    until: float
    bytes: int
    told: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Ran:
    """How git ended: exit code, what it printed, what it complained of."""

    code: int
    output: str
    errors: str


class Runner:
    """Runs git for one import or move in ``place``, a directory of its own.

    ``inherited`` are file descriptors that git keeps open: a lock then outlives a killed caller.
    """

    def __init__(
        self, place: Path, what: str, limits: Limits, heard: Heard, inherited: tuple[int, ...] = ()
    ):
        self._place = place
        self._inherited = inherited
        self._what = what
        self._limits = limits
        self._heard = heard

    def __call__(
        self,
        arguments: Iterable[str],
        *,
        transports: str = "",
        config: Mapping[str, str] | None = None,
        lines: Iterable[str] = (),
    ) -> Ran:
        """Run git; ``lines`` are its input. Raises :class:`Refused` when a limit is passed."""
        answer, said, asked = (self._place / name for name in ("out", "err", "in"))
        asked.write_text("".join(f"{line}\n" for line in lines))
        variables = environment(transports, config or {})
        with (
            answer.open("wb") as out,
            said.open("wb") as err,
            asked.open("rb") as given,
            self._start(arguments, variables, given, out, err) as process,
        ):
            try:
                self._watch(process, said)
            except BaseException:
                _kill(process)
                raise
        return Ran(process.returncode, _text(answer), _text(said))

    def _start(
        self,
        arguments: Iterable[str],
        variables: Mapping[str, str],
        given: BinaryIO,
        out: BinaryIO,
        err: BinaryIO,
    ) -> subprocess.Popen[bytes]:
        try:
            return subprocess.Popen(
                ["git", *arguments],
                env=variables,
                stdin=given,
                stdout=out,
                stderr=err,
                start_new_session=True,
                pass_fds=self._inherited,
            )
        except FileNotFoundError as error:
            raise Broken(
                f"{self._what} needs git, which is not installed here", code="no-git"
            ) from error

    def _watch(self, process: subprocess.Popen[bytes], said: Path) -> None:
        while True:
            left = self._limits.until - time.monotonic()
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(max(0.0, min(POLL, left)))
            size = size_of(self._place)
            self._heard(_tail(said), size)
            if size > self._limits.bytes:
                raise Refused(
                    f"{self._what} needs more than import_bytes ({self._limits.bytes} bytes) on "
                    "disk; a larger one is a setting, or an import by hand",
                    code="import-size",
                )
            if process.returncode is not None:
                return
            if left <= 0:
                seconds = self._limits.told.get("seconds", "")
                raise Refused(
                    f"{self._what} took longer than import_timeout ({seconds} s); what it has is "
                    "kept, and the next attempt goes on from there",
                    code="import-timeout",
                )


def environment(transports: str, config: Mapping[str, str]) -> dict[str, str]:
    """Return an environment for git that allows ``transports`` only and runs nothing else."""
    settings = {
        "http.lowSpeedLimit": "1",
        "http.lowSpeedTime": str(STALLED_SECONDS),
        "http.followRedirects": "false",
        "core.hooksPath": os.devnull,
        "core.fsmonitor": "false",
        "credential.helper": "",
        "fetch.recurseSubmodules": "false",
        "transfer.bundleURI": "false",
        "gc.auto": "0",
        "maintenance.auto": "false",
        "receive.autogc": "false",
        **config,
    }
    kept = {k: v for k, v in os.environ.items() if not k.startswith("GIT_") or k.startswith(_KEPT)}
    found = {
        **kept,
        "LC_ALL": "C",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_ASKPASS": "true",
        "GIT_ALLOW_PROTOCOL": transports,
        "GIT_SSH_COMMAND": "ssh -oBatchMode=yes -oConnectTimeout=60",
        "GIT_CONFIG_COUNT": str(len(settings)),
    }
    for number, (key, value) in enumerate(settings.items()):
        found[f"GIT_CONFIG_KEY_{number}"] = key
        found[f"GIT_CONFIG_VALUE_{number}"] = value
    return found


def size_of(place: Path) -> int:
    """Return the bytes of all files below ``place``."""
    total = 0
    for folder, _, names in os.walk(place):
        for name in names:
            with contextlib.suppress(OSError):
                total += os.lstat(os.path.join(folder, name)).st_size
    return total


def _kill(process: subprocess.Popen[bytes]) -> None:
    """End git and its helpers, which share its session."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _text(path: Path) -> str:
    with path.open("rb") as file:
        return file.read(LONGEST_ANSWER).decode("utf-8", "replace")


def _tail(path: Path) -> str:
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - 400))
        return file.read(400).decode("utf-8", "replace")
