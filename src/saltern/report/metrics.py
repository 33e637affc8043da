"""Metrics in Prometheus' text format, from the status document and the journal.

The format is https://prometheus.io/docs/instrumenting/exposition_formats/ (text, 0.0.4). It is
written here, in a few lines, so that a contributor who only checks a registry installs no
client library; the tests read it with Prometheus' own Python parser.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from saltern import __version__
from saltern.journal_read import JournalView
from saltern.report.page.progress import STATES
from saltern.report.plain import plain

STATUSES = ("done", "failed", "refused", "interrupted")
NAMED = 100
"""Most stuck steps that have a sample of their own."""

Sample = tuple[Mapping[str, str], float]


@dataclass(frozen=True)
class Family:
    """One metric: its name, type (``counter`` or ``gauge``), help text and samples."""

    name: str
    kind: str
    about: str
    samples: tuple[Sample, ...]


def metrics(view: JournalView, status: Mapping[str, Any]) -> str:
    """Return the metrics for one state of the journal and the status document made of it."""
    families = (*_runs(view, status), *_steps(view, status), *_registry(status))
    return "".join(line for family in families for line in _lines(family))


def _runs(view: JournalView, status: Mapping[str, Any]) -> Iterator[Family]:
    totals, last = view.run_totals(), status["last"]
    known = sorted({*STATUSES, *totals})
    yield _gauge("saltern_build_info", "Version of Saltern.", [({"version": __version__}, 1)])
    yield Family(
        "saltern_runs_total",
        "counter",
        "Runs that ended, by how they ended.",
        tuple(({"status": s}, totals.get(s, {}).get("count", 0)) for s in known),
    )
    yield Family(
        "saltern_run_duration_seconds_total",
        "counter",
        "Time that runs took, by how they ended.",
        tuple(({"status": s}, totals.get(s, {}).get("seconds", 0)) for s in known),
    )
    yield _gauge(
        "saltern_running", "Whether a run is under way.", [({}, int(bool(status["running"])))]
    )
    yield _gauge(
        "saltern_last_run_status",
        "How the latest run ended: 1 for that status.",
        [({"status": s}, int(last["status"] == s)) for s in known] if last else (),
    )
    yield _moment("saltern_last_run_timestamp_seconds", "the latest run ended", last, "finished")
    yield _moment(
        "saltern_last_success_timestamp_seconds", "everything was done", status, "last_success"
    )
    yield _gauge(
        "saltern_last_run_duration_seconds",
        "Time that the latest run took.",
        [({}, last["seconds"])] if last else (),
    )


def _steps(view: JournalView, status: Mapping[str, Any]) -> Iterator[Family]:
    run = status["running"] or status["last"] or {"counts": {}}
    yield Family(
        "saltern_steps_total",
        "counter",
        "Steps of all runs, by how they ended.",
        tuple(
            ({"kind": kind, "state": state}, n)
            for (kind, state), n in sorted(view.step_totals().items())
        ),
    )
    yield _gauge(
        "saltern_run_steps",
        "Steps of the run under way, or else of the latest one.",
        [
            ({"kind": kind, "state": state}, states.get(state, 0))
            for kind, states in run["counts"].items()
            for state in STATES
        ],
    )
    stuck = status["stuck"]
    yield _gauge("saltern_stuck_steps", "Steps on the stuck list.", [({}, len(stuck))])
    yield _gauge(
        "saltern_stuck_since_timestamp_seconds",
        "Since when a step has been stuck, for the 100 oldest.",
        [
            ({"kind": s["kind"], "name": s["name"], "state": s["state"]}, s["since"])
            for s in stuck[:NAMED]
        ],
    )
    oldest = {"at": min((row["since"] for row in stuck), default=None)}
    yield _moment(
        "saltern_oldest_stuck_timestamp_seconds", "the oldest stuck step got stuck", oldest, "at"
    )


def _registry(status: Mapping[str, Any]) -> Iterator[Family]:
    projects, findings = status["projects"], status["findings"]["counts"]
    states = ("active", "read_only", "hidden")
    drift = Counter(dict.fromkeys(("access", "groups", "settings"), 0))
    drift.update(row["key"].partition(":")[0] for row in status["drift"])
    yield _gauge(
        "saltern_projects",
        "Projects in the registry, by state.",
        [({"state": state}, projects[state]) for state in states],
    )
    yield _gauge("saltern_projects_stuck", "Projects with a stuck step.", [({}, projects["stuck"])])
    yield _gauge("saltern_groups", "Groups that should exist.", [({}, status["groups"])])
    yield _gauge(
        "saltern_findings",
        "Findings in the registry, by severity.",
        [({"severity": s}, findings.get(s, 0)) for s in sorted({"error", "warning", *findings})],
    )
    yield _gauge(
        "saltern_drift",
        "Differences on the servers that are reported and not repaired.",
        [({"policy": policy}, number) for policy, number in sorted(drift.items())],
    )


def _gauge(name: str, about: str, samples: Iterable[Sample]) -> Family:
    return Family(name, "gauge", about, tuple(samples))


def _moment(name: str, what: str, data: Mapping[str, Any] | None, key: str) -> Family:
    """Return a gauge of a moment; without one it has no sample, so that no alert sees 1970."""
    value = (data or {}).get(key)
    return _gauge(name, f"When {what}.", [({}, value)] if value is not None else ())


def _lines(family: Family) -> Iterator[str]:
    yield f"# HELP {family.name} {family.about}\n# TYPE {family.name} {family.kind}\n"
    for labels, value in family.samples:
        shown = ",".join(f'{name}="{_escaped(text)}"' for name, text in labels.items())
        yield f"{family.name}{'{' + shown + '}' if shown else ''} {_number(value)}\n"


def _escaped(text: str) -> str:
    """Return a label's value: unprintable characters written out, then the format's escapes."""
    return plain(text).replace("\\", "\\\\").replace('"', '\\"')


def _number(value: float) -> str:
    return str(int(value)) if float(value).is_integer() else repr(round(float(value), 3))
