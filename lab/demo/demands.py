"""What the story says must be so."""

from __future__ import annotations

from typing import Any


class StoryError(RuntimeError):
    """Something is not as the story says it must be."""


def demand(condition: Any, otherwise: str) -> None:
    """Raise :class:`StoryError` with ``otherwise`` unless ``condition`` holds."""
    if not condition:
        raise StoryError(otherwise)
