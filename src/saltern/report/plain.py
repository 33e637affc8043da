"""Text that a contributor may have written, made safe to print: the one place that escapes it.

What moves a cursor, reorders text or cannot be seen is spelled out, as ``\\x1b`` or ``\\u202e``.
"""

from __future__ import annotations

LONGEST = 500
LONGEST_BLOCK = 4000


def printable(text: str) -> str:
    """Return ``text`` on one line, what cannot be printed written out."""
    if text.isprintable():
        return text
    return "".join(char if is_printable(char) else _escaped(char) for char in text)


def is_printable(char: str) -> bool:
    """Return whether a character can be shown as it is; blanks of any width can."""
    return char.isprintable() or (char.isspace() and char not in _BREAKS and char > "\x7f")


def plain(text: object, limit: int = LONGEST) -> str:
    """Return ``text`` on one line of at most ``limit`` characters, its blanks joined."""
    shown = printable(" ".join(str(text)[: 4 * limit].split()))
    return shown if len(shown) <= limit else shown[: limit - 3] + "..."


def plain_lines(text: object, limit: int = LONGEST_BLOCK) -> list[str]:
    """Return the lines of ``text``, each with its indent and as :func:`plain` shows it."""
    lines = str(text)[:limit].strip().splitlines() or [""]
    return [line[: len(line) - len(line.lstrip(" "))] + plain(line, limit) for line in lines]


def plain_block(text: object, limit: int = LONGEST_BLOCK) -> str:
    """Return a text of several lines as such (see :func:`plain_lines`)."""
    return "\n".join(plain_lines(text, limit))


_BREAKS = "\x85\u2028\u2029"


def _escaped(char: str) -> str:
    return char.encode("unicode_escape").decode("ascii")
