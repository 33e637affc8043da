"""docs/status-page.md names what is written."""

from __future__ import annotations

import json
import re
from pathlib import Path

from saltern.report.page.graph import MOST_STEPS
from saltern.report.page.progress import STATES

GUIDE = (Path(__file__).parents[2] / "docs" / "status-page.md").read_text()


def test_guide_names_every_metric_with_its_labels(page):
    """A metric, or a label of one, that the table lacks fails here; so does one that is no more."""
    rows = re.findall(r"^\| `(saltern_\w+)` \| (.*?) \|", GUIDE, re.M)
    told = {name: set(re.findall(r"`(\w+)`", labels)) for name, labels in rows}
    found = {}
    for situation in ("stuck", "running"):
        for line in (page(situation) / "metrics.prom").read_text().splitlines():
            if not line.startswith("#"):
                name = re.match(r"\w+", line)[0]
                found.setdefault(name, set()).update(re.findall(r'(\w+)="', line))
    assert found == told


def test_guide_names_every_key_of_the_documents(page):
    """Keys of status.json, of a run, of a stuck step and of a project are in the guide."""
    words = set(re.findall(r"`(\w+)`", GUIDE))
    status = json.loads((page("stuck") / "status.json").read_text())
    projects = json.loads((page("stuck") / "projects.json").read_text())
    documents = [status, status["runs"][0], status["stuck"][0], projects["projects"][0]]
    documents += [status["findings"]["first"][0], status["projects"], status["registry"]]
    documents += [next(run for run in status["runs"] if run["changes"])["changes"][0]]
    assert {key for document in documents for key in document} - words == set()


def test_guide_explains_every_state_and_the_size_of_a_picture():
    """The legend of the picture, and the number it turns to groups at."""
    rows = re.findall(r"^\| (\w+) \|", GUIDE, re.M)
    assert set(STATES) <= set(rows)
    assert f"more than {MOST_STEPS}" in " ".join(GUIDE.split())


def test_picture_in_the_guide_is_a_small_png():
    """It is there, and nobody waits for it."""
    (path,) = re.findall(r"!\[[^]]+\]\(([^)]+)\)", GUIDE)
    data = (Path(__file__).parents[2] / "docs" / path).read_bytes()
    assert data.startswith(b"\x89PNG")
    assert len(data) < 150_000
