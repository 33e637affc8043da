"""git as a process on a work repository, speaking to this Gerrit as the service account.

For histories of any size. Names of refs and projects are arguments of their own, and the
password is in the environment, never in an argument or a URL.
"""

from __future__ import annotations

import base64
import os
import re
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from urllib.parse import quote, urlsplit

from saltern.errors import Refused, Retry
from saltern.providers.gerrit.refusals import push_error
from saltern.settings import GerritSettings

STALLED_SECONDS = 300
VALIDATED_COMMITS = 10_000
"""Most new commits Gerrit takes in a push that does not ask to skip their validation."""
AT_ONCE = 200
"""Refs in one push: they are arguments, and their number is limited."""
LONGEST_OUTPUT = 800
_REJECTED = re.compile(r"^!\t[^\t:]*:([^\t]+)\t\[(?:remote )?rejected\] \((.*)\)$", re.M)


class GitWork:
    """A bare repository in ``path`` for one piece of work within ``import_timeout``."""

    def __init__(self, path: Path, settings: GerritSettings):
        self._path = path
        self._settings = settings
        self._until = time.monotonic() + settings.import_timeout
        self._run(["init", "--bare", "--quiet", "--", str(path)], "making a work repository")

    def fetch(self, project: str, refspecs: Sequence[str]) -> None:
        """Fetch ``refspecs`` of a project. Raises :class:`Retry` when Gerrit does not serve."""
        words = ["fetch", "--quiet", "--no-tags", "--no-write-fetch-head", "--", self._url(project)]
        self._run(self._here(*words, *refspecs), f"fetching {project}")

    def is_ancestor(self, old: str, new: str) -> bool:
        """Return whether commit ``old`` is ``new`` or in its history."""
        code, _, errors = self._process(self._here("merge-base", "--is-ancestor", old, new))
        if code > 1:
            raise Refused(f"git merge-base: {_tail(errors)}", code="git")
        return code == 0

    def push(self, project: str, updates: Mapping[str, str]) -> None:
        """Push ``{ref: commit or tag}`` to a project, never forced; some refs at a time."""
        refs = list(updates)
        for start in range(0, len(refs), AT_ONCE):
            some = [f"{updates[ref]}:{ref}" for ref in refs[start : start + AT_ONCE]]
            options = ["-o", "skip-validation"] if self._many() else []
            words = ["push", "--porcelain", *options, "--", self._url(project), *some]
            code, output, errors = self._process(self._here(*words))
            if code:
                raise _refusal(project, output, errors)

    def _many(self) -> bool:
        counted = self._run(self._here("rev-list", "--count", "--all"), "counting commits")
        return int(counted) > VALIDATED_COMMITS

    def _here(self, *words: str) -> list[str]:
        return ["--git-dir", str(self._path), *words]

    def _url(self, project: str) -> str:
        return f"{self._settings.url.rstrip('/')}/a/{quote(project, safe='/')}"

    def _run(self, words: Sequence[str], doing: str) -> str:
        code, output, errors = self._process(words)
        if code:
            raise Retry(f"{doing}: {_tail(errors)}", code="git")
        return output

    def _process(self, words: Sequence[str]) -> tuple[int, str, str]:
        with subprocess.Popen(
            ["git", *words],
            env=self._environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        ) as process:
            try:
                left = max(0.1, self._until - time.monotonic())
                output, errors = process.communicate(timeout=left)
            except BaseException as error:
                os.killpg(process.pid, signal.SIGKILL)
                process.communicate()
                if isinstance(error, subprocess.TimeoutExpired):
                    raise Refused(
                        f"git {words[2] if len(words) > 2 else words[0]} took longer than "
                        f"import_timeout ({self._settings.import_timeout:g} s)",
                        code="import-timeout",
                    ) from error
                raise
        return (
            process.returncode,
            output.decode("utf-8", "replace"),
            errors.decode("utf-8", "replace"),
        )

    def _environment(self) -> dict[str, str]:
        login = f"{self._settings.username}:{self._settings.password}".encode()
        header = "Authorization: Basic " + base64.b64encode(login).decode()
        config = {
            f"http.{self._settings.url.rstrip('/')}/.extraHeader": header,
            "http.lowSpeedLimit": "1",
            "http.lowSpeedTime": str(STALLED_SECONDS),
            "http.sslVerify": str(self._settings.verify_tls).lower(),
            "core.hooksPath": os.devnull,
            "credential.helper": "",
        }
        environment = {
            **os.environ,
            "LC_ALL": "C",
            "GIT_TERMINAL_PROMPT": "0",
            "GIT_ASKPASS": "true",
            "GIT_ALLOW_PROTOCOL": urlsplit(self._settings.url).scheme,
            "GIT_CONFIG_COUNT": str(len(config)),
        }
        for number, (key, value) in enumerate(config.items()):
            environment[f"GIT_CONFIG_KEY_{number}"] = key
            environment[f"GIT_CONFIG_VALUE_{number}"] = value
        return environment


def _refusal(project: str, output: str, errors: str) -> Exception:
    rejected = _REJECTED.findall(output)
    if not rejected:
        return Retry(f"{project}: the push failed: {_tail(errors)}", code="push")
    ref, status = rejected[0]
    said = [line[8:].strip() for line in errors.splitlines() if line.startswith("remote: ERROR:")]
    more = f" (and {len(rejected) - 1} more refs)" if len(rejected) > 1 else ""
    reason = "; ".join([status + more, *dict.fromkeys(said)])[:LONGEST_OUTPUT]
    return push_error(project, ref, status, reason)


def _tail(errors: str) -> str:
    lines = [line.strip() for line in errors.splitlines() if line.strip()]
    return "; ".join(lines[-5:])[-LONGEST_OUTPUT:] or "git said nothing"
