"""What contributors write reaches page, JSON and metrics as text, whatever it is."""

from __future__ import annotations

import json
import re

import pytest
import sight
from prometheus_client.parser import text_string_to_metric_families
from situations import COMMIT, begin, end, look, origin

from saltern.journal import Journal, Merged
from saltern.report.page import write_pages
from saltern.report.plain import plain
from saltern.steps import Outcome, Step
from tests.hostile import TEXTS, controls


def hostile_journal(path, text):
    """Return the journal of a run in which every free text is ``text``."""
    journal = Journal(path)
    name = f"org/{text}"
    finding = {"code": "SLT001", "severity": "error", "place": f"{text}:1:1", "message": text}
    seen = look([name, text], [{**finding, "project": name}])
    for project in seen["projects"]:
        project |= {"parent": text, "branch": text, "place": f"{text}:1:1"}
    plan = [
        Step("group", text, text),
        Step("project", name, text),
        Step("access", name, text, {}, frozenset({f"group:{text}", f"project:{name}"})),
        Step("content", name, text, {}, frozenset({f"project:{name}"})),
    ]
    run = begin(journal, text, plan, seen)
    journal.credit(run, [Merged(COMMIT, 7, text, text)])
    journal.drifted({f"access:{text}": text}, None)
    journal.sent(run, [step.key for step in plan[:2]])
    journal.attempted(run, [(Outcome(plan[0].key, "retry", text, text), 1, "waiting")])
    journal.attempted(run, [(Outcome(plan[0].key, "failed", text, text), 2, "failed")])
    journal.attempted(run, [(Outcome(plan[1].key, "failed", text, text), 1, "failed")])
    end(journal, run, "failed", text)
    return journal


@pytest.fixture(params=TEXTS.values(), ids=TEXTS)
def site(request, tmp_path):
    """The text, and the directory of a page that shows it everywhere."""
    hostile_journal(tmp_path / "journal.sqlite", request.param).close()
    write_pages(tmp_path / "journal.sqlite", tmp_path / "page", origin())
    return request.param, tmp_path / "page"


def test_hostile_text_is_seen_as_text(site, browser):
    """The browser shows the very characters, runs nothing, and nothing breaks out of its place."""
    text, directory = site
    for path in sorted(directory.rglob("*.html")):
        if path.name == "live.html":
            continue
        browser.open(path, width=390)
        browser.run(sight.UNFOLD)
        assert browser.errors == [], path.name
        assert browser.run(sight.ACTIVE) == [], path.name
        assert browser.run(sight.WIDTH) <= 390, path.name
        shown = " ".join(browser.text().split())
        assert plain(text)[:150] in shown, path.name
        for link in browser.run(sight.LINKS):
            assert re.match(
                r"https://review\.example\.org/|#|(\.\./)?[\w/.-]+(#o-[\w%.~-]*)?$", link
            )


def test_hostile_text_leaves_no_control_character_in_a_file(site):
    """No escape sequence, no mark that turns the direction, no NUL: nothing a terminal obeys."""
    for path in sorted(site[1].rglob("*")):
        if path.is_file():
            assert controls(path.read_text(encoding="utf-8")) == set(), path.name


def test_hostile_text_comes_back_whole_from_the_json(site):
    """The JSON carries what was written, unchanged."""
    text, directory = site
    status = json.loads((directory / "status.json").read_text())
    assert status["runs"][0]["cause"] == text
    assert status["runs"][0]["changes"][0]["subject"] == text
    assert {row["reason"] for row in status["stuck"]} == {text}
    projects = json.loads((directory / "projects.json").read_text())["projects"]
    assert [project["name"] for project in projects] == [f"org/{text}", text]


def test_hostile_text_stays_in_its_metric_label(site):
    """Prometheus' own parser reads one label value, and no family that is not ours."""
    text, directory = site
    found = list(text_string_to_metric_families((directory / "metrics.prom").read_text()))
    assert all(family.name.startswith("saltern_") for family in found)
    assert "saltern_fake" not in {family.name for family in found}
    names = {
        sample.labels["name"]
        for family in found
        for sample in family.samples
        if sample.name == "saltern_stuck_since_timestamp_seconds"
    }
    assert names == {plain(text), plain(f"org/{text}")}


@pytest.mark.parametrize(
    "base",
    ["javascript:alert(1)", "//evil.example", "data:text/html,x", "https://a b", "file:///etc", 7],
)
def test_only_web_addresses_become_links(tmp_path, base):
    """A setting that is no http(s) URL gives no link at all."""
    hostile_journal(tmp_path / "journal.sqlite", "name").close()
    links = {"gerrit": base, "mirror": base}
    write_pages(tmp_path / "journal.sqlite", tmp_path / "page", origin(**links))
    for path in (tmp_path / "page").rglob("*.html"):
        targets = re.findall(r'href="([^"]*)"', path.read_text())
        assert [t for t in targets if not re.fullmatch(r"#[\w-]+|(\.\./)?[\w/.#-]+", t)] == []
