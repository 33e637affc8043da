"""The difference of two ACLs as a unified diff of what they say, not of how they are laid out."""

from __future__ import annotations

import difflib
from collections.abc import Iterator

from saltern.registry.acl import AclDocument, AclSyntaxError
from saltern.registry.normal import Row

DESCRIPTION = ("project", "", "description")


def acl_diff(old: str | bytes, new: str | bytes) -> tuple[str, ...]:
    """Return the lines of the diff from ``old`` to ``new``, descriptions left out.

    Both are written in their normal form first, so that order and blanks show no difference;
    one that cannot be read is taken as it stands.
    """
    lines = difflib.unified_diff(
        list(_lines(old)), list(_lines(new)), "on the server", "in the registry", lineterm=""
    )
    return tuple(lines)


def _lines(text: str | bytes) -> Iterator[str]:
    try:
        rows = AclDocument.parse(text).rows
    except AclSyntaxError:
        plain = text.decode("utf-8", "replace") if isinstance(text, bytes) else text
        yield from plain.splitlines()
        return
    yield from normal_lines(row for row in rows if row[:3] != DESCRIPTION)


def normal_lines(rows: Iterator[Row]) -> Iterator[str]:
    """Yield a normal form as the lines of a config file."""
    last = None
    for section, subsection, key, values in rows:
        if last != (section, subsection):
            yield f'[{section} "{subsection}"]' if subsection else f"[{section}]"
            last = (section, subsection)
        for value in values:
            yield f"\t{key} = {value}"
