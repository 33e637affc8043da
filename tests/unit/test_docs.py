"""The documentation names what the code has."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path

import pytest

from saltern import settings
from saltern.stream import StreamSettings

ADMIN = Path(__file__).parents[2] / "docs" / "admin.md"
GROUPS = (
    settings.RegistrySettings,
    settings.GerritSettings,
    settings.MirrorSettings,
    settings.ConvergeSettings,
    settings.ReviewSettings,
    StreamSettings,
)


@pytest.mark.parametrize("group", GROUPS, ids=lambda group: group.__name__)
def test_settings_are_all_in_the_admin_guide(group):
    """A setting that is not documented fails here."""
    text = ADMIN.read_text()
    words = set(re.findall(r"[a-z_]+", text))
    missing = [field.name for field in fields(group) if field.name not in words]
    assert not missing
