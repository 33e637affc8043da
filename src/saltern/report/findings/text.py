"""Findings for a person: place, message, the line it is about with a caret, where to read more."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import click

from saltern.registry.findings import ERROR, Position
from saltern.registry.source import Source
from saltern.report.findings.excerpt import Lines
from saltern.report.findings.grouping import Group, summary
from saltern.report.findings.rulepage import more
from saltern.report.findings.shown import visible, width
from saltern.report.plain import printable

Style = Callable[..., str]
"""Makes a text look as keywords such as ``bold=True`` say; see :func:`click.style`."""

_BEFORE = 40
_WIDEST = 140


def render_text(
    groups: Sequence[Group], source: Source, *, color: bool = False, others: int = 0
) -> str:
    """Return the findings, and a summary line; each rule is pointed to once."""
    lines = Lines(source)
    told: set[str] = set()
    style = click.style if color else _unstyled
    shown = [_one(group, lines, told, style) for group in groups]
    return "\n\n".join([*shown, summary(groups, others)])


def _unstyled(text: str, **_: Any) -> str:
    return text


def _one(group: Group, lines: Lines, told: set[str], style: Style) -> str:
    finding = group.finding
    tone = "red" if finding.severity == ERROR else "yellow"
    place = style(printable(str(finding.position)), bold=True)
    severity = style(finding.severity, fg=tone)
    code = style(finding.code, fg=tone, bold=True)
    out = [f"{place}: {code} {severity} {printable(finding.message)}"]
    out += _excerpt(finding.position, lines, tone, style)
    if finding.code not in told and (command := more(finding.code)):
        told.add(finding.code)
        out.append(f"{_label('help', style)} {command}")
    if group.concerned():
        out.append(f"{_label('projects', style)} {printable(group.concerned())}")
    if finding.fix:
        out.append(f"{_label('fix', style)} saltern check --fix")
    return "\n".join(out)


def _label(word: str, style: Style) -> str:
    return style(f"  = {word}:", fg="cyan")


def _excerpt(position: Position, lines: Lines, tone: str, style: Style) -> list[str]:
    """Return the source line and the carets below it; nothing when there is no such line."""
    line = lines.line(position)
    if line is None:
        return []
    start, end = lines.span(position)
    left = max(0, start - _BEFORE) if len(line) > _WIDEST else 0
    right = min(len(line), left + _WIDEST)
    before, meant = visible(line[left:start]), visible(line[start : min(end, right)])
    cut, after = ("…" if left else ""), ("…" if right < len(line) else "")
    number = str(position.line)
    margin = " " * len(number)
    shown = (cut + before + meant + visible(line[min(end, right) : right]) + after).rstrip()
    under = " " * width(cut + before) + style("^" * max(1, width(meant)), fg=tone)
    return [f"{margin} |", f"{number} | {shown.replace(chr(9), ' ')}", f"{margin} | {under}"]
