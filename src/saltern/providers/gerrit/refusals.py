"""What Gerrit's words about a refused push mean for the next attempt."""

from __future__ import annotations

from saltern.errors import Refused, Retry, SalternError
from saltern.providers.gerrit.client import LOCK_HINT
from saltern.providers.gerrit.config import META_CONFIG

STALE = (
    "invalid old id sent",
    "fetch first",
    "non-fast-forward",
    "already exists",
    "missing necessary objects",
    "missing object",
)
"""The ref is not where it was thought to be (facts: six at once on one base)."""

BUSY = ("failed to lock", "lock failure", "transaction aborted", "no status")

DENIED = (
    "not permitted",
    "unable to resolve object",
    "invalid author",
    "invalid committer",
    "you are not allowed to upload merges",
    # A merge that Gerrit itself made: part of every project's history that is moved.
    "do not amend merges not made by you",
    "'forge_server' permission",
)

NOT_WRITABLE = "project state does not permit write"

IMPORT_RIGHTS = "Create, Push, Push Merge, Forge Author, Forge Committer, Forge Server Identity"


class Stale(Retry):
    """The ref moved, or exists against expectation; look at it and decide again."""

    code = "stale"


class NotWritable(Refused):
    """The project is read-only or hidden and takes no push."""

    code = "read-only"


def push_error(project: str, ref: str, status: str, reason: str) -> SalternError:
    """Return the error of a ref whose push ended with ``status``; ``reason`` has every word."""
    what = f"{project}: push to {ref} refused: {reason}"
    word = status.lower()
    if any(text in word for text in BUSY):
        return Retry(what + LOCK_HINT * ("lock" in word), code="locked")
    if NOT_WRITABLE in word:
        return NotWritable(what)
    if any(text in word for text in STALE):
        return Stale(what)
    if any(text in word for text in DENIED):
        return Refused(f"{what}; {_remedy(ref)}", code="not-permitted")
    return Refused(what, code="push-refused")


def unreadable(project: str, ref: str) -> Refused:
    """Return the error of a ref that exists for the server and not for the account."""
    return Refused(
        f"{project}: {ref} exists but is not readable: grant Read on {ref} in All-Projects "
        "to a group of the service account",
        code="not-permitted",
    )


def _remedy(ref: str) -> str:
    """Return the grants a push to ``ref`` needs.

    Imported commits are others' work, so they need the Forge rights. Those that only the default
    branch holds arrive under a tag first, for the default branch is pushed last.
    """
    if ref == META_CONFIG:
        rights, section = "Create and Push", META_CONFIG
    elif ref.startswith("refs/tags/"):
        rights, section = f"{IMPORT_RIGHTS}, Create Annotated Tag, Create Signed Tag", "refs/tags/*"
    else:
        rights, section = f"Create, Push (for an import: {IMPORT_RIGHTS})", "refs/heads/*"
    return (
        f"grant {rights} on {section} in All-Projects to a group of the service account, and see "
        "that no parent blocks it"
    )
