"""Findings as inline comments of a Gerrit review."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from saltern.registry.findings import Position
from saltern.registry.source import Source
from saltern.report.findings.excerpt import Lines
from saltern.report.findings.grouping import Group
from saltern.report.findings.rulepage import page
from saltern.report.findings.shown import printable

LONGEST = 16_000
"""Characters of a comment; Gerrit takes 16,384."""


def render_gerrit(groups: Sequence[Group], source: Source) -> str:
    """Return ``{"comments": {FILE: [...]}}``, the part of a ReviewInput."""
    return json.dumps({"comments": comments(groups, source)}, indent=2)


def comments(groups: Sequence[Group], source: Source) -> dict[str, list[dict[str, Any]]]:
    """Return Gerrit's CommentInputs by file.

    A range's characters count from 0 and, as Java counts, two for one beyond U+FFFF. A place
    behind the last line becomes a comment on the file.
    """
    lines = Lines(source)
    found: dict[str, list[dict[str, Any]]] = {}
    for group in groups:
        file = group.finding.position.file
        found.setdefault(file, []).append(_comment(group, lines))
    return found


def _comment(group: Group, lines: Lines) -> dict[str, Any]:
    return {
        "message": _message(group),
        "unresolved": True,
        **_place(group.finding.position, lines),
    }


def _place(position: Position, lines: Lines) -> Mapping[str, Any]:
    line = lines.line(position)
    if line is None:
        return {}
    start, stop = lines.span(position)
    end_line, end = position.line, units(line[:stop])
    if position.end and position.end[0] > position.line:
        last = lines.line(Position(position.file, *position.end))
        if last is not None:
            end_line, end = position.end[0], units(last[: position.end[1] - 1])
    span = {
        "start_line": position.line,
        "start_character": units(line[:start]),
        "end_line": end_line,
        "end_character": end,
    }
    return {"line": end_line, "range": span} if stop <= len(line) else {"line": position.line}


def _message(group: Group) -> str:
    finding = group.finding
    about = page(finding.code)
    text = f"{finding.severity} {finding.code}: {printable(finding.message)}"
    if about:
        text += f"\nInstead: {' '.join(about.instead.split())}"
    if group.concerned():
        text += f"\nThis is about {printable(group.concerned())}."
    return text[:LONGEST]


def units(text: str) -> int:
    """Return the number of UTF-16 code units."""
    return len(text) + sum(char > "\uffff" for char in text)
