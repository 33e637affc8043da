"""The page's files: all of them for one state of the journal, each put in place at once."""

from __future__ import annotations

import contextlib
import json
import os
import re
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from saltern.errors import Broken
from saltern.journal_read import JournalView, view
from saltern.report.metrics import metrics
from saltern.report.page.data import Origin, project_rows, run_document, status
from saltern.report.page.graph import picture
from saltern.report.page.render import LIVE, index_page, projects_page, run_page

RUN_PAGE = re.compile(r"[0-9]{8}T[0-9]{6}Z-[0-9a-f]{6}\.html")


def write_pages(
    journal: Path, directory: Path, origin: Origin, *, anew: bool = True
) -> dict[str, Any]:
    """Write every page, ``status.json``, ``projects.json`` and ``metrics.prom``.

    Without ``anew`` the page of a run that was written after the run's end stays as it is.
    Pages of runs that are no longer among the latest are removed. Returns the status document.
    Raises :class:`Broken` when the journal cannot be read or a file not be written.
    """
    with view(journal) as seen, _told(directory):
        found = status(seen, origin)
        look = seen.look("registry") or {}
        rows = project_rows(look, found["stuck"])
        put(directory / "projects.json", _json({"schema_version": 1, "projects": rows}))
        put(directory / "projects.html", projects_page(found, rows, origin.links))
        for run in found["runs"]:
            if anew or not _final(directory / run["page"], run):
                document = run_document(seen, run)
                put(directory / run["page"], run_page(found, document, picture(document["steps"])))
        _write_status(seen, found, rows, directory)
        _prune(directory / "runs", {Path(run["page"]).name for run in found["runs"]})
    return found


def write_running(journal: Path, directory: Path, origin: Origin) -> None:
    """Write what changes while a run is under way: the status page and that run's own."""
    with view(journal) as seen, _told(directory):
        found = status(seen, origin)
        look = seen.look("registry") or {}
        _write_status(seen, found, project_rows(look, found["stuck"]), directory)


def _write_status(
    seen: JournalView, found: Mapping[str, Any], rows: list[dict[str, Any]], directory: Path
) -> None:
    run = found["running"] or next((run for run in found["runs"] if run["counts"]), None)
    document = run_document(seen, run) if run else None
    drawn = picture(document["steps"]) if document else None
    # What others link to or tell of comes first.
    if found["running"] and document:
        put(directory / document["page"], run_page(found, document, drawn))
    put(directory / "live.html", index_page(found, document, drawn, rows, reload=LIVE))
    put(directory / "index.html", index_page(found, document, drawn, rows))
    put(directory / "metrics.prom", metrics(seen, found))
    put(directory / "status.json", _json(found))


def put(path: Path, text: str) -> None:
    """Write ``path`` such that a reader sees the old text or the new one, never a part."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(handle, "w", encoding="utf-8", errors="backslashreplace") as file:
            file.write(text)
        # A web server of another user reads it; mkstemp lets only its owner.
        os.chmod(name, 0o644)
        os.replace(name, path)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(name)
        raise


def _final(path: Path, run: Mapping[str, Any]) -> bool:
    try:
        return run["finished"] is not None and path.stat().st_mtime > run["finished"]
    except FileNotFoundError:
        return False


def _prune(directory: Path, keep: set[str]) -> None:
    if directory.is_dir():
        for path in directory.iterdir():
            if RUN_PAGE.fullmatch(path.name) and path.name not in keep:
                path.unlink(missing_ok=True)


def _json(data: Mapping[str, Any]) -> str:
    return json.dumps(data) + "\n"


@contextlib.contextmanager
def _told(directory: Path) -> Iterator[None]:
    """Make ``directory`` and name it in the error of whatever cannot be written."""
    try:
        directory.mkdir(parents=True, exist_ok=True)
        yield
    except OSError as error:
        raise Broken(f"{directory}: cannot write the page: {error}", code="page") from error
