"""The metrics, read by Prometheus' own parser."""

from __future__ import annotations

import json

from prometheus_client.parser import text_string_to_metric_families


def samples(directory):
    """Return ``{name: {labels: value}}`` of a page's metrics, labels as a sorted tuple."""
    found = {}
    for family in text_string_to_metric_families((directory / "metrics.prom").read_text()):
        for sample in family.samples:
            labels = tuple(sorted(sample.labels.items()))
            found.setdefault(sample.name, {})[labels] = sample.value
    return found


def test_metrics_count_what_the_journal_holds(page):
    """Runs by status, steps by kind and state, what is stuck, findings: the page's own numbers."""
    found = samples(page("stuck"))
    status = json.loads((page("stuck") / "status.json").read_text())
    assert found["saltern_runs_total"][("status", "done"),] == 2
    assert found["saltern_runs_total"][("status", "failed"),] == 1
    assert found["saltern_steps_total"][("kind", "access"), ("state", "failed")] == 1
    assert found["saltern_stuck_steps"][()] == len(status["stuck"]) == 5
    oldest = found["saltern_oldest_stuck_timestamp_seconds"][()]
    assert abs(oldest - min(row["since"] for row in status["stuck"])) < 0.01
    assert found["saltern_findings"] == {(("severity", "error"),): 1, (("severity", "warning"),): 1}
    assert found["saltern_projects"][("state", "active"),] == 280
    assert found["saltern_projects_stuck"][()] == 2
    assert found["saltern_last_run_status"][("status", "failed"),] == 1


def test_metrics_of_a_running_converge_count_its_steps(page):
    """While a run is under way its steps are counted as they stand."""
    found = samples(page("running"))
    assert found["saltern_running"][()] == 1
    assert found["saltern_run_steps"][("kind", "content"), ("state", "running")] == 1
    assert found["saltern_run_steps"][("kind", "content"), ("state", "ready")] == 1


def test_nothing_stuck_has_no_oldest(page):
    """An alert on the age of the oldest stuck step sees no sample rather than 1970."""
    found = samples(page("well"))
    assert found["saltern_stuck_steps"][()] == 0
    assert "saltern_oldest_stuck_timestamp_seconds" not in found
    assert found["saltern_last_success_timestamp_seconds"][()] > 0


def test_metrics_of_a_large_registry_stay_few(page):
    """The number of samples does not grow with the projects."""
    assert sum(map(len, samples(page("large")).values())) < 250


def test_every_metric_has_help_and_a_conventional_name(page):
    """Counters end in _total, times in _seconds; each has a type and a help text."""
    for family in text_string_to_metric_families((page("stuck") / "metrics.prom").read_text()):
        assert family.documentation
        assert family.type in ("counter", "gauge")
        assert not family.name.endswith("_ms")
        if "timestamp" in family.name or "duration" in family.name:
            assert family.name.endswith("_seconds")
