"""YAML that reads back as what it was written from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import yaml


def items_text(items: Sequence[Mapping[str, Any]]) -> str:
    """Return a list of mappings as YAML, one item after the other."""
    return "".join(item_text(item) or "" for item in items) or "[]\n"


def item_text(item: Mapping[str, Any]) -> str | None:
    """Return one item of a list as YAML that reads back the same, ``None`` when none does."""
    for readable in (True, False):
        text = yaml.safe_dump(
            [dict(item)],
            sort_keys=False,
            allow_unicode=readable,
            default_flow_style=False,
            width=10**9,
        )
        if _reads_back(text, item):
            return text
    return None


def _reads_back(text: str, item: Mapping[str, Any]) -> bool:
    try:
        return bool(yaml.safe_load(text.encode()) == [dict(item)])
    except (yaml.YAMLError, UnicodeEncodeError):
        return False
