"""Which rules are applied, and how severely: what :class:`CheckSettings` asks for."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from saltern.errors import Broken
from saltern.registry.findings import ERROR, PROJECT, WARNING
from saltern.registry.rules.base import LOOKUP, Rule, all_rules
from saltern.settings import CheckSettings


def selected(check: CheckSettings) -> Mapping[str, tuple[Rule, ...]]:
    """Return the rules of each scope, with the severity that the settings give them.

    Raises :class:`Broken` for a code or severity that is not known, a pattern that does not
    compile, and a rule that must not be left out: one that keeps a project or the search for
    its ACL from going wrong.
    """
    _refuse_mistakes(check)
    scopes: dict[str, list[Rule]] = {}
    for rule in all_rules():
        if rule.code not in check.ignore:
            scopes.setdefault(rule.scope, []).append(_rated(rule, check))
    return {scope: tuple(rules) for scope, rules in scopes.items()}


def _rated(rule: Rule, check: CheckSettings) -> Rule:
    """Return the rule with its severity; what is lowered to a warning holds nothing up."""
    severity = check.severity.get(rule.code, rule.severity)
    blocks = rule.blocks if severity == rule.severity else None
    return replace(rule, severity=severity, blocks=blocks, check=_bound(rule, check))


def _bound(rule: Rule, check: CheckSettings) -> Callable[..., Iterable[Any]]:
    if not rule.policy:
        return rule.check

    def judged(subject: Any, settings: Any) -> Iterable[Any]:
        return rule.check(subject, check)

    return judged


def _refuse_mistakes(check: CheckSettings) -> None:
    rules = {rule.code: rule for rule in all_rules()}
    for code in (*check.ignore, *check.severity):
        if code not in rules:
            raise Broken(f"check: there is no rule {code!r}; see 'saltern rule'", code="settings")
    lowered = [c for c, severity in check.severity.items() if severity != ERROR]
    for code in (*check.ignore, *lowered):
        if is_fixed(rules[code]):
            raise Broken(f"check: {code} holds projects up and stays an error", code="settings")
    for code, severity in check.severity.items():
        if severity not in (ERROR, WARNING):
            raise Broken(f"check: severity of {code} is error or warning", code="settings")
    for name, pattern in _patterns(check):
        try:
            re.compile(pattern)
        except re.error as error:
            raise Broken(f"check: {name}: {error}", code="settings") from error


def is_fixed(rule: Rule) -> bool:
    """Return whether a rule can be neither ignored nor lowered to a warning.

    What only holds up an ACL is for Gerrit to judge in the end, so that may be overruled.
    """
    return rule.blocks == PROJECT or (rule.blocks is not None and rule.scope == LOOKUP)


def _patterns(check: CheckSettings) -> Iterator[tuple[str, str]]:
    yield "core_groups", check.core_groups
    yield "name_pattern", check.name_pattern
