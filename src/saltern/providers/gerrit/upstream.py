"""Import of an upstream repository: clone, then push branches and tags, the default branch last.

The one place where git runs as a process: histories may be large. URLs come from contributors:
they are arguments behind ``--``, only the URL's own transport is allowed, and no credential is
in an argument or a URL.
"""

from __future__ import annotations

import base64
import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from urllib.parse import quote, urlsplit

from saltern.errors import Refused, Retry
from saltern.providers.gerrit.cache import make_directory
from saltern.providers.gerrit.groups import locked
from saltern.providers.gerrit.refusals import push_error
from saltern.providers.gerrit.server import Server
from saltern.settings import GerritSettings
from saltern.steps import Step

TRANSPORTS = {
    "http": "http:https",
    "https": "https",
    "git": "git",
    "ssh": "ssh",
    "file": "file",
}
VALIDATED_COMMITS = 10_000
"""Most new commits Gerrit takes in a push that does not ask to skip their validation."""
STALLED_SECONDS = 300
LONGEST_OUTPUT = 800
SAID = "remote: ERROR:"


def import_upstream(server: Server, step: Step) -> None:
    """Import ``step.payload["upstream"]`` into project ``step.name``.

    All branches and tags are pushed under their names; with ``upstream_prefix`` the branches
    also as ``PREFIX/BRANCH``. Raises :class:`Retry` when upstream or Gerrit did not answer, and
    :class:`Refused` when the URL or the repository cannot serve.
    """
    url = _checked_url(step)
    with _workplace(server.cache_dir / "import", step.name) as place:
        git = _Git(place / "repository.git", server.settings, step.name)
        git.clone(url)
        branches = git.branches()
        default = step.payload["default_branch"]
        if default not in branches:
            have = ", ".join(sorted(branches)[:10]) or "no branch at all"
            raise Refused(
                f"{step.name}: upstream has no branch {default!r} but {have}: set default-branch",
                code="upstream-branch",
            )
        _push(git, default, step.payload["upstream_prefix"])


def _push(git: _Git, default: str, prefix: str | None) -> None:
    ref = f"refs/heads/{default}"
    others = ["refs/heads/*:refs/heads/*", "refs/tags/*:refs/tags/*", f"^{ref}"]
    git.push(others)
    if prefix:
        git.push([f"refs/heads/*:refs/heads/{prefix}/*"])
    git.push([f"{ref}:{ref}"])


def _checked_url(step: Step) -> str:
    url = step.payload["upstream"]
    scheme = urlsplit(url).scheme
    if scheme not in TRANSPORTS or re.search(r"[\s\x00-\x1f]", url):
        raise Refused(
            f"{step.name}: upstream {mask(url)!r} is not a URL with one of {', '.join(TRANSPORTS)}",
            code="upstream-url",
        )
    return str(url)


def mask(text: str) -> str:
    """Return ``text`` with the user parts of URLs hidden: they may carry a password."""
    return re.sub(r"(\w+://)[^/\s@]+@", r"\1***@", text)


@contextmanager
def _workplace(root: Path, project: str) -> Iterator[Path]:
    """Hold an empty directory of the project's own; what a killed import left is removed."""
    place = make_directory(root) / sha256(project.encode()).hexdigest()[:16]
    with locked(place.with_suffix(".lock")):
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir(mode=0o700)
        try:
            yield place
        finally:
            shutil.rmtree(place, ignore_errors=True)


class _Git:
    """git on one bare repository, within a time limit for everything together."""

    def __init__(self, path: Path, settings: GerritSettings, project: str):
        self._path = path
        self._settings = settings
        self._project = project
        self._until = time.monotonic() + settings.import_timeout
        self._upstream = ""

    def clone(self, url: str) -> None:
        """Clone every branch and tag of ``url``."""
        self._upstream = url
        allowed = TRANSPORTS[urlsplit(url).scheme]
        arguments = ["clone", "--bare", "--quiet", "--no-hardlinks", "--", url, str(self._path)]
        code, _, errors = self._run(arguments, _environment(allowed, {}))
        if code:
            raise Retry(
                f"{self._project}: cannot clone upstream {mask(url)}: {_tail(errors)}",
                code="upstream",
            )

    def branches(self) -> set[str]:
        """Return the short names of the clone's branches."""
        names = self._local("for-each-ref", "--format=%(refname)", "refs/heads")
        return {name.removeprefix("refs/heads/") for name in names.splitlines()}

    def push(self, refspecs: list[str]) -> None:
        """Push ``refspecs`` to the project."""
        url = f"{self._settings.url.rstrip('/')}/a/{quote(self._project, safe='/')}"
        options = ["-o", "skip-validation"] if self._many() else []
        arguments = ["push", "--porcelain", *options, "--", url, *refspecs]
        environment = _environment(urlsplit(url).scheme, self._secret(url))
        code, output, errors = self._run(["--git-dir", str(self._path), *arguments], environment)
        if code:
            raise self._refusal(output, errors)

    def _refusal(self, output: str, errors: str) -> Exception:
        rejected = re.findall(
            r"^!\t[^\t:]*:([^\t]+)\t\[(?:remote )?rejected\] \((.*)\)$", output, re.M
        )
        if not rejected:
            return Retry(
                f"{self._project}: push of the import failed: {_tail(errors)}", code="push"
            )
        ref, status = rejected[0]
        said = [line[8:].strip() for line in errors.splitlines() if line.startswith(SAID)]
        more = f" (and {len(rejected) - 1} more refs)" if len(rejected) > 1 else ""
        reason = "; ".join([status + more, *dict.fromkeys(said)])[:LONGEST_OUTPUT]
        return push_error(self._project, ref, status, reason)

    def _many(self) -> bool:
        return int(self._local("rev-list", "--count", "--all")) > VALIDATED_COMMITS

    def _secret(self, url: str) -> dict[str, str]:
        login = f"{self._settings.username}:{self._settings.password}".encode()
        header = "Authorization: Basic " + base64.b64encode(login).decode()
        secret = {f"http.{self._settings.url.rstrip('/')}/.extraHeader": header}
        if not self._settings.verify_tls:
            secret["http.sslVerify"] = "false"
        return secret

    def _local(self, *arguments: str) -> str:
        command = ["--git-dir", str(self._path), *arguments]
        code, output, errors = self._run(command, _environment("", {}))
        if code:
            raise Refused(f"{self._project}: git {arguments[0]}: {_tail(errors)}", code="upstream")
        return output

    def _run(self, arguments: list[str], environment: Mapping[str, str]) -> tuple[int, str, str]:
        left = max(0.1, self._until - time.monotonic())
        with subprocess.Popen(
            ["git", *arguments],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        ) as process:
            try:
                output, errors = process.communicate(timeout=left)
            except BaseException as error:
                _kill(process)
                if isinstance(error, subprocess.TimeoutExpired):
                    raise Refused(
                        f"{self._project}: the import of {mask(self._upstream)} took longer than "
                        f"import_timeout ({self._settings.import_timeout:g} s)",
                        code="import-timeout",
                    ) from error
                raise
        return (
            process.returncode,
            output.decode("utf-8", "replace"),
            errors.decode("utf-8", "replace"),
        )


def _environment(transports: str, config: Mapping[str, str]) -> dict[str, str]:
    settings = {
        "http.lowSpeedLimit": "1",
        "http.lowSpeedTime": str(STALLED_SECONDS),
        "core.hooksPath": os.devnull,
        "credential.helper": "",
        **config,
    }
    environment = {
        **os.environ,
        "LC_ALL": "C",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_ASKPASS": "true",
        "GIT_ALLOW_PROTOCOL": transports,
        "GIT_SSH_COMMAND": "ssh -oBatchMode=yes",
        "GIT_CONFIG_COUNT": str(len(settings)),
    }
    for number, (key, value) in enumerate(settings.items()):
        environment[f"GIT_CONFIG_KEY_{number}"] = key
        environment[f"GIT_CONFIG_VALUE_{number}"] = value
    return environment


def _kill(process: subprocess.Popen[bytes]) -> None:
    """End git and its helpers, which share its session."""
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()


def _tail(errors: str) -> str:
    lines = [line.strip() for line in errors.splitlines() if line.strip()]
    return mask("; ".join(lines[-5:]))[-LONGEST_OUTPUT:] or "git said nothing"
