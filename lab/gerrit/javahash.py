"""The order in which the real server shows what it keeps in hash maps."""

from __future__ import annotations

from .labelconfig import SubmitRequirement

_MASK = 0xFFFFFFFF
_FACTOR = 1000003


def text_hash(text: str) -> int:
    """The hash of a string as Java computes it, unsigned."""
    value = 0
    for char in text:
        value = (31 * value + ord(char)) & _MASK
    return value


def _combined(*hashes: int) -> int:
    value = 1
    for each in hashes:
        value = ((value * _FACTOR) & _MASK) ^ each
    return value


def _expression(text: str | None) -> int:
    return _combined(text_hash(text)) if text else 0


def bucket(value: int, size: int = 16) -> int:
    """The place of a hash in a small hash map."""
    return (value ^ (value >> 16)) & (size - 1)


def requirement_bucket(each: SubmitRequirement) -> int:
    """The place of a submit requirement among a handful of others."""
    return bucket(
        _combined(
            text_hash(each.name),
            text_hash(each.description) if each.description else 0,
            _expression(each.applicable),
            _combined(text_hash(each.submittable)),
            _expression(each.override),
            1231 if each.overridable else 1237,
        )
    )
