"""What each file of exchanges takes for granted, made through public REST and git.

A set-up module has `prepare(world)`, run on the fresh server before the first exchange, and tables
by exchange id (all optional):

| table | value |
|---|---|
| `BEFORE` | `f(world)`: calls that the recording made between two exchanges, or local commits |
| `SHAS` | `f(world)`: commit id or Change-Id digits (or a list) for the `<sha>` in the request |
| `TEXTS` | `f(world)`: a text body or stdin that the record abbreviates |
| `PASSWORDS` | the password to send, for users made by the exchanges themselves |
| `PUSHES`, `COMMANDS` | `f(world, request)`: runs the push or ssh command when it is not the plain one |
| `EXPECTED` | `f(world, expected, answer)`: both, cut down to what this set-up can bring about |
| `EVENTS` | `f(world)`: brings about the cause of an event exchange, returns the call's outcome |
| `LISTENERS` | arguments of `open_listener`: the stream to compare when it is not the admin's |
| `ONLY_PUSH` | ids of pushes whose effect is not determined |
| `ORDER` | ids in the order in which they are replayed, when it is not the recorded one |
| `ANY_ORDER` | ids whose list answer has the order of random UUIDs or of one second |
"""  # noqa: E501

from __future__ import annotations

import dataclasses
import importlib
from collections.abc import Callable
from typing import Any

from replay.world import World

_TABLES = (
    *("BEFORE", "SHAS", "TEXTS", "PASSWORDS", "PUSHES", "COMMANDS"),
    *("EXPECTED", "EVENTS", "LISTENERS"),
)


@dataclasses.dataclass(frozen=True)
class Setup:
    """The tables of one file; see the module's docstring."""

    prepare: Callable[[World], None]
    BEFORE: dict[str, Callable[[World], Any]]
    SHAS: dict[str, Callable[[World], str | list[str]]]
    TEXTS: dict[str, Callable[[World], str]]
    PASSWORDS: dict[str, str]
    PUSHES: dict[str, Callable[..., Any]]
    COMMANDS: dict[str, Callable[..., Any]]
    EXPECTED: dict[str, Callable[..., Any]]
    EVENTS: dict[str, Callable[[World], Any]]
    LISTENERS: dict[str, dict[str, Any]]
    ANY_ORDER: frozenset[str] = frozenset()
    ONLY_PUSH: frozenset[str] = frozenset()
    ORDER: tuple[str, ...] = ()


def for_file(file: str) -> Setup:
    """The set-up module of a file of exchanges."""
    module = importlib.import_module(f"replay.setups.{file.replace('-', '_')}")
    tables = {table: getattr(module, table, {}) for table in _TABLES}
    sets = {name: frozenset(getattr(module, name, ())) for name in ("ANY_ORDER", "ONLY_PUSH")}
    return Setup(module.prepare, **tables, **sets, ORDER=tuple(getattr(module, "ORDER", ())))


def common(world: World) -> None:
    """The users and grants that all recordings were made with."""
    for name in ("user1", "user2"):
        world.add_user(name)
    world.add_user("bot", groups=("Service Users",))
    world.grant_administrators()


def releasers(world: World) -> None:
    """A group with a capability that the site had when most files were recorded."""
    uuid = world.group("acc-rel")
    world.grant("All-Projects", "GLOBAL_CAPABILITIES", "streamEvents", {uuid: {"action": "ALLOW"}})
