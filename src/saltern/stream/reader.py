"""The stream for as long as it is wanted: reconnected, watched for gaps, gathered."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator, Callable

from saltern.stream.coalesce import Coalescer, Hint
from saltern.stream.connection import listen
from saltern.stream.filter import DROPPED, reduce_event, relevant
from saltern.stream.lines import Event, Inbox
from saltern.stream.settings import StreamSettings


class Backoff:
    """Seconds to wait before the next attempt: doubling, at most ``limit``, with jitter."""

    def __init__(self, first: float, limit: float, uniform: Callable[[float, float], float]):
        self._first = first
        self._limit = limit
        self._uniform = uniform
        self._next = first

    def reset(self) -> None:
        """Begin anew."""
        self._next = self._first

    def next(self) -> float:
        """Return the wait; between half of it and all of it, so that clients spread."""
        delay = min(self._next, self._limit)
        self._next = min(delay * 2, self._limit)
        return self._uniform(delay / 2, delay)


class GapWatch:
    """Reports a drop a second time, once the events behind its marker are through.

    Gerrit puts the marker before the events that were still queued, so the gap lies later.
    """

    def __init__(self, settings: StreamSettings, clock: Callable[[], float]):
        self._settings = settings
        self._clock = clock
        self._since: float | None = None
        self._last = 0.0

    def see(self, event: Event) -> None:
        """Take note of an event."""
        self._last = self._clock()
        if event.get("type") == "saltern-connected":
            self._since = None
        elif relevant(event, self._settings) == DROPPED and not event.get("again"):
            self._since = self._last if self._since is None else self._since

    def wait(self) -> float | None:
        """Return the seconds until the second report is due, ``None`` without a drop."""
        if self._since is None:
            return None
        due = min(self._last + self._settings.quiet, self._since + self._settings.quiet_limit)
        return max(0.0, due - self._clock())

    def report(self) -> Event | None:
        """Return the second report if it is due."""
        if self.wait() != 0.0:
            return None
        self._since = None
        return {"type": "dropped-output", "again": True}


async def events(settings: StreamSettings, stop: asyncio.Event) -> AsyncIterator[Event]:
    """Yield Gerrit's events until ``stop`` is set, over as many connections as it takes.

    Beside them: ``{"type": "saltern-connected"}`` when a stream begins (what was sent
    before is missed), ``{"type": "saltern-lost", "code", "reason"}`` for every connection
    or attempt that ended, ``{"type": "saltern-dropped", "code", "reason"}`` where events
    were skipped on this side, and ``{"type": "dropped-output", "again": True}`` once the
    stream rests after a drop. Nothing a server does ends the generator.
    """
    async with _pumping(settings, stop) as inbox:
        gap = GapWatch(settings, asyncio.get_running_loop().time)
        while not inbox.closed:
            event = await inbox.get(gap.wait()) or gap.report()
            if event is not None:
                gap.see(event)
                yield event


async def hints(settings: StreamSettings, stop: asyncio.Event) -> AsyncIterator[Hint]:
    """Yield ``(suffix, data)`` for what reactors want, ref updates gathered.

    The shapes are listed in :mod:`saltern.stream`.
    """
    clock = asyncio.get_running_loop().time
    coalescer = Coalescer(settings.window, clock)
    async with _pumping(settings, stop) as inbox:
        gap = GapWatch(settings, clock)
        while not inbox.closed:
            waits = [wait for wait in (gap.wait(), coalescer.wait()) if wait is not None]
            event = await inbox.get(min(waits, default=None)) or gap.report()
            for hint in _hints_of(event, gap, coalescer, settings):
                yield hint


def _hints_of(
    event: Event | None, gap: GapWatch, coalescer: Coalescer, settings: StreamSettings
) -> list[Hint]:
    ready = coalescer.due()
    if event is None:
        return ready
    gap.see(event)
    suffix = relevant(event, settings)
    return ready if suffix is None else ready + coalescer.add(suffix, reduce_event(event))


@contextlib.asynccontextmanager
async def _pumping(settings: StreamSettings, stop: asyncio.Event) -> AsyncIterator[Inbox]:
    inbox = Inbox(settings.queue_limit)
    pump = asyncio.ensure_future(_pump(settings, inbox))
    closing = asyncio.ensure_future(_close_on(stop, inbox))
    pump.add_done_callback(lambda _: inbox.close())
    try:
        yield inbox
    finally:
        closing.cancel()
        if not pump.done():
            pump.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await pump


async def _close_on(stop: asyncio.Event, inbox: Inbox) -> None:
    await stop.wait()
    inbox.close()


async def _pump(settings: StreamSettings, inbox: Inbox) -> None:
    clock = asyncio.get_running_loop().time
    uniform = random.SystemRandom().uniform
    backoff = Backoff(settings.backoff, settings.backoff_limit, uniform)
    while True:
        began = clock()
        lost = await listen(settings, inbox.put)
        if clock() - began >= settings.stable:
            backoff.reset()
        inbox.put(lost.event())
        await asyncio.sleep(backoff.next())
