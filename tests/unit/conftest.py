"""Fixtures of the unit tests."""

from __future__ import annotations

from pathlib import Path

import pytest

from saltern.journal import Journal


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    """An empty journal."""
    journal = Journal(tmp_path / "journal.sqlite")
    yield journal
    journal.close()
