"""The value of a permission: ``[deny|block|...] [+force] [-2..+2] group NAME``."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

ACTIONS = ("deny", "block", "interactive", "batch")
_RANGE = re.compile(r"([+-]?[0-9]+)\.\.([+-]?[0-9]+)")
_GROUP = "group "


class RuleError(ValueError):
    """The text is not a rule; ``str(error)`` says why and what to write."""


class Rule(NamedTuple):
    """One rule. ``action`` is empty for "allow"; ``low`` and ``high`` are 0 without a range."""

    action: str
    force: bool
    low: int
    high: int
    group: str
    ranged: bool = False

    def __str__(self) -> str:
        words = [self.action] if self.action else []
        words += ["+force"] if self.force else []
        words += [f"{self.low:+d}..{self.high:+d}"] if self.low or self.high else []
        return " ".join([*words, f"group {self.group}"])


@lru_cache(maxsize=32768)
def parse_rule(text: str, ranged: bool) -> Rule:
    """Return the rule that Gerrit reads in ``text``.

    ``ranged``: whether the permission may carry a range of votes. Raises :class:`RuleError`.
    """
    action, rest = _action(text.strip())
    force = rest.startswith("+force ")
    if force:
        rest = rest[len("+force ") :].strip()
    low = high = 0
    has_range = ranged and not rest.startswith(_GROUP)
    if has_range:
        low, high, rest = _range(rest, text)
    if not rest.startswith(_GROUP) or not rest[len(_GROUP) :].strip():
        raise RuleError(f"{text[:80]!r} {_no_group(rest)}")
    return Rule(action, force, low, high, rest[len(_GROUP) :].strip(), has_range)


def _action(text: str) -> tuple[str, str]:
    for action in ACTIONS:
        if text.startswith(action + " "):
            return action, text[len(action) + 1 :].strip()
    return "", text


def _range(rest: str, text: str) -> tuple[int, int, str]:
    word, _, after = rest.partition(" ")
    match = _RANGE.fullmatch(word)
    if not match or len(word) > 20:
        group = rest[rest.find(_GROUP) :] if _GROUP in rest else "group NAME"
        raise RuleError(f"{text[:80]!r} has no range of votes; write '-1..+1 {group[:80]}'")
    low, high = int(match[1]), int(match[2])
    if low > high:
        raise RuleError(f"range {word!r} is upside down; write '{match[2]}..{match[1]}'")
    return low, high, after.strip()


def _no_group(rest: str) -> str:
    """Return what is wrong with a rule in which no group stands where it belongs."""
    before, found, name = rest.partition(_GROUP)
    if found and name.strip():
        return f"has {before.strip()!r} before the group; write 'group {name.strip()[:80]}'"
    named = rest.removeprefix("group").strip() or "NAME"
    return f"names no group; write 'group {named[:80]}'"


def group_in(value: str | None) -> str | None:
    """Return NAME when ``value`` is ``group NAME``, else ``None``."""
    if value is None or not value.startswith(_GROUP):
        return None
    return value[len(_GROUP) :].strip() or None
