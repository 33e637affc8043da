"""How numbers, times and contributors' text are shown."""

from __future__ import annotations

import time

from markupsafe import Markup, escape

from saltern.report.plain import plain, plain_block


def when(seconds: float | None) -> str | Markup:
    """Return a moment as a ``<time>`` in UTC."""
    if seconds is None:
        return "never"
    moment = time.gmtime(seconds)
    return Markup('<time datetime="{}"><span>{}</span> <span>{}</span></time>').format(
        time.strftime("%Y-%m-%dT%H:%M:%SZ", moment),
        time.strftime("%Y-%m-%d", moment),
        time.strftime("%H:%M", moment),
    )


def took(seconds: float | None) -> str:
    """Return a duration: ``0.31 s``, ``42 s``, ``3 min 12 s``, ``5 h 2 min``, ``3 d 4 h``."""
    if seconds is None:
        return ""
    seconds = max(0.0, seconds)
    if seconds < 1:
        return f"{seconds:.2f} s"
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    for size, large, small, part in ((60, "min", "s", 1), (3600, "h", "min", 60)):
        if whole < size:
            return f"{whole} {small}"
        if whole < size * (60 if large == "min" else 24):
            return _two(whole // size, large, whole % size // part, small)
    return _two(whole // 86400, "d", whole % 86400 // 3600, "h")


def _two(many: int, large: str, few: int, small: str) -> str:
    return f"{many} {large} {few} {small}" if few else f"{many} {large}"


def age(seconds: float) -> str:
    """Return how long something has been so: minutes at the finest."""
    return "less than a minute" if seconds < 60 else took(seconds)


def number(value: int) -> str:
    """Return a number with thin groups: ``2,239``."""
    return f"{value:,}"


def line(text: object, limit: int = 500) -> Markup:
    """Return a contributor's text on one line, isolated from the direction of what is around."""
    return Markup(f"<bdi>{escape(plain(text, limit))}</bdi>")  # noqa: S704


def block(text: object) -> Markup:
    """Return a text of several lines as such; what cannot be printed is written out."""
    return escape(plain_block(text))


def plural(count: int, word: str, many: str = "") -> str:
    """Return ``1 step`` or ``2,239 steps``."""
    return f"{count:,} {word if count == 1 else many or word + 's'}"
