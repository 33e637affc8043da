"""How a rule is declared and found."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any

from saltern.registry.acl import AclDocument
from saltern.registry.findings import ERROR
from saltern.registry.lookup import AclLookup
from saltern.registry.source import Source
from saltern.registry.yamlfile import RawEntry
from saltern.settings import CheckSettings, RegistrySettings

if TYPE_CHECKING:
    from saltern.registry.known import Known

ENTRY = "entry"
LOOKUP = "lookup"
ACL = "acl"
REGISTRY = "registry"
GROUPS = "groups"


@dataclass(frozen=True)
class Rule:
    """One check: ``code``, ``severity``, what it ``blocks``, its ``scope`` and its function.

    ``policy``: it is given :class:`CheckSettings` in place of :class:`RegistrySettings`.
    ``about``: it has nothing to say where none of these words stand (empty: it may always have);
    the words of an entry are its keys, those of an ACL its sections and ``section.key``.
    """

    code: str
    severity: str
    blocks: str | None
    scope: str
    check: Callable[..., Iterable[Any]]
    policy: bool = False
    about: frozenset[str] = frozenset()

    @property
    def page(self) -> str:
        """Return the four-part docstring."""
        return self.check.__doc__ or ""


@dataclass(frozen=True, eq=False)
class Collected:
    """What rules about the whole registry are given.

    ``entries``: every entry with a usable name, first of each name only, by name;
    ``repeated``: the later ones; ``parents``: project to parent; ``documents``: project to
    its parsed ACL; ``order``: all entries with a usable name in file order; ``lookups``:
    project to what became of its ACL; ``text``: the projects file; ``source``: the other files;
    ``server``: what Gerrit has, ``None`` when nobody asked it; ``shared``: what one rule worked out
    and another needs too.
    """

    entries: Mapping[str, RawEntry]
    repeated: Sequence[RawEntry]
    parents: Mapping[str, str]
    documents: Mapping[str, AclDocument]
    order: Sequence[RawEntry] = ()
    lookups: Mapping[str, AclLookup] = field(default_factory=dict)
    text: str = ""
    source: Source | None = None
    settings: RegistrySettings = field(default_factory=RegistrySettings)
    check: CheckSettings = field(default_factory=CheckSettings)
    server: Known | None = None
    shared: dict[str, Any] = field(default_factory=dict)


_RULES: dict[str, Rule] = {}


def rule(
    code: str,
    scope: str,
    *,
    severity: str = ERROR,
    blocks: str | None = None,
    policy: bool = False,
    about: Iterable[str] = (),
) -> Callable[[Callable[..., Iterable[Any]]], Callable[..., Iterable[Any]]]:
    """Declare the decorated function as the check ``code``."""

    def declare(check: Callable[..., Iterable[Any]]) -> Callable[..., Iterable[Any]]:
        if code in _RULES:
            raise ValueError(f"{code} is declared twice")
        _RULES[code] = Rule(code, severity, blocks, scope, check, policy, frozenset(about))
        return check

    return declare


def all_rules() -> tuple[Rule, ...]:
    """Return every rule, by code."""
    return tuple(_RULES[code] for code in sorted(_RULES))


@cache
def rules_for(scope: str) -> tuple[Rule, ...]:
    """Return the rules of one scope, by code."""
    return tuple(r for r in all_rules() if r.scope == scope)
