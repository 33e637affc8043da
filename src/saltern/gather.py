"""A burst of requests becomes one: what comes while others wait or run is taken together."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Generic, TypeVar

R = TypeVar("R")
T = TypeVar("T")


class Gatherer(Generic[R]):
    """Serves requests of one process's threads in batches.

    A batch is taken when no request came for ``quiet`` seconds, or ``limit`` seconds after
    its first one. What it holds is in memory only: like the events that the requests come
    from, it is lost with the process, and the next full converge makes up for it.
    """

    def __init__(
        self,
        quiet: float = 0.3,
        limit: float = 5.0,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], object] = time.sleep,
    ):
        self._quiet, self._limit = quiet, limit
        self._clock, self._sleep = clock, sleep
        self._lock = threading.Lock()
        self._waiting: list[R] = []
        self._first = self._last = 0.0
        self._busy = False

    def serve(self, request: R, work: Callable[[list[R]], T]) -> T | None:
        """Have ``work`` done for ``request`` and what comes with it; return its last result.

        ``None`` means that a thread already at it takes the request along.
        """
        with self._lock:
            self._last = self._clock()
            if not self._waiting:
                self._first = self._last
            self._waiting.append(request)
            if self._busy:
                return None
            self._busy = True
        result = None
        try:
            while batch := self._next():
                result = work(batch)
        except BaseException:
            with self._lock:
                self._busy = False
            raise
        return result

    def _next(self) -> list[R]:
        """Return the next batch once it rests; an empty one ends this thread's turn."""
        while True:
            with self._lock:
                if not self._waiting:
                    self._busy = False
                    return []
                wait = min(self._last + self._quiet, self._first + self._limit) - self._clock()
                if wait <= 0:
                    batch, self._waiting = self._waiting, []
                    return batch
            self._sleep(wait)


_GATHERERS: dict[str, Gatherer] = {}
_GATHERERS_LOCK = threading.Lock()


def gatherer(name: str) -> Gatherer:
    """Return this process's gatherer of that name (a registry's state directory)."""
    with _GATHERERS_LOCK:
        return _GATHERERS.setdefault(name, Gatherer())
