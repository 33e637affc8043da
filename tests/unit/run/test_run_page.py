"""The status page beside a run: kept current by it, and never able to fail it."""

from __future__ import annotations

import json
import threading

import pytest
from run_scene import PATIENCE, Gate, wait_for

from saltern.errors import Broken, Refused
from saltern.run import Converger
from saltern.settings import ConvergeSettings, RegistrySettings


@pytest.fixture
def paged(tmp_path, registry, servers):
    """``paged(page_dir, git=False, **settings)``: a converger that writes its page there."""
    made = []

    def converger(page_dir, git=False, **settings):
        own = ConvergeSettings(
            state_dir=str(tmp_path / "state"),
            attempts=2,
            backoff=0.001,
            page_dir=None if page_dir is None else str(page_dir),
            **settings,
        )
        where = RegistrySettings(url=str(registry.root) if git else None)
        made.append(Converger(where, own, servers, None if git else registry.root))
        return made[-1]

    yield converger
    for each in made:
        each.journal.close()


def status(directory):
    """Return the page's data."""
    return json.loads((directory / "status.json").read_text())


def test_run_leaves_its_page_behind(paged, tmp_path):
    """After a converge the page says how things stand, with the projects it read."""
    report = paged(tmp_path / "page").converge("timer")
    found = status(tmp_path / "page")
    assert (found["state"], found["projects"]["total"]) == ("well", 3)
    assert found["runs"][0]["counts"]["project"] == {"done": 3}
    assert (tmp_path / "page" / "runs" / f"{report.run}.html").exists()
    assert "base" in (tmp_path / "page" / "projects.html").read_text()
    assert 'saltern_runs_total{status="done"} 1' in (tmp_path / "page/metrics.prom").read_text()


def test_page_shows_a_run_that_is_under_way(paged, tmp_path, servers):
    """Who looks while steps run sees which are done, and what the others wait for."""
    gate = Gate(servers)
    thread = threading.Thread(target=paged(tmp_path / "page").converge, args=("test",))
    thread.start()
    try:
        assert gate.reached.wait(PATIENCE)
        wait_for(
            lambda: (
                (tmp_path / "page/status.json").exists()
                and status(tmp_path / "page")["running"]
                and status(tmp_path / "page")["running"]["counts"].get("project", {}).get("running")
            ),
            "the page shows the running step",
        )
        running = status(tmp_path / "page")["running"]
        assert "waits for project:base" in (tmp_path / "page" / running["page"]).read_text()
    finally:
        gate.open()
        thread.join(PATIENCE)
    assert status(tmp_path / "page")["state"] == "well"


def test_page_that_cannot_be_written_fails_no_run(paged, tmp_path, caplog):
    """The run is done, and the log says what is wrong with the page, once."""
    (tmp_path / "file").write_text("in the way")
    converger = paged(tmp_path / "file" / "page")
    assert converger.converge("test").exit == 0
    said = [r.getMessage() for r in caplog.records if "status page" in r.getMessage()]
    assert len(said) == 1
    assert str(tmp_path / "file" / "page") in said[0]


def test_failed_step_is_on_the_page_with_its_command(paged, tmp_path, servers):
    """What is stuck stands there with reason and retry command, until it is done."""
    servers.answers["group:readers"] = [Refused("409 Group already exists")]
    converger = paged(tmp_path / "page")
    assert converger.converge("test").exit == 1
    found = status(tmp_path / "page")
    rows = {row["key"]: row for row in found["stuck"]}
    assert found["state"] == "stuck"
    assert rows["group:readers"]["reason"] == "409 Group already exists"
    assert rows["group:readers"]["retry"] == "salt-run projects.retry 'group:readers'"
    assert rows["access:a"]["reason"] == "waits for group:readers"
    assert converger.converge("again").exit == 0
    assert status(tmp_path / "page")["state"] == "well"


def test_refused_run_says_why_on_the_page(paged, tmp_path, registry):
    """A registry that nobody can read is the first thing the page tells."""
    converger = paged(tmp_path / "page")
    registry.text("gerrit/projects.yaml", "- project: [")
    assert converger.converge("test").exit == 2
    assert status(tmp_path / "page")["state"] == "refused"
    text = (tmp_path / "page/index.html").read_text()
    assert "The last run could not start" in text
    assert "gerrit/projects.yaml:" in text


def test_merged_change_is_named_with_its_author(paged, tmp_path, registry, servers):
    """The change that caused a run is linked, with subject and author."""
    registry.commit()
    converger = paged(tmp_path / "page", git=True, links={"gerrit": "https://review.example.org"})
    converger.converge("timer")
    registry.projects("a", "b", "base", "c", a="[project]\n")
    commit = registry.commit()
    servers.changes[commit] = {"number": 77, "noted": False}
    converger.converge("merged", change_commit=commit)
    (change,) = status(tmp_path / "page")["runs"][0]["changes"]
    assert (change["number"], change["subject"], change["author"]) == (77, "change", "a")
    assert change["link"] == "https://review.example.org/c/infra/project-config/+/77"


def test_without_a_directory_nothing_is_written(paged, tmp_path):
    """The page is asked for by its setting, or by name."""
    converger = paged(None)
    converger.converge("test")
    assert not list(tmp_path.rglob("index.html"))
    with pytest.raises(Broken, match="page_dir"):
        converger.page()
    assert converger.page(str(tmp_path / "here"))["state"] == "well"
    assert (tmp_path / "here/index.html").exists()


def test_page_of_an_ended_run_is_written_once(paged, tmp_path):
    """A round does not write all the pages of earlier runs again; asked by hand, it does."""
    converger = paged(tmp_path / "page")
    first = tmp_path / "page" / "runs" / f"{converger.converge('one').run}.html"
    before = first.stat().st_ino
    converger.converge("two")
    assert first.stat().st_ino == before
    converger.page()
    assert first.stat().st_ino != before


def test_old_runs_leave_the_page_and_foreign_files_stay(paged, tmp_path):
    """Only as many runs as the setting says have a page; what is not ours is not touched."""
    converger = paged(tmp_path / "page", page_runs=2)
    runs = [converger.converge("test").run for _ in range(3)]
    (tmp_path / "page/runs/notes.html").write_text("mine")
    runs.append(converger.converge("test").run)
    left = {path.name for path in (tmp_path / "page/runs").iterdir()}
    assert left == {"notes.html", *(f"{run}.html" for run in runs[-2:])}


def test_old_runs_leave_the_journal_and_the_totals_go_on(paged, tmp_path):
    """Each round prunes at its end; a step that was counted stays counted."""
    page = tmp_path / "page"
    paged(page, keep_days=None).converge("first")
    paged(page, keep_days=None).converge("second")
    counted = 'saltern_steps_total{kind="project",state="done"} 3\n'
    assert counted in (page / "metrics.prom").read_text()
    assert [run["cause"] for run in status(page)["runs"]] == ["second", "first"]
    paged(page, keep_days=0.0).converge("third")
    paged(page, keep_days=0.0).converge("fourth")
    text = (page / "metrics.prom").read_text()
    assert counted in text
    assert 'saltern_runs_total{status="done"} 4\n' in text
    assert "first" not in [run["cause"] for run in status(page)["runs"]]
