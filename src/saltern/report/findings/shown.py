"""Contributors' text made safe to print: what moves a cursor or reorders text is spelled out."""

from __future__ import annotations

import unicodedata

_UNSAFE = frozenset(("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"))


def printable(text: str) -> str:
    """Return ``text`` on one line with control, format and unassigned characters as escapes."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(c if _safe(c) else _escape(c) for c in text)


def visible(text: str) -> str:
    """Return ``text`` with the same number of characters, unsafe ones replaced; tabs are kept."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(c if c == "\t" or _safe(c) else "\N{REPLACEMENT CHARACTER}" for c in text)


def width(text: str) -> int:
    """Return the number of terminal columns of a :func:`visible` text; a tab counts one."""
    if text.isascii():
        return len(text)
    return sum(_columns(c) for c in text)


def _columns(char: str) -> int:
    if unicodedata.combining(char):
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1


def _safe(char: str) -> bool:
    return unicodedata.category(char) not in _UNSAFE


def _escape(char: str) -> str:
    return char.encode("unicode_escape").decode("ascii")
