"""Findings as inline comments of a Gerrit review."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from saltern.limits import LONGEST, cut, units
from saltern.registry.findings import Position
from saltern.registry.source import Source
from saltern.report.findings.excerpt import Lines
from saltern.report.findings.grouping import Group
from saltern.report.findings.rulepage import more
from saltern.report.plain import printable


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
    """Return the text of a comment; Gerrit counts the file's name to its size."""
    finding = group.finding
    text = f"{finding.severity} {finding.code}: {printable(finding.message)}"
    if group.concerned():
        text += f"\nThis is about {printable(group.concerned())}."
    if command := more(finding.code):
        text += f"\nWhy: {command}"
    return cut(text, LONGEST - units(finding.position.file))
