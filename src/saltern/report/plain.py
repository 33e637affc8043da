"""Text that a contributor may have written, fit for one line of plain text."""

from __future__ import annotations

LONGEST = 500


def plain(text: object, limit: int = LONGEST) -> str:
    """Return ``text`` on one line of at most ``limit`` characters.

    Blanks are joined; what cannot be printed (controls, escapes, marks that turn the direction
    of writing) is written as ``\\x1b`` or ``\\u202e``.
    """
    words = " ".join(str(text)[: 4 * limit].split())
    shown = "".join(char if char.isprintable() else _escaped(char) for char in words)
    return shown if len(shown) <= limit else shown[: limit - 3] + "..."


def _escaped(char: str) -> str:
    return char.encode("unicode_escape").decode("ascii")
