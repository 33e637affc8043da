"""What a run came to: the report, its exit status, and the texts made from it."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from saltern.report.exit import EXITS, exit_status
    from saltern.report.report import Report, unfinished

__all__ = ["EXITS", "Report", "exit_status", "unfinished"]

_HOMES = {
    "EXITS": "exit",
    "exit_status": "exit",
    "Report": "report",
    "unfinished": "report",
}


def __getattr__(name: str) -> Any:
    # A check renders findings and needs nothing of runs: what is asked for is imported.
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
