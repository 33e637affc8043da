"""The status document: what the page shows, as plain data (``status.json``).

Its form is described in docs/status-page.md and is stable within one ``schema_version``. Times
are seconds since the epoch, durations seconds.
"""

from __future__ import annotations

import os
import socket
import time
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from saltern import __version__
from saltern.journal_read import JournalView
from saltern.plan import KINDS, PROJECT_KINDS
from saltern.report.links import http_url
from saltern.report.page.progress import progress, tally
from saltern.report.report import retry_command

SCHEMA_VERSION = 1


@dataclass(frozen=True)
class Origin:
    """Whose page it is: the registry's project and branch, and the setting ``converge.links``."""

    project: str
    branch: str
    links: Mapping[str, str] = field(default_factory=dict)
    runs: int = 20
    """Latest runs that have a page of their own."""

    def change_link(self, number: int | None) -> str | None:
        """Return the URL of a change on Gerrit."""
        return None if number is None else self._gerrit(f"/c/{quote(self.project)}/+/{number}")

    def commit_link(self, commit: str | None) -> str | None:
        """Return the URL under which Gerrit finds a commit's change."""
        return self._gerrit(f"/q/{quote(commit, safe='')}") if commit else None

    def _gerrit(self, path: str) -> str | None:
        base = http_url(self.links.get("gerrit"))
        if base is None or "{" in base:
            return None
        return base.rstrip("/") + path


def status(view: JournalView, origin: Origin, now: float | None = None) -> dict[str, Any]:
    """Return the status document for one state of the journal."""
    now = time.time() if now is None else now
    look = view.look("registry") or {}
    runs = [run_row(view, run, origin, now) for run in view.runs(origin.runs)]
    running = next((run for run in runs if run["status"] == "running"), None)
    last = next((run for run in runs if run["status"] != "running"), None)
    stuck = [_stuck_row(row) for row in view.stuck()]
    commit = next((run["commit"] for run in runs if run["commit"]), None)
    return {
        "schema_version": SCHEMA_VERSION,
        "saltern": __version__,
        "generated": now,
        "state": _state(running, last, stuck),
        "registry": {
            "project": origin.project,
            "branch": origin.branch,
            "commit": commit,
            "link": origin.commit_link(commit),
        },
        "running": running,
        "last": last,
        "last_success": view.last_success(),
        "stuck": stuck,
        "runs": runs,
        "projects": _project_counts(look.get("projects", ()), stuck),
        "groups": look.get("groups", 0),
        "findings": look.get("findings") or {"counts": {}, "first": []},
        "drift": view.drift(),
    }


def _state(
    running: Mapping[str, Any] | None, last: Mapping[str, Any] | None, stuck: Iterable[Any]
) -> str:
    """Return one word: never, running, refused, interrupted, stuck, failed or well."""
    if running:
        return "running"
    if last is None:
        return "never"
    if last["status"] in ("refused", "interrupted"):
        return str(last["status"])
    if any(True for _ in stuck):
        return "stuck"
    return "well" if last["status"] == "done" else "failed"


def run_row(view: JournalView, run: Mapping[str, Any], origin: Origin, now: float) -> dict:
    """Return one run without its steps."""
    report = run["report"] or {}
    state = run["status"] or ("running" if _alive(run) else "interrupted")
    end = run["finished"] or now
    return {
        "id": run["id"],
        "page": f"runs/{run['id']}.html",
        "status": state,
        "started": run["started"],
        "finished": run["finished"],
        "seconds": round(max(0.0, end - run["started"]), 3),
        "cause": run["cause"],
        "commit": run["commit_id"],
        "link": origin.commit_link(run["commit_id"]),
        "changes": [_change(row, origin) for row in view.merged(run["id"])],
        "counts": _counts(view, run, state),
        "reason": report.get("reason") or "",
        "removed": list(report.get("removed") or ()),
    }


def _counts(view: JournalView, run: Mapping[str, Any], state: str) -> dict[str, dict[str, int]]:
    if state != "running":
        return _ordered(view.step_counts(run["id"]))
    return _ordered(tally(progress(view.steps(run["id"]), running=True)))


def _ordered(counts: Mapping[str, dict[str, int]]) -> dict[str, dict[str, int]]:
    """Return ``counts`` in the order of the step table, other kinds behind."""
    place = {kind.name: number for number, kind in enumerate(KINDS)}
    return dict(sorted(counts.items(), key=lambda item: place.get(item[0], len(place))))


def _alive(run: Mapping[str, Any]) -> bool:
    """Return whether the process of an unfinished run is there; another host's is believed."""
    if run["host"] != socket.gethostname():
        return True
    try:
        os.kill(run["pid"], 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _change(row: Mapping[str, Any], origin: Origin) -> dict[str, Any]:
    link = origin.change_link(row["number"]) or origin.commit_link(row["commit_id"])
    return {
        "commit": row["commit_id"],
        "number": row["number"],
        "subject": row["subject"],
        "author": row["author"],
        "link": link,
    }


def _stuck_row(row: Mapping[str, Any]) -> dict[str, Any]:
    kind, _, name = row["key"].partition(":")
    return {**row, "kind": kind, "name": name, "retry": retry_command(row["key"])}


def _project_counts(
    projects: Iterable[Mapping[str, Any]], stuck: Iterable[Mapping[str, Any]]
) -> dict[str, int]:
    states = Counter(project["state"] for project in projects)
    return {
        "total": states.total(),
        "active": states["ACTIVE"],
        "read_only": states["READ_ONLY"],
        "hidden": states["HIDDEN"],
        "stuck": len({row["name"] for row in stuck if row["kind"] in PROJECT_KINDS}),
    }


def run_document(view: JournalView, run: Mapping[str, Any]) -> dict[str, Any]:
    """Return a run of :func:`status` with its ``steps`` and what was tried more than once."""
    steps = progress(view.steps(run["id"]), running=run["status"] == "running")
    attempts = view.attempts(run["id"])
    return {
        **run,
        "steps": [
            {**step, "tries": attempts.get(step["key"], []), "retry": retry_command(step["key"])}
            for step in steps
        ],
    }


def project_rows(
    look: Mapping[str, Any], stuck: Iterable[Mapping[str, Any]]
) -> list[dict[str, Any]]:
    """Return the registry's projects, each with the steps of it that are ``stuck``."""
    open_steps: dict[str, list[str]] = {}
    for row in stuck:
        if row["kind"] in PROJECT_KINDS:
            open_steps.setdefault(row["name"], []).append(f"{row['kind']} {row['state']}")
    return [
        {**project, "stuck": open_steps.get(project["name"], [])}
        for project in look.get("projects", ())
    ]
