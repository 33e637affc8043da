"""A page of each situation, and a browser to look at it with."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from browser import Browser, find
from situations import SITUATIONS, origin

from saltern.report.page import write_pages


@pytest.fixture(scope="session")
def page(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """``page(situation)``: the directory of its page, written once."""
    written: dict[str, Path] = {}

    def of(situation: str) -> Path:
        if situation not in written:
            root = tmp_path_factory.mktemp(situation)
            journal = SITUATIONS[situation](root / "journal.sqlite")
            write_pages(root / "journal.sqlite", root / "page", origin())
            journal.close()
            written[situation] = root / "page"
        return written[situation]

    return of


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """A real browser; without one these tests are skipped, and say so."""
    program = find()
    if program is None:
        pytest.skip(
            "NO BROWSER: the status page was not looked at. Install chromium-headless-shell "
            "(requirements/get-browser does), or name one in CHROMIUM"
        )
    browser = Browser(program)
    try:
        yield browser
    finally:
        browser.close()
