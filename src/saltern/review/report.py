"""What a call of ``projects.review`` came to: data, text and exit status."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from saltern.report.plain import plain
from saltern.review.reviewer import FAILED, POSTED, STANDS, Told


def report(told: Iterable[Told], problem: str = "") -> dict[str, Any]:
    """Return ``status`` (``done``, ``failed``), ``changes`` and ``problems`` (what to mend).

    ``problem``: why the open changes could not be listed.
    """
    told = list(told)
    problems = sorted({each.reason for each in told if each.status in (POSTED, STANDS)} - {""})
    failed = bool(problem) or any(each.status == FAILED for each in told)
    return {
        "status": "failed" if failed else "done",
        "reason": problem,
        "changes": [each.to_dict() for each in told],
        "problems": problems,
    }


def exit_status(data: Mapping[str, Any]) -> int:
    """Return 0 when every change asked for has its picture or needs none."""
    return 0 if data["status"] == "done" else 1


def render(data: Mapping[str, Any]) -> str:
    """Return the report as text, a line a change."""
    lines = [_line(row) for row in data["changes"]]
    lines += [f"problem: {problem}" for problem in data["problems"]]
    if data["reason"]:
        lines.append(plain(data["reason"]))
    return "\n".join(lines) or "every open change has its picture"


def _line(row: Mapping[str, Any]) -> str:
    where = f"change {row['change']}"
    if row["patch_set"] is not None:
        where += f", patch set {row['patch_set']}"
    told = f"{where}: {row['status']}"
    if row["status"] in ("skipped", "failed"):
        return f"{told}: {plain(row['reason'])}"
    told += f": {row['errors']} errors, {row['warnings']} warnings, {row['others']} others"
    if row["flags"]:
        told += f", needs {', '.join(row['flags'])}"
    return told + (f", vote {row['value']:+d}" if row["vote"] == "given" else "")
