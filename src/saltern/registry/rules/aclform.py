"""Checks of the form of ACL files: blanks, and the order of sections and keys."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence

from saltern.registry.acl import AclDocument
from saltern.registry.findings import WARNING, Edit, Position
from saltern.registry.gitconfig import Header
from saltern.registry.rules.base import ACL, rule
from saltern.registry.rules.edits import Block, Move, moves, order_edits, replace
from saltern.settings import RegistrySettings

Fixed = Iterator[tuple[Position, str, tuple[Edit, ...]]]

_TRAILING = r"(?<!\\)[ \t]+(?=\r?(?:\n|\Z))"
_ENDS = (" \n", "\t\n", " \r", "\t\r")
_COMMENT = ("#", ";")
_BY_NAME = frozenset({"access", "notify", "plugin"})


@rule("SLT090", ACL, severity=WARNING)
def mixed_blanks(document: AclDocument, settings: RegistrySettings) -> Fixed:
    """Keys of one file are indented differently, or lines end in blanks.

    Why: every later change of the file shows lines that nobody meant to change. The file's own
    custom counts: a tab, spaces or nothing. ``--fix`` takes what most lines have.
    Example: a line indented by a tab among lines indented by spaces
    Instead: the same before every key.
    """
    text = document.text
    edits: list[Edit] = []
    columns = {entry.column for entry in document.entries}
    if len(columns) > 1 or ("\n\t" in text and "\n " in text):
        indents = [text[e.start : e.start + e.column - 1] for e in document.entries]
        ranked = Counter(indents).most_common()
        most = max(ranked, key=lambda each: (each[1], each[0] == "\t"))[0]
        for entry, indent in zip(document.entries, indents, strict=True):
            if indent != most:
                end = (entry.line, entry.column)
                edits.append(Edit(document.file, (entry.line, 1), end, most))
    if any(end in text for end in _ENDS) or text.endswith((" ", "\t")):
        edits += [replace(document.file, text, *m.span()) for m in re.finditer(_TRAILING, text)]
    if edits:
        first = min(edits, key=lambda e: e.start)
        place = Position(document.file, *first.start, first.end)
        where = f"{len(edits)} places" if len(edits) > 1 else "one place"
        text = f"blanks end a line or differ from most lines' in {where}; write all alike"
        yield place, text, tuple(edits)


@rule("SLT091", ACL, severity=WARNING)
def sections_out_of_order(document: AclDocument, settings: RegistrySettings) -> Fixed:
    """The sections of an ACL file are not in order.

    Why: people look a section up by its name, and two changes that add one rarely conflict.
    Labels and others that Gerrit shows in file order keep it. ``--fix`` moves the section with
    the comments right above it.
    Example: ``[submit]`` before ``[access "refs/heads/*"]``
    Instead: the other way round.
    """
    headers = document.headers
    keys = [_key(header) for header in headers]
    wanted = list(moves(keys))
    if not wanted:
        return
    fix = order_edits(document.file, document.text, _sections(document, keys), wanted)
    for move in wanted:
        header = headers[move.index]
        where = "to the end" if move.before is None else f"before {_shown(headers[move.before])}"
        message = f"{_shown(header)} is out of order; move it {where}"
        yield document.place(header), message, fix
        fix = ()


def _key(header: Header) -> str:
    """Return what a section is ordered by; Gerrit shows labels and the like in file order."""
    name = header.subsection if header.section in _BY_NAME else ""
    return f"{header.section} {name or ''}"


def _shown(header: Header) -> str:
    name = header.subsection
    return f"[{header.section}]" if name is None else f'[{header.section} "{name[:60]}"]'


def _sections(document: AclDocument, keys: Sequence[str]) -> list[Block]:
    """Return each section from the comments above it to its last line that is not blank."""
    text = document.text
    starts = [_with_comments(text, text.rfind("\n", 0, h.end - 1) + 1) for h in document.headers]
    ends = [*starts[1:], len(text)]
    blocks = []
    for start, end, key in zip(starts, ends, keys, strict=True):
        body = text[start:end].rstrip()
        newline = text.find("\n", start + len(body))
        blocks.append(Block(start, len(text) if newline < 0 else newline + 1, key))
    return blocks


def _with_comments(text: str, start: int) -> int:
    """Return where the comment lines right above the line at ``start`` begin."""
    while start > 0:
        above = text.rfind("\n", 0, start - 1) + 1
        if not text[above:start].lstrip().startswith(_COMMENT):
            return start
        start = above
    return start


@rule("SLT092", ACL, severity=WARNING)
def keys_out_of_order(document: AclDocument, settings: RegistrySettings) -> Fixed:
    """The keys of a section of an ACL file are not in order.

    Why: as for sections. The lines of one key keep their order. Labels' own and submit
    requirements' keys are judged like all others. ``--fix`` moves the line.
    Example: ``submit = group core`` before ``abandon = group core``
    Instead: the other way round.
    """
    for _, blocks, at in _keys(document):
        names = [block.key for block in blocks]
        wanted = list(moves(names))
        fix = order_edits(document.file, document.text, blocks, wanted)
        for move in wanted:
            entry = document.entries[at + move.index]
            yield document.place(entry), _where(document, at, move), fix
            fix = ()


def _where(document: AclDocument, at: int, move: Move) -> str:
    key = document.entries[at + move.index].key[:60]
    if move.before is None:
        return f"{key} is out of order; move it to the end of its section"
    return f"{key} is out of order; move it before {document.entries[at + move.before].key[:60]}"


def _keys(document: AclDocument) -> Iterator[tuple[Header, list[Block], int]]:
    """Yield each section whose keys are out of order: its entries, the first one's number."""
    entries = document.entries
    at = 0
    if not document.headers:
        return
    limits = [*(h.end for h in document.headers[1:]), len(document.text) + 1]
    for header, limit in zip(document.headers, limits, strict=True):
        first = at
        while at < len(entries) and entries[at].start < limit:
            at += 1
        names = [e.key.lower() for e in entries[first:at]]
        if names != sorted(names):
            starts = [header.end, *(e.end for e in entries[first : at - 1])]
            found = zip(starts, entries[first:at], names, strict=True)
            yield header, [Block(start, e.end, name) for start, e, name in found], first
