"""From the status document to HTML: the templates, escaped by default, and what they call."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache, partial
from typing import Any
from urllib.parse import quote

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from saltern.report.links import http_url, project_links
from saltern.report.page import shown
from saltern.report.page.data import PROJECT_KINDS
from saltern.report.page.graph import Picture
from saltern.report.page.group import alike, by_organisation, by_project, gathered
from saltern.report.page.progress import ALONG, STATES

LIVE = 5
"""Seconds after which ``live.html`` loads itself again."""
LABEL = "What the steps of the run need, and how they stand"
MOST = 200
"""Most rows of a list of what is not done."""
BAD = ("failed", "blocked", "skipped")
WELL = frozenset(("done", "well"))
GLYPHS = {state: state for state in STATES} | {
    "well": "done",
    "stuck": "failed",
    "refused": "blocked",
    "interrupted": "skipped",
    "never": "waiting",
    "queued": "waiting",
}
STATE_WORDS = {"ACTIVE": "active", "READ_ONLY": "read-only", "HIDDEN": "hidden"}


@lru_cache(maxsize=1)
def _environment() -> tuple[Environment, str, str]:
    loader = PackageLoader("saltern.report.page")
    environment = Environment(
        loader=loader,
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "when": shown.when,
        "took": shown.took,
        "age": shown.age,
        "columns": _columns,
        "number": shown.number,
        "line": shown.line,
        "block": shown.block,
        "sums": _sums,
        "bad": _bad,
        "bar": _bar,
        "states_in": _states_in,
        "anchor": _anchor,
        "state_word": lambda state: STATE_WORDS.get(state, state),
    }
    environment.globals |= {"glyph_of": _Glyphs(GLYPHS), "plural": shown.plural}
    css = loader.get_source(environment, "page.css")[0]
    digest = base64.b64encode(hashlib.sha256(css.encode()).digest()).decode()
    return environment, css, f"sha256-{digest}"


class _Glyphs(dict[str, str]):
    def __missing__(self, state: str) -> str:
        return "waiting"


def _render(name: str, **values: Any) -> str:
    environment, css, css_hash = _environment()
    shared = {"css": Markup(css), "css_hash": css_hash, "up": "", "reload": None, "here": ""}  # noqa: S704
    return environment.get_template(name).render({**shared, **values})


def index_page(
    status: Mapping[str, Any],
    pictured: Mapping[str, Any] | None,
    drawn: Picture | None,
    projects: Iterable[Mapping[str, Any]],
    *,
    reload: int | None = None,
) -> str:
    """Return the status page.

    ``pictured`` is the run document whose plan is ``drawn``; ``reload`` are the seconds after which
    the page loads itself again.
    """
    causes, waiting = alike(status["stuck"])
    return _render(
        "index.html.j2",
        status=status,
        now=status["generated"],
        headline=headline(status),
        causes=causes,
        waiting=waiting,
        waiting_steps=sum(len(part.rows) for part in waiting),
        pictured=pictured,
        picture=drawn,
        label=LABEL,
        organisations=by_organisation(projects),
        reload=reload,
        live=LIVE,
        here="index",
    )


def projects_page(
    status: Mapping[str, Any], projects: Sequence[Mapping[str, Any]], links: Mapping[str, str]
) -> str:
    """Return the page of all projects."""
    environment, _, _ = _environment()
    environment.filters["project_link"] = partial(_project_link, dict(links))
    return _render(
        "projects.html.j2",
        status=status,
        stuck=[project for project in projects if project["stuck"]],
        most=MOST // 2,
        organisations=by_organisation(projects),
        here="projects",
    )


def run_page(status: Mapping[str, Any], run: Mapping[str, Any], drawn: Picture | None) -> str:
    """Return the page of one run document; ``drawn`` is the picture of its steps."""
    table, others = by_project(run["steps"], PROJECT_KINDS)
    open_steps = [
        {**step, "says": step["waits"] or step["reason"] or step["why"]}
        for step in run["steps"]
        if step["state"] != "done"
    ]
    open_steps.sort(key=lambda step: STATES.index(step["state"]))
    kinds = list(dict.fromkeys(kind for row in table.values() for kind in row))
    timed = sorted(run["steps"], key=lambda step: -step["seconds"])
    return _render(
        "run.html.j2",
        status=status,
        run=run,
        picture=drawn,
        label=LABEL,
        open_steps=len(open_steps),
        parts_open=gathered(open_steps, ("kind", "state", "says")),
        retried=[step for step in run["steps"] if step["tries"]],
        slowest=[step for step in timed[:8] if step["seconds"]],
        others=others,
        table=table,
        kinds=kinds,
        organisations=by_organisation(
            {"name": name, "steps": {kind: table[name].get(kind) for kind in kinds}}
            for name in sorted(table)
        ),
        most=MOST,
        up="../",
    )


def headline(status: Mapping[str, Any]) -> str:
    """Return the page's first line: how things stand."""
    stuck = len(status["stuck"])
    if status["state"] == "running":
        sums = _sums(status["running"]["counts"])
        total = sum(sums.values())
        if not total:
            return "Looking at the registry and the servers"
        return f"Converging: {sums.get('done', 0):,} of {shown.plural(total, 'step')} done"
    return {
        "never": "No run yet",
        "refused": "The last run could not start",
        "interrupted": "The last run was cut off",
        "stuck": f"{shown.plural(stuck, 'step')} {'is' if stuck == 1 else 'are'} stuck",
        "failed": "The last run did not do everything",
        "well": "Everything is as the registry says",
    }[status["state"]]


def _sums(kinds: Mapping[str, Mapping[str, int]]) -> dict[str, int]:
    found: dict[str, int] = {}
    for states in kinds.values():
        for state, count in states.items():
            found[state] = found.get(state, 0) + count
    return {state: found[state] for state in ALONG if found.get(state)}


def _bad(states: Mapping[str, int]) -> int:
    return sum(states.get(state, 0) for state in BAD)


def _columns(kinds: Mapping[str, Mapping[str, int]]) -> list[str]:
    """Return the states that a table of kinds has columns for: done, and what there is."""
    present = {state for states in kinds.values() for state in states}
    return [state for state in ALONG if state == "done" or state in present]


def _bar(states: Mapping[str, int]) -> Iterator[tuple[str, float, float]]:
    total, x = sum(states.values()), 0.0
    for state in ALONG:
        if states.get(state):
            width = 100 * states[state] / total
            yield state, round(x, 2), round(width, 2)
            x += width


def _states_in(nodes: Iterable[Any]) -> list[str]:
    present = {state for node in nodes for state in (*node.counts, node.state)}
    return [state for state in ALONG if state in present]


def _anchor(name: str) -> str:
    return "o-" + quote(name, safe="")


def _project_link(links: Mapping[str, str], name: str) -> str | None:
    return http_url(project_links(links, name).get("gerrit"))
