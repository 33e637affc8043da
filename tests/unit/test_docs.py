"""The documentation names what the code has."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import pytest

from saltern import settings

ADMIN = Path(__file__).parents[2] / "docs" / "admin.md"
GROUPS = (
    settings.RegistrySettings,
    settings.GerritSettings,
    settings.MirrorSettings,
    settings.ConvergeSettings,
)


@pytest.mark.parametrize("group", GROUPS, ids=lambda group: group.__name__)
def test_settings_are_all_in_the_admin_guide(group):
    """A setting that is not documented fails here."""
    text = ADMIN.read_text()
    missing = [field.name for field in fields(group) if f"`{field.name}`" not in text]
    assert not missing
