"""Names of refs and commits, checked before they reach a server or a path."""

from __future__ import annotations

import re

_FORBIDDEN = re.compile(r"[\x00-\x20\x7f~^:?*\[\\]|\.\.|@\{|//|[\ud800-\udfff]")
_COMMIT = r"[0-9a-f]{40}"


def is_ref(name: str) -> bool:
    """Return whether git takes ``name`` as a full ref name, e.g. ``refs/heads/master``."""
    if not name.startswith("refs/") or name.endswith(("/", ".")) or _FORBIDDEN.search(name):
        return False
    parts = name.split("/")
    return len(parts) > 2 and not any(p.startswith(".") or p.endswith(".lock") for p in parts)


def is_branch(name: str) -> bool:
    """Return whether ``name`` is a short branch name that git and Gerrit take."""
    return not name.startswith(("-", "refs/")) and is_ref(f"refs/heads/{name}")


def is_commit(name: str) -> bool:
    """Return whether ``name`` is a full commit id: 40 hex digits in lower case."""
    return re.fullmatch(_COMMIT, name) is not None
