"""The page's files: whole at any moment, readable by a web server, stable in form."""

from __future__ import annotations

import json
import os
import subprocess

import pytest
import yaml
from click.testing import CliRunner
from situations import begin, end, look, names, origin, steps, stuck

from saltern.cli import main
from saltern.journal import Journal
from saltern.journal_read import view
from saltern.report.page import SCHEMA_VERSION, write_pages
from saltern.report.page.data import status
from saltern.report.report import retry_command


def test_reader_never_sees_half_a_file(tmp_path):
    """Who began to read a file reads it to its end, though a new one took its place."""
    journal = stuck(tmp_path / "journal.sqlite")
    directory = tmp_path / "page"
    write_pages(tmp_path / "journal.sqlite", directory, origin())
    paths = [path for path in directory.rglob("*") if path.suffix in (".html", ".json", ".prom")]
    old = {path: path.read_text() for path in paths}
    readers = {path: path.open(encoding="utf-8", buffering=1) for path in paths}
    begun = {path: reader.read(1) for path, reader in readers.items()}
    end(journal, begin(journal, "another run", [], look(names(1))), "done")
    journal.close()
    write_pages(tmp_path / "journal.sqlite", directory, origin())
    for path, reader in readers.items():
        assert begun[path] + reader.read() == old[path], path.name
        reader.close()
    assert (directory / "index.html").read_text() != old[directory / "index.html"]


def test_files_are_for_everybody_to_read_and_no_scrap_is_left(page):
    """A web server of another user may read every file; no temporary one stays."""
    for path in page("stuck").rglob("*"):
        if path.is_file():
            assert path.stat().st_mode & 0o777 == 0o644, path.name
            assert not path.name.startswith(".")


@pytest.mark.parametrize("situation", ["stuck", "running", "large"])
def test_pages_stay_small(page, situation):
    """Every page is under a megabyte, with 2,500 projects too."""
    sizes = {path.name: path.stat().st_size for path in page(situation).rglob("*.html")}
    assert {name: size for name, size in sizes.items() if size > 1_000_000} == {}
    assert sizes["index.html"] < 60_000


def test_status_document_has_the_promised_form(page):
    """The keys that docs/status-page.md promises, under the promised version."""
    found = json.loads((page("stuck") / "status.json").read_text())
    assert found["schema_version"] == SCHEMA_VERSION == 1
    assert found.keys() == {
        "schema_version",
        "saltern",
        "generated",
        "state",
        "registry",
        "running",
        "last",
        "last_success",
        "stuck",
        "runs",
        "projects",
        "groups",
        "findings",
        "drift",
    }
    assert found["stuck"][0].keys() >= {"key", "kind", "name", "state", "code", "reason"}
    assert found["stuck"][0].keys() >= {"since", "attempts", "run", "retry"}
    assert found["runs"][0].keys() >= {"id", "status", "started", "finished", "seconds", "cause"}
    assert found["runs"][0].keys() >= {"commit", "link", "changes", "counts", "reason", "page"}


def test_no_journal_yet_is_a_page_that_says_so(tmp_path):
    """Before the first run there is a page too."""
    found = write_pages(tmp_path / "none.sqlite", tmp_path / "page", origin())
    assert found["state"] == "never"
    assert "No run yet" in (tmp_path / "page/index.html").read_text()
    assert not (tmp_path / "none.sqlite").exists()


def test_run_whose_process_died_is_not_shown_as_running(tmp_path):
    """A killed run is told as cut off, though nobody could close it in the journal."""
    journal = Journal(tmp_path / "journal.sqlite")
    run = begin(journal, "timer", steps(names(2)), look(names(2)))
    ended = subprocess.Popen(["true"])
    ended.wait()
    with journal._transaction() as db:
        db.execute("UPDATE runs SET pid = ? WHERE id = ?", (ended.pid, run))
    with view(tmp_path / "journal.sqlite") as seen:
        assert status(seen, origin())["state"] == "interrupted"
    with journal._transaction() as db:
        db.execute("UPDATE runs SET pid = ? WHERE id = ?", (os.getpid(), run))
    with view(tmp_path / "journal.sqlite") as seen:
        assert status(seen, origin())["state"] == "running"
    journal.close()


def test_command_writes_the_page(tmp_path):
    """`saltern page --output DIR` needs the settings file and the journal, nothing else."""
    stuck(tmp_path / "state/journal.sqlite").close()
    settings = {
        "registry": {"project": "my/config"},
        "converge": {"state_dir": str(tmp_path / "state")},
    }
    (tmp_path / "saltern.yaml").write_text(yaml.safe_dump(settings))
    words = [
        "--settings",
        str(tmp_path / "saltern.yaml"),
        "page",
        "--output",
        str(tmp_path / "out"),
    ]
    done = CliRunner().invoke(main, words)
    assert done.exit_code == 0, done.output
    assert "5 steps are stuck" in (tmp_path / "out/index.html").read_text()
    assert "my/config" in (tmp_path / "out/index.html").read_text()


@pytest.mark.parametrize(
    "key",
    [
        "access:a/b",
        "access:it's",
        'project:$(touch x) `y` "z" \\',
        "group:a\nb\x1b[31m\u202e",
        "g:é'",
    ],
)
def test_retry_command_is_one_word_to_a_shell(key):
    """Whatever the key holds, a pasted command runs salt-run with exactly that key."""
    command = retry_command(key)
    assert command.isprintable()
    script = f'salt-run() {{ printf "%s|" "$@"; }}; {command}'
    done = subprocess.run(["bash", "-c", script], capture_output=True, check=True)
    assert done.stdout.decode() == f"projects.retry|{key}|"
