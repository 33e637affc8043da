"""Step ``group``: made one at a time, beside everything else, across threads and processes.

Every creation writes one ref that all groups share, and the losers of a race starve: 43 ms
each alone, up to 24 s with eight at once (measured on a real server). So a lock file is held
around each creation.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from saltern.errors import Refused, Retry, SalternError
from saltern.providers.gerrit.cache import make_directory
from saltern.providers.gerrit.client import HttpRefused, Unanswered, quoted
from saltern.providers.gerrit.server import Claim, Seen, Server
from saltern.registry.acl import SYSTEM_GROUPS
from saltern.steps import Step


def make(server: Server, step: Step) -> Claim:
    """Make the group and return the claim that it is listed.

    Payload: ``owner`` (name), ``owner_uuid`` (or ``None``: found by its name).
    Evidence: ``uuid``. The group is visible to all and has no members: Gerrit makes the creator
    one unless another group owns it.
    """
    if step.name != step.name.strip():
        raise Refused(f"group {step.name!r}: Gerrit drops outer spaces of names", code="name")
    path = f"/groups/{quoted(step.name)}"
    owner = step.payload["owner_uuid"] or step.payload["owner"]
    own = owner == step.name
    body = {"visible_to_all": True, **({} if own else {"owner_id": owner})}
    with locked(server.cache_dir / "groups.lock"):
        try:
            server.client.put(path, body)
        except HttpRefused as error:
            if error.status != 409:
                raise
            _find(server, step.name, error)
        except Unanswered as error:
            _find(server, step.name, error)
        except Retry as error:
            # A 503 is a lost race for the shared ref: nothing is made, unless the answer lies.
            _find(server, step.name, error)
    if own:
        _leave(server, path)
    return Claim(step, lambda seen: _check(step, seen))


def _find(server: Server, name: str, error: SalternError) -> None:
    """Return when group ``name`` is there; else raise what its absence means."""
    rows = server.client.get("/groups/?" + urlencode({"m": name}))
    system = [group for group in SYSTEM_GROUPS if group.lower() == name.lower()]
    near = [group for group in [*rows, *system] if group.lower() == name.lower()]
    if name in near:
        return
    if isinstance(error, Retry):
        raise error
    if not near:
        raise Refused(
            f"group {name!r} cannot be made and is not visible either: {error}; the service "
            "account needs Administrate Server to see every group",
            code="group-name-taken",
        ) from error
    raise Refused(
        f"group {name!r} cannot be made: {near[0]!r} is in its way (names that differ only in "
        "case are the same to Gerrit); use that name in the registry or rename the group",
        code="group-name-taken",
    ) from error


def _leave(server: Server, path: str) -> None:
    try:
        server.client.delete(f"{path}/members/self")
    except HttpRefused as error:
        if error.status != 404:
            raise


def _check(step: Step, seen: Seen | None) -> dict[str, Any]:
    if seen is None:
        raise Retry(f"group {step.name!r} was made but is not listed yet", code="not-listed")
    return {"uuid": seen["uuid"]}


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold an exclusive lock on ``path``; it dies with its holder."""
    make_directory(path.parent)
    lock = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)
