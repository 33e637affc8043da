"""Reading a projects file that is nearly the same as one read before.

Entries on lines that both files begin or end with are taken over; only what is between is read.
Where it is not plain that this gives what reading the file would, the file is read.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Sequence

import yaml

from saltern.errors import RegistryError
from saltern.registry.yamlfile import (
    ProjectsFile,
    RawEntry,
    Reader,
    compose,
    decode,
    moved,
    read_projects,
)

_NOT_PLAIN = ("\r", "\x85", "\u2028", "\u2029", "\n---", "\n...", "\n%")
_SHARED = re.compile(r"[&*!](?<![^\s,:\[{].)\S")
"""What may reach beyond an entry: other line ends, documents, anchors, aliases and tags."""


def read_alike(data: bytes, file: str, known: bytes, read: ProjectsFile) -> ProjectsFile:
    """Return what :func:`read_projects` says of ``data``; ``read`` is what it says of ``known``."""
    text, other = decode(data, file), decode(known, file)
    spliced = None
    if not read.defaults and _is_plain(text) and _is_plain(other):
        spliced = _spliced(text.split("\n"), other.split("\n"), read.entries, file)
    return read_projects(data, file) if spliced is None else ProjectsFile(spliced, {})


def _is_plain(text: str) -> bool:
    text = "\n" + text
    return not any(each in text for each in _NOT_PLAIN) and not _SHARED.search(text)


def _spliced(
    lines: Sequence[str], known: Sequence[str], entries: Sequence[RawEntry], file: str
) -> tuple[RawEntry, ...] | None:
    starts = [entry.position.line - 1 for entry in entries]
    if not all(known[start].startswith("- ") for start in starts):
        return None
    head = _alike(lines, known, min(len(lines), len(known)))
    tail = _alike(lines[::-1], known[::-1], min(len(lines), len(known)) - head)
    # The line behind an entry must be alike too: it shows that the entry ends there.
    first = max(0, bisect_left(starts, head) - 1)
    last = bisect_left(starts, len(known) - tail)
    if last < first or (first == 0 and last == len(entries)):
        return None
    begin = starts[first] if first else 0
    end = len(lines) - (len(known) - starts[last]) if last < len(entries) else len(lines)
    # Whether a text ends with its line matters to what it says.
    between = _between("\n".join([*lines[begin:end], *([""] if end < len(lines) else [])]), file)
    if between is None:
        return None
    by = len(lines) - len(known)
    return (
        *entries[:first],
        *(moved(entry, begin) for entry in between),
        *((moved(entry, by) for entry in entries[last:]) if by else entries[last:]),
    )


def _between(text: str, file: str) -> list[RawEntry] | None:
    """Return the entries of a part of a file, ``None`` when it is no list by itself."""
    try:
        loader, documents = compose(text, file)
    except RegistryError:
        return None
    if not documents:
        return []
    node = documents[0]
    block = isinstance(node, yaml.SequenceNode) and not node.flow_style
    if len(documents) > 1 or not block or node.start_mark.column:
        return None
    reader = Reader(loader, file)
    return [reader.entry(item) for item in node.value]


def _alike(some: Sequence[str], others: Sequence[str], most: int) -> int:
    """Return how many lines, of ``most``, two files begin with alike."""
    for number in range(most):
        if some[number] != others[number]:
            return number
    return most
