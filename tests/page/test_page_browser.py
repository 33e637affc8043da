"""The page as a reader sees it, in a real browser: four situations, two widths, light and dark."""

from __future__ import annotations

import json
import re

import pytest
import sight
from situations import SITUATIONS

MODES = [(1280, False), (1280, True), (390, False), (390, True)]
SEEN = {
    "well": ["Everything is as the registry says", "294 projects", "Nothing is wrong with"],
    "running": [
        "Converging: 6 of 14 steps done",
        "Add three projects for the telemetry agents",
        "Casey Doe",
        "Follow it",
    ],
    "stuck": [
        "5 steps are stuck",
        "group 'nova-cores' not in groups",
        "salt-run projects.retry 'access:openstack/project-0006'",
        "3 more steps wait for these",
        "nobody reads the ACL file",
    ],
    "large": [
        "Converging: 5,200 of 10,400 steps done",
        "2,500 mirror steps",
        "could not look at the mirror",
        "700 of 2,500 done",
    ],
}


def pages(directory, situation):
    """Return the pages of a situation: status, projects, and the run that has most to tell."""
    runs = sorted((directory / "runs").iterdir(), key=lambda path: path.stat().st_size)
    return [directory / "index.html", directory / "projects.html", runs[-1]]


@pytest.mark.parametrize("situation", SITUATIONS)
@pytest.mark.parametrize(("width", "dark"), MODES)
def test_page_shows_the_situation_within_its_width(page, browser, situation, width, dark):
    """What matters is there to read, nothing is wider than the window, the console is silent."""
    for path in pages(page(situation), situation):
        browser.open(path, width=width, dark=dark)
        if path.name == "index.html":
            text = browser.text()
            assert [line for line in SEEN[situation] if line not in text] == []
        browser.run(sight.UNFOLD_ONE if situation == "large" else sight.UNFOLD)
        assert browser.run(sight.WIDTH) <= width, path.name
        assert browser.errors == [], path.name


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("situation", ["stuck", "running"])
def test_every_text_has_enough_contrast(page, browser, situation, dark):
    """WCAG AA (4.5 to 1) for each text, also in the picture, in both colour schemes."""
    for path in pages(page(situation), situation):
        browser.open(path, dark=dark)
        browser.run(sight.UNFOLD)
        pale = browser.run(sight.PALE)
        assert pale["seen"]
        assert pale["found"] == [], path.name


def test_dark_scheme_is_dark(page, browser):
    """The page follows the reader's colour scheme."""
    shades = []
    for dark in (False, True):
        browser.open(page("well") / "index.html", dark=dark)
        shade = browser.run("getComputedStyle(document.body).backgroundColor")
        shades.append(sum(map(int, re.findall(r"\d+", shade))) / 3)
    assert shades[0] > 200
    assert shades[1] < 60


def test_stuck_comes_first(page, browser):
    """What waits for somebody stands above everything else."""
    browser.open(page("stuck") / "index.html")
    headings = browser.run("[...document.querySelectorAll('h1, h2')].map(h => h.innerText)")
    assert headings[0] == "5 steps are stuck"
    assert headings[1].startswith("Stuck")
    assert next(n for n, h in enumerate(headings) if h.startswith("Latest runs")) > 1


def test_step_that_waits_says_what_for(page, browser):
    """A run's page names what each waiting step waits for, and what an attempt ended with."""
    directory = page("running")
    run = json.loads((directory / "status.json").read_text())["running"]
    browser.open(directory / run["page"])
    text = browser.text()
    assert "mirror:openstack/project-0007\twaiting\twaits for its content" in text
    assert "waits before another attempt" in text
    assert "the last one said: 503 Service Unavailable" in text
    assert "waits for its turn" in text


def test_page_is_read_by_landmarks_and_headers(page, browser):
    """A screen reader finds the landmarks, the tables' headers, and the picture's name and text."""
    browser.open(page("stuck") / "index.html")
    nodes = browser.page("Accessibility.getFullAXTree")["nodes"]
    roles = [node.get("role", {}).get("value") for node in nodes]
    wanted = {"banner", "navigation", "main", "contentinfo", "columnheader", "rowheader", "heading"}
    assert wanted - set(roles) == set()
    picture = next(n for n in nodes if n.get("role", {}).get("value") in ("img", "image"))
    assert picture["name"]["value"].startswith("What the steps of the run need")
    assert "1 failed" in picture["description"]["value"]
    assert browser.run("document.documentElement.lang") == "en"


def test_page_is_used_by_keyboard(page, browser):
    """The first stop is the way to the content; the picture scrolls by arrow keys."""
    browser.open(page("stuck") / "index.html", width=390)
    tab = {"key": "Tab", "code": "Tab", "windowsVirtualKeyCode": 9}
    stops = []
    for _ in range(40):
        browser.page("Input.dispatchKeyEvent", type="keyDown", **tab)
        browser.page("Input.dispatchKeyEvent", type="keyUp", **tab)
        stops.append(
            browser.run("document.activeElement.className || document.activeElement.tagName")
        )
    assert stops[0] == "skip"
    assert "SUMMARY" in stops
    assert "scroll" in stops


def test_large_picture_stays_readable(page, browser):
    """10,400 steps are drawn as a handful of boxes, none over another."""
    browser.open(page("large") / "index.html")
    boxes = browser.run(
        "[...document.querySelectorAll('.graph rect.node')].map(r => r.getBoundingClientRect())"
        ".map(b => [b.left, b.top, b.right, b.bottom])"
    )
    assert 4 <= len(boxes) <= 16
    for number, (left, top, right, bottom) in enumerate(boxes):
        for other in boxes[number + 1 :]:
            assert right <= other[0] or other[2] <= left or bottom <= other[1] or other[3] <= top


def test_text_in_the_picture_stays_in_its_box(page, browser):
    """Names are cut so that they fit."""
    browser.open(page("stuck") / "index.html")
    out = browser.run(
        "[...document.querySelectorAll('.graph g')].flatMap(g => {"
        " const box = g.querySelector('rect.node').getBoundingClientRect();"
        " return [...g.querySelectorAll('text')]"
        "  .filter(t => t.getBoundingClientRect().right > box.right)"
        "  .map(t => t.textContent); })"
    )
    assert out == []


def test_policy_of_the_page_stops_a_script(page, browser, tmp_path):
    """Should a script ever get into a page, the browser refuses to run it."""
    text = (page("well") / "index.html").read_text()
    bad = tmp_path / "index.html"
    bad.write_text(text.replace("</main>", "<script>window.ran = 1</script></main>"))
    browser.open(bad)
    assert browser.run("window.ran") is None
    assert any("Content Security Policy" in error for error in browser.errors)


def test_only_the_live_page_reloads(page, browser):
    """A page does not change under its reader unless the reader asks for it."""
    refresh = "document.querySelectorAll('meta[http-equiv=refresh]').length"
    browser.open(page("running") / "index.html")
    assert browser.run(refresh) == 0
    browser.open(page("running") / "live.html")
    assert browser.run(refresh) == 1
