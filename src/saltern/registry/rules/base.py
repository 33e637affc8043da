"""How a rule is declared and found."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from saltern.registry.acl import AclDocument
from saltern.registry.findings import ERROR
from saltern.registry.yamlfile import RawEntry

ENTRY = "entry"
LOOKUP = "lookup"
ACL = "acl"
REGISTRY = "registry"


@dataclass(frozen=True)
class Rule:
    """One check: ``code``, ``severity``, what it ``blocks``, its ``scope`` and its function."""

    code: str
    severity: str
    blocks: str | None
    scope: str
    check: Callable[..., Iterable[Any]]

    @property
    def page(self) -> str:
        """Return the four-part docstring."""
        return self.check.__doc__ or ""


@dataclass(frozen=True)
class Collected:
    """What rules about the whole registry are given.

    ``entries``: every entry with a usable name, first of each name only, by name;
    ``repeated``: the later ones; ``parents``: project to parent; ``documents``: project to
    its parsed ACL.
    """

    entries: Mapping[str, RawEntry]
    repeated: Sequence[RawEntry]
    parents: Mapping[str, str]
    documents: Mapping[str, AclDocument]


_RULES: dict[str, Rule] = {}


def rule(
    code: str, scope: str, *, severity: str = ERROR, blocks: str | None = None
) -> Callable[[Callable[..., Iterable[Any]]], Callable[..., Iterable[Any]]]:
    """Declare the decorated function as the check ``code``."""

    def declare(check: Callable[..., Iterable[Any]]) -> Callable[..., Iterable[Any]]:
        if code in _RULES:
            raise ValueError(f"{code} is declared twice")
        _RULES[code] = Rule(code, severity, blocks, scope, check)
        return check

    return declare


def all_rules() -> tuple[Rule, ...]:
    """Return every rule, by code."""
    return tuple(_RULES[code] for code in sorted(_RULES))


@cache
def rules_for(scope: str) -> tuple[Rule, ...]:
    """Return the rules of one scope, by code."""
    return tuple(r for r in all_rules() if r.scope == scope)
