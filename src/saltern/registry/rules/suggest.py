"""Guessing what was meant."""

from __future__ import annotations

from collections.abc import Iterable


def meant(word: str, known: Iterable[str]) -> str:
    """Return ``"; did you mean 'x'?"`` for the known word nearest to ``word``, or ``""``.

    A difference in case only is found as well.
    """
    from difflib import get_close_matches  # most checks need none

    folded = {each.lower(): each for each in known}
    found = get_close_matches(word[:100].lower(), folded, n=1, cutoff=0.7)
    return f"; did you mean {folded[found[0]]!r}?" if found else ""
