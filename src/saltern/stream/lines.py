"""Bytes of the stream into events, and a bounded place for events to wait."""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import Iterator
from typing import Any

Event = dict[str, Any]


def dropped(reason: str) -> Event:
    """Return the marker for events that were skipped on this side."""
    return {"type": "saltern-dropped", "code": "skipped", "reason": reason}


class Lines:
    """Cuts what is read into events; what is no event becomes a marker."""

    def __init__(self, limit: int):
        self._limit = limit
        self._rest = bytearray()
        self._skipping = False

    def feed(self, data: bytes) -> Iterator[Event]:
        """Yield the events that ``data`` completes."""
        parts = data.split(b"\n")
        for part in parts[:-1]:
            yield from self._take(part)
            if not self._skipping:
                yield parse(bytes(self._rest))
            self._rest.clear()
            self._skipping = False
        yield from self._take(parts[-1])

    def _take(self, part: bytes) -> Iterator[Event]:
        if self._skipping:
            return
        self._rest += part
        if len(self._rest) > self._limit:
            self._rest.clear()
            self._skipping = True
            yield dropped(f"an event longer than {self._limit} bytes was skipped")


def parse(line: bytes) -> Event:
    """Return the event on a line, or a marker when it is not a JSON object."""
    try:
        event = json.loads(line)
    except (ValueError, RecursionError) as error:
        return dropped(f"a line that is not JSON was skipped ({type(error).__name__})")
    return event if isinstance(event, dict) else dropped("a line that is no event was skipped")


class Inbox:
    """Events waiting for the consumer; filling it never blocks the reader.

    A reader that waits makes Gerrit drop events and starves its other listeners; so when
    ``limit`` events wait, further ones are skipped here and a marker says so.
    """

    def __init__(self, limit: int):
        self._limit = limit
        self._events: deque[Event] = deque()
        self._filled = asyncio.Event()
        self._full = False
        self.closed = False

    def put(self, event: Event) -> None:
        """Add an event, or count it as dropped."""
        if len(self._events) < self._limit:
            self._full = False
            self._events.append(event)
        elif not self._full:
            self._full = True
            self._events.append(dropped(f"more than {self._limit} events waited"))
        self._filled.set()

    async def get(self, timeout: float | None = None) -> Event | None:
        """Return the oldest event; ``None`` when none came within ``timeout`` seconds."""
        if not self._events and not self.closed:
            self._filled.clear()
            try:
                await asyncio.wait_for(self._filled.wait(), timeout)
            except TimeoutError:
                return None
        return self._events.popleft() if self._events else None

    def close(self) -> None:
        """Let :meth:`get` return now; nothing more is wanted."""
        self.closed = True
        self._filled.set()
