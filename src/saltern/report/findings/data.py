"""Findings as JSON."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from saltern.registry.findings import ERROR, Edit
from saltern.report.findings.grouping import Group
from saltern.report.findings.rulepage import more


def render_json(groups: Sequence[Group], others: int = 0) -> str:
    """Return ``{"findings": [...], "summary": {...}}``.

    Lines and columns count from 1, columns in characters; an end is exclusive or ``null``.
    """
    errors = sum(group.finding.severity == ERROR for group in groups)
    totals = {"errors": errors, "warnings": len(groups) - errors, "not_caused": others}
    return json.dumps({"findings": [to_dict(g) for g in groups], "summary": totals}, indent=2)


def to_dict(group: Group) -> dict[str, Any]:
    """Return one finding as plain data; ``help`` is the command that shows its rule's page."""
    finding = group.finding
    end = finding.position.end or (None, None)
    return {
        "code": finding.code,
        "severity": finding.severity,
        "file": finding.position.file,
        "line": finding.position.line,
        "column": finding.position.column,
        "end_line": end[0],
        "end_column": end[1],
        "message": finding.message,
        "help": more(finding.code),
        "blocks": finding.blocks,
        "projects": list(group.projects),
        "fix": [_edit(edit) for edit in finding.fix],
    }


def _edit(edit: Edit) -> dict[str, Any]:
    return {"file": edit.file, "start": edit.start, "end": edit.end, "text": edit.text}
