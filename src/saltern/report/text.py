"""Plain-text and JSON renderings of plans, reports and status."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Mapping
from typing import Any

from saltern.report.plain import plain, plain_block
from saltern.report.plantext import render as render_plan

__all__ = ["render_imports", "render_plan", "render_report", "render_status"]


def render_report(report: Mapping[str, Any], form: str = "text") -> str:
    """Return a run's report: counts, what is not done with reason and retry command."""
    if form == "json":
        return json.dumps(report, indent=2)
    lines = [plain(finding) for finding in report["findings"]]
    lines += [
        f"{plain(row['key'])}: {row['state']}{_tries(row['attempts'])}: {plain(row['reason'])}\n"
        f"    again: {row['retry']}"
        for row in report["steps"]
    ]
    lines += [
        f"{plain(name)}: left the registry; nothing was deleted" for name in report["removed"]
    ]
    lines += [f"{plain(drift)}: left as it is" for drift in report.get("drift") or ()]
    lines += [_count_line(kind, states) for kind, states in report["counts"].items()]
    if report["reason"]:
        lines.append(plain_block(report["reason"]))
    return "\n".join([*lines, _last_line(report)])


def _tries(attempts: int) -> str:
    return "" if not attempts else f" after {attempts} attempt{'s' if attempts > 1 else ''}"


def _count_line(kind: str, states: Mapping[str, int]) -> str:
    return f"{kind:9} " + ", ".join(f"{number} {state}" for state, number in states.items())


def _last_line(report: Mapping[str, Any]) -> str:
    what = (
        "nothing to do" if report["status"] == "done" and not report["counts"] else report["status"]
    )
    commit = f" at {report['commit'][:12]}" if report["commit"] else ""
    return f"{what}{commit} in {report['seconds']:.1f} s (run {report['run']})"


def render_status(status: Mapping[str, Any]) -> str:
    """Return the latest runs, the stuck list and what drifted as text."""
    lines = [
        f"{_when(run['started'])}  {run['status'] or 'running':11}  {run['id']}  "
        f"{plain(run['cause'], 60)}"
        for run in status["runs"]
    ]
    lines += [
        f"stuck since {_when(row['since'])}: {plain(row['key'])}: {row['state']}: "
        f"{plain(row['reason'])}"
        for row in status["stuck"]
    ]
    lines += [
        f"differs since {_when(row['since'])}, left as it is: {plain(row['key'])}: "
        f"{plain(row['why'])}"
        for row in status.get("drift") or ()
    ]
    return "\n".join(lines) if lines else "no run yet"


def render_imports(rows: Iterable[Mapping[str, Any]]) -> str:
    """Return what :func:`saltern.importing.progress.imports` returned as text."""
    return "\n".join(map(_import, rows)) or "No import is under way."


def _import(row: Mapping[str, Any]) -> str:
    done = f", {row['percent']} %" if row.get("percent") is not None else ""
    refs = f", {row['refs_done']} of {row['refs']} refs" if row.get("refs") else ""
    size = f", {row['bytes'] / 1e6:.0f} of at most {row['most_bytes'] / 1e6:.0f} MB"
    where = f"{plain(row['project'])}: {row['phase']}{done}{refs}{size}, from "
    line = where + plain(row["upstream"])
    return f"{line}: {plain(row['reason'])}" if row.get("reason") else line


def _when(seconds: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(seconds))
