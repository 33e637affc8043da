"""Listeners of `gerrit stream-events` over the OpenSSH client, and markers in their streams."""

from __future__ import annotations

import itertools
import json
import subprocess
import threading
import time
from collections.abc import Callable
from typing import Any

from replay.world import World

MARKER = "probe-"
DEADLINE = 90
_numbers = itertools.count(1)


class Listener:
    """One stream; `events` grows while it runs. Usable once `open_listener` has returned it."""

    def __init__(self, world: World, user: str, command: str, options: list[str]) -> None:
        who = world.users[user]
        ssh = ["ssh", *options, *world.ssh_client.options(who.name, who.key)]
        self.events: list[dict[str, Any]] = []
        self._changed = threading.Condition()
        self.process = subprocess.Popen(
            [*ssh, world.server.ssh_host, command],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        for line in self.process.stdout:
            with self._changed:
                self.events.append(json.loads(line))
                self._changed.notify_all()
        with self._changed:
            self._changed.notify_all()

    def wait(self, condition: Callable[[], bool], seconds: float) -> bool:
        """Wait until `condition` (looking at `events`) holds; False when it does not in time."""
        with self._changed:
            return self._changed.wait_for(condition, seconds)

    def is_open(self) -> bool:
        return self.process.poll() is None

    def close(self) -> None:
        """End the client and its reader."""
        self.process.kill()
        self.process.wait()
        self._reader.join()
        self.process.stdout.close()
        self.process.stderr.close()

    def take(self) -> list[dict[str, Any]]:
        """Events since the last call, without the markers."""
        with self._changed:
            taken, self.events = self.events, []
        return [event for event in taken if not _project(event).startswith(MARKER)]


def open_listener(
    world: World,
    user: str = "admin",
    command: str = "gerrit stream-events",
    options: list[str] | None = None,
) -> Listener:
    """Start a listener and wait until the server has it: until a marker arrives in its stream."""
    listener = Listener(world, user, command, options or [])
    deadline = time.monotonic() + DEADLINE
    while listener.is_open() and time.monotonic() < deadline:
        marker = _set_marker(world)
        if listener.wait(lambda: _has(listener, marker), 1):  # noqa: B023 - called at once
            listener.take()
            return listener
    listener.process.kill()
    error = listener.process.stderr.read().decode(errors="replace")
    listener.close()
    raise TimeoutError(f"{command} as {user} gave no event in {DEADLINE} s: {error.strip()}")


def settle(world: World, listeners: list[Listener], counts: list[int] | None = None) -> None:
    """Wait until all that was caused so far has arrived at every listener.

    `counts`: how many events each one should get; they are waited for first, because what a call
    causes may be sent after the call has returned, and after a marker.
    """
    for listener, count in zip(listeners, counts or [], strict=False):
        listener.wait(lambda: _count(listener) >= count, 20)  # noqa: B023 - called at once
    marker = _set_marker(world)
    for listener in listeners:
        if not listener.wait(lambda: _has(listener, marker), DEADLINE):  # noqa: B023
            raise TimeoutError(f"the marker {marker} did not arrive in {DEADLINE} s")


def _set_marker(world: World) -> str:
    name = f"{MARKER}{next(_numbers)}"
    world.project(name)
    return name


def _count(listener: Listener) -> int:
    return sum(not _project(event).startswith(MARKER) for event in listener.events)


def _has(listener: Listener, marker: str) -> bool:
    return any(_project(event) == marker for event in listener.events)


def _project(event: dict[str, Any]) -> str:
    return str(event.get("projectName") or event.get("refUpdate", {}).get("project") or "")
