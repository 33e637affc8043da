"""How long what is said on a change of Gerrit may be, measured as Gerrit does."""

from __future__ import annotations

LONGEST = 16_000
"""UTF-16 code units of a message; Gerrit's limit is 16,384 (``change.commentSizeLimit``)."""


def units(text: str) -> int:
    """Return the number of UTF-16 code units, which is what Java calls a text's length."""
    return len(text) + sum(char > "\uffff" for char in text)


def cut(text: str, most: int = LONGEST, end: str = "") -> str:
    """Return ``text`` in at most ``most`` code units; a shortened one ends with ``end``."""
    if units(text) <= most:
        return text
    kept = text[: max(0, most - units(end))]
    while units(kept) + units(end) > most and kept:
        kept = kept[: -max(1, (units(kept) + units(end) - most) // 2)]
    return kept + end
