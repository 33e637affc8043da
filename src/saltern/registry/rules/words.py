"""Words that several messages need."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

_KINDS: tuple[tuple[type, str], ...] = (
    (bool, "true or false"),
    (str, "text"),
    (int, "a number"),
    (float, "a number"),
    (list, "a list"),
    (dict, "keys with values"),
)


def kind(value: Any) -> str:
    """Return what YAML read, for somebody who does not know its types."""
    if value is None:
        return "nothing"
    return next((word for each, word in _KINDS if isinstance(value, each)), "a date")


def one_of(words: Iterable[str]) -> str:
    """Return ``a, b or c``."""
    *first, last = words
    return f"{', '.join(first)} or {last}" if first else last


def vote(number: int) -> str:
    """Return a vote as people write it: ``-1``, ``0``, ``+2``."""
    return f"{number:+d}" if number else "0"
