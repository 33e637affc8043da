"""Project states: a read-only or hidden project made writable for a moment."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from saltern.errors import Retry, SalternError
from saltern.providers.gerrit.client import Client, quoted

ACTIVE = "ACTIVE"


@dataclass
class Window:
    """The moment in which a project is writable; ``final`` is its state afterwards."""

    before: str
    final: str


@contextmanager
def writable(client: Client, name: str) -> Iterator[Window]:
    """Make project ``name`` active for the time of the block, then give it ``window.final``.

    ``final`` is the state before unless the block sets another. It is verified, whatever the
    block did; when it cannot be set the error says so and carries the block's own error.
    """
    before = _state(client, name)
    window = Window(before, before)
    if before != ACTIVE:
        set_state(client, name, ACTIVE)
    try:
        yield window
    except BaseException as error:
        _settle(client, name, window.before, f"{error}; moreover ")
        raise
    _settle(client, name, window.final, "")


def set_state(client: Client, name: str, state: str) -> None:
    """Set the state and keep the description, which PUT config without it would clear."""
    description = client.get(f"/projects/{quoted(name)}").get("description", "")
    client.put(f"/projects/{quoted(name)}/config", {"state": state, "description": description})


def _settle(client: Client, name: str, state: str, prefix: str) -> None:
    try:
        if _state(client, name) != state:
            set_state(client, name, state)
        now = _state(client, name)
    except SalternError as error:
        raise Retry(
            f"{prefix}{name} was made active for a push and may still be, it should be {state}: "
            f"{error}",
            code="state-not-restored",
        ) from error
    if now != state:
        raise Retry(f"{prefix}{name} is {now}, it should be {state}", code="state-not-restored")


def _state(client: Client, name: str) -> str:
    return str(client.get(f"/projects/{quoted(name)}").get("state", ACTIVE))
