"""git, run through GitPython: bounded in time, without prompts, secrets in no argument."""

from __future__ import annotations

import base64
import contextlib
import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from git.cmd import Git
from git.exc import GitCommandNotFound

from saltern.errors import Broken, Retry

_TERM_SECONDS = 5.0
_WORDS = 600


class GitFailed(Exception):
    """git ended with an error; the text is its own."""


@dataclass(frozen=True)
class GitRunner:
    """Runs git in bare repositories.

    ``timeout`` is in seconds; ``config`` is git configuration, handed over in the
    environment because it may hold a header with a password.
    """

    timeout: float
    config: Mapping[str, str]

    def run(self, repository: Path, arguments: Sequence[str], lock: int) -> None:
        """Run ``git ARGUMENTS`` in a bare repository.

        ``lock`` is an open file descriptor that holds the repository's lock: git inherits
        it, so that the lock outlives this process for as long as git works there. Raises
        :class:`GitFailed`, :class:`Retry` after the timeout, :class:`Broken` without git.
        """
        try:
            # GitPython ends the process when this handle goes.
            handle = Git(os.fspath(repository)).execute(
                ["git", *arguments],
                as_process=True,
                env=self._environment(repository),
                start_new_session=True,
                pass_fds=(lock,),
            )
        except GitCommandNotFound:
            raise Broken("git is not installed, the mirror needs it", code="no-git") from None
        process = cast(subprocess.Popen[bytes], handle.proc)
        try:
            _, errors = process.communicate(timeout=self.timeout)
        except subprocess.TimeoutExpired:
            raise Retry(
                f"git {arguments[0]} did not end within {self.timeout:g} s", code="timeout"
            ) from None
        finally:
            _end(process)
        if process.returncode != 0:
            raise GitFailed(_words(errors) or f"exit status {process.returncode}")

    def _environment(self, repository: Path) -> dict[str, str]:
        path = os.fspath(repository)
        pairs = list(self.config.items())
        numbered = {f"GIT_CONFIG_KEY_{n}": key for n, (key, _) in enumerate(pairs)}
        numbered |= {f"GIT_CONFIG_VALUE_{n}": value for n, (_, value) in enumerate(pairs)}
        return {
            "GIT_CONFIG_COUNT": str(len(pairs)),
            **numbered,
            "GIT_DIR": path,
            "GIT_COMMON_DIR": path,
            "GIT_OBJECT_DIRECTORY": os.path.join(path, "objects"),
            "GIT_ALTERNATE_OBJECT_DIRECTORIES": "",
            "GIT_NAMESPACE": "",
            "GIT_TERMINAL_PROMPT": "0",
            "GIT_ASKPASS": "",
            "SSH_ASKPASS": "",
            "GIT_TRACE": "0",
            "GIT_TRACE_CURL": "0",
        }


def fetch_config(base: str, scheme: str, username: str, password: str) -> dict[str, str]:
    """Return the configuration for fetching from the URLs that begin with ``base``."""
    config = {
        "credential.helper": "",
        "core.hooksPath": os.devnull,
        "core.logAllRefUpdates": "false",
        "gc.autoDetach": "false",
        "maintenance.autoDetach": "false",
        "protocol.allow": "never",
        f"protocol.{scheme}.allow": "always",
    }
    if username:
        token = base64.b64encode(f"{username}:{password}".encode()).decode()
        config[f"http.{base}.extraHeader"] = f"Authorization: Basic {token}"
        config["http.followRedirects"] = "false"
    return config


def _end(process: subprocess.Popen[bytes]) -> None:
    """End git and what it started; it clears its locks on SIGTERM, not on SIGKILL."""
    if process.poll() is None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        try:
            process.communicate(timeout=_TERM_SECONDS)
        except subprocess.TimeoutExpired:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.communicate()


def _words(errors: bytes) -> str:
    text = errors.decode("utf-8", "replace")
    return "; ".join(line.strip() for line in text.splitlines() if line.strip())[-_WORDS:]
