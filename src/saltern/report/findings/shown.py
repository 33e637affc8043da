"""Source lines below which carets stand: as many characters as they have, and how wide."""

from __future__ import annotations

import unicodedata

from saltern.report.plain import is_printable


def visible(text: str) -> str:
    """Return ``text`` with the same number of characters, unsafe ones replaced; tabs are kept."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(c if c == "\t" or is_printable(c) else "\N{REPLACEMENT CHARACTER}" for c in text)


def width(text: str) -> int:
    """Return the number of terminal columns of a :func:`visible` text; a tab counts one."""
    if text.isascii():
        return len(text)
    return sum(_columns(c) for c in text)


def _columns(char: str) -> int:
    if unicodedata.combining(char):
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1
