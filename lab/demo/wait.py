"""Waiting for a condition, with a deadline and a word on what was waited for."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


class TooLateError(RuntimeError):
    """What was waited for did not come in time."""


def until(condition: Callable[[], T], what: str, seconds: float, every: float = 0.1) -> T:
    """Return the first true value of ``condition()``, asked again ``every`` so many seconds.

    Raises :class:`TooLateError`, naming ``what`` and the last error, after ``seconds``.
    """
    deadline = time.monotonic() + seconds
    while True:
        trouble = ""
        try:
            if value := condition():
                return value
        except (OSError, RuntimeError, sqlite3.OperationalError) as error:
            trouble = f"; the last attempt ended in: {error}"
        if time.monotonic() > deadline:
            raise TooLateError(f"waited {seconds:.0f} s for {what}{trouble}")
        time.sleep(every)
