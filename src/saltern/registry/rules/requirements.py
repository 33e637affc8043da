"""Checks of the expressions that decide on submitting and on keeping votes."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator

from saltern.registry.acl import AclDocument
from saltern.registry.findings import ACCESS, Position
from saltern.registry.rules.base import ACL, rule
from saltern.registry.rules.expression import ExpressionError, Term, parse
from saltern.registry.rules.suggest import meant
from saltern.registry.rules.view import view
from saltern.registry.rules.words import one_of
from saltern.registry.vocabulary import (
    CHANGE_KINDS,
    CONDITION_OPERATORS,
    CONDITION_VOTES,
    EXPRESSION_OPERATORS,
)
from saltern.settings import CheckSettings, RegistrySettings

Lines = Iterator[tuple[Position, str]]

EXPRESSIONS = ("applicableif", "submittableif", "overrideif")
_NO_OPERATOR = "; Gerrit's documentation (searching changes) lists the operators"
_ASKS_FOR_ONE = ("add one", "write OPERATOR:VALUE")
_NUMBER = r"[+-]?[0-9]{1,5}"


@rule("SLT045", ACL, about=("submit-requirement",), blocks=ACCESS, policy=True)
def bad_expression(document: AclDocument, check: CheckSettings) -> Lines:
    """A submit requirement whose expression does not parse or has an unknown operator.

    Why: Gerrit refuses the push: "Expression ... of submit requirement ... is invalid". An
    operator with ``_`` in it counts as a plugin's; ``operators`` names more.
    Example: ``submittableIf = label:Verified=MAX AND``
    Instead: ``submittableIf = label:Verified=MAX AND -label:Verified=MIN``
    """
    for entry in view(document).sections.get("submit-requirement", ()):
        if entry.key.lower() not in EXPRESSIONS:
            continue
        reason = _problem(entry.value or "", check.operators) if entry.value else None
        if reason:
            yield document.place(entry), f"{entry.key}: {_such_as(reason, 'label:Verified=MAX')}"


def _such_as(reason: str, example: str) -> str:
    return f"{reason}, such as {example}" if reason.endswith(_ASKS_FOR_ONE) else reason


def _problem(text: str, operators: Collection[str]) -> str | None:
    try:
        terms = parse(text)
    except ExpressionError as error:
        return str(error)
    for term in terms:
        known = term.operator in EXPRESSION_OPERATORS or term.operator in operators
        if not known and "_" not in term.operator:
            hint = meant(term.operator, EXPRESSION_OPERATORS) or _NO_OPERATOR
            return f"unknown operator {term.operator[:40]!r}{hint}"
        if term == Term("is", "submittable"):
            return "is:submittable asks for what this line decides; remove it"
    return None


@rule("SLT046", ACL, about=("label.copycondition",))
def bad_copy_condition(document: AclDocument, settings: RegistrySettings) -> Lines:
    """A ``copyCondition`` that does not parse or asks for what does not exist.

    Why: Gerrit takes the push, and drops every vote where the condition should have kept it.
    Example: ``copyCondition = changekind:TRIVIAL_REBSE``
    Instead: ``copyCondition = changekind:TRIVIAL_REBASE OR is:MIN``
    """
    for entry in view(document).sections.get("label", ()):
        if entry.key.lower() == "copycondition" and entry.value:
            reason = _condition_problem(entry.value)
            if reason:
                yield document.place(entry), f"copyCondition: {_such_as(reason, 'is:MIN')}"


def _condition_problem(text: str) -> str | None:
    try:
        terms = parse(text)
    except ExpressionError as error:
        return str(error)
    for term in terms:
        if term.operator not in CONDITION_OPERATORS and "_" not in term.operator:
            hint = meant(term.operator, CONDITION_OPERATORS) or _NO_OPERATOR
            return f"unknown operator {term.operator[:40]!r}{hint}"
        reason = _value_problem(term)
        if reason:
            return reason
    return None


def _value_problem(term: Term) -> str | None:
    word = term.value.upper().replace("-", "_")
    if term.operator == "changekind" and word not in CHANGE_KINDS:
        hint = meant(word, CHANGE_KINDS) or f"; write {one_of(CHANGE_KINDS)}"
        return f"unknown kind of change {term.value[:40]!r}{hint}"
    is_vote = word in CONDITION_VOTES or re.fullmatch(_NUMBER, term.value.strip())
    if term.operator == "is" and not is_vote:
        words = ", ".join(f"is:{each}" for each in CONDITION_VOTES)
        return f"is:{term.value[:40]} is no vote; write {words} or is:NUMBER"
    return None
