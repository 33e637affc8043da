"""Checks of descriptions, branches and upstreams."""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import urlsplit

from saltern.registry.findings import PROJECT, Position
from saltern.registry.refs import is_branch
from saltern.registry.rules.base import ENTRY, rule
from saltern.registry.rules.words import one_of
from saltern.registry.yamlfile import RawEntry
from saltern.settings import RegistrySettings

Places = Iterator[tuple[Position, str]]

LONGEST_DESCRIPTION = 10_000
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")
_UNSAFE_URL = "[\x00-\x20\x7f\\\\\"'<>`{}|^\ud800-\udfff]"
_SCP_LIKE = r"(?:[A-Za-z0-9._-]+@)?[A-Za-z0-9][A-Za-z0-9.-]*:(?!/?/)[^:-][^:]*"
_HOST = r"[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?|[0-9a-fA-F:.]+"
_PREFIX = r"[A-Za-z0-9._/-]*"
_SCHEMES = ("https", "http", "git", "ssh")


@rule("SLT008", ENTRY, about=("description",), blocks=PROJECT)
def bad_description(entry: RawEntry, settings: RegistrySettings) -> Places:
    """A description that is too long or has control characters.

    Why: Gerrit keeps it in project.config, which cannot hold them.
    Example: a description pasted from a binary file
    Instead: a sentence or two of text.
    """
    text = entry.values.get("description")
    if not isinstance(text, str):
        return
    if len(text) > LONGEST_DESCRIPTION:
        yield (
            entry.at("description"),
            f"description has {len(text)} characters; shorten it to {LONGEST_DESCRIPTION}",
        )
    bad = _CONTROL.search(text)
    if bad:
        yield (
            entry.at("description"),
            f"description has the control character U+{ord(bad.group()):04X}; remove it",
        )


@rule("SLT009", ENTRY, about=("default-branch",), blocks=PROJECT)
def bad_default_branch(entry: RawEntry, settings: RegistrySettings) -> Places:
    """A default branch that git does not take as a branch name.

    Why: the project could not be made with it.
    Example: ``default-branch: refs/heads/main``
    Instead: ``default-branch: main``
    """
    name = entry.values.get("default-branch")
    if isinstance(name, str) and not is_branch(name):
        short = name.removeprefix("refs/heads/")
        instead = repr(short[:80]) if is_branch(short) else "letters, digits and - . _ /, as 'main'"
        yield entry.at("default-branch"), f"{name[:80]!r} is no branch name; write {instead}"


@rule("SLT010", ENTRY, about=("upstream",), blocks=PROJECT)
def bad_upstream(entry: RawEntry, settings: RegistrySettings) -> Places:
    """An upstream that is not a plain repository URL, or that carries credentials.

    Why: the registry is public, and other transports run commands on the host that imports.
    Example: ``upstream: https://user:secret@example.com/x.git``
    Instead: ``upstream: https://example.com/x.git``
    """
    url = entry.values.get("upstream")
    if isinstance(url, str) and url:
        reason = upstream_problem(url, settings.allow_local_upstreams)
        if reason:
            yield entry.at("upstream"), f"upstream {reason}"


@rule(
    "SLT014", ENTRY, about=("upstream-branches", "upstream-prefix", "upstream-tags"), blocks=PROJECT
)
def bad_upstream_prefix(entry: RawEntry, settings: RegistrySettings) -> Places:
    """An ``upstream-prefix`` or pattern of refs that cannot be part of a branch's or tag's name.

    Why: imported branches are named with the prefix; a pattern that can match nothing is a slip.
    Example: ``upstream-prefix: "up stream"`` or ``upstream-tags: [refs/tags/v*]``
    Instead: ``upstream-prefix: upstream``, ``upstream-tags: [v*]``
    """
    for key in ("upstream-branches", "upstream-tags"):
        patterns = entry.values.get(key)
        for pattern in patterns if isinstance(patterns, list) else ():
            if isinstance(pattern, str) and not _is_pattern(pattern):
                text = f"{pattern[:80]!r} can match no name; write short names with '*', as 'v1.*'"
                yield entry.at(key), text
    prefix = entry.values.get("upstream-prefix")
    if not isinstance(prefix, str) or not prefix:
        return
    if not re.fullmatch(_PREFIX, prefix) or not is_branch(f"{prefix.rstrip('/')}/x"):
        yield (
            entry.at("upstream-prefix"),
            (
                f"{prefix[:80]!r} cannot start a branch name; write letters, digits and - . _ /, "
                "as 'upstream'"
            ),
        )


def _is_pattern(pattern: str) -> bool:
    """Return whether a pattern with ``*``, ``?`` and ``[...]`` can match a short ref name."""
    return not pattern.startswith("refs/") and is_branch(re.sub(r"[*?]|\[[^\]]*\]", "x", pattern))


def upstream_problem(url: str, allow_local: bool = False) -> str | None:
    """Return what is wrong with an upstream URL (never its credentials), or ``None``."""
    if bad := re.search(_UNSAFE_URL, url):
        return f"has the character {bad.group()!r}, which no URL may have; remove it"
    if len(url) > 2000:
        return "has more than 2000 characters; write https://HOST/PATH"
    if url.startswith(("/", "file://")):
        return None if allow_local else "is a local path; write https://HOST/PATH"
    if "://" not in url:
        return None if re.fullmatch(_SCP_LIKE, url) else "is no URL; write https://HOST/PATH"
    return _split_problem(url)


def _split_problem(url: str) -> str | None:
    try:
        parts = urlsplit(url)
        host, password, user = parts.hostname, parts.password, parts.username
        _ = parts.port
    except ValueError:
        return "is no URL; write https://HOST/PATH"
    if parts.scheme not in _SCHEMES:
        return f"begins with {parts.scheme[:20]!r}; write {one_of(_SCHEMES)}://HOST/PATH"
    if password is not None or (user and parts.scheme != "ssh"):
        return "has credentials in it; remove them (and change them: they were published)"
    if user is not None and not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9._-]*", user):
        return "has a user name that is none; write ssh://git@HOST/PATH"
    if not host or not re.fullmatch(_HOST, host):
        return "names no host; write https://HOST/PATH"
    if not parts.path.strip("/"):
        return "names no repository; write https://HOST/PATH"
    return None
