"""The expressions of submit requirements and copy conditions.

Gerrit's search grammar (documentation: user-search, config-submit-requirements): terms
``operator:value``, joined by ``AND``, ``OR`` or nothing, negated by ``NOT`` or ``-``, grouped
by parentheses; a value is a word, ``"a phrase"`` or ``{a phrase}``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

_TOKEN = re.compile(
    r"""[ \r\t\n]+
    | (?P<mark>[():-])
    | (?P<phrase>"(?:\\.|[^"\\])*"|\{(?:\\.|[^{}\\])*\})
    | (?P<word>[^\x00-\x20!"$%'()\-:;?\[\]{}][^\x00-\x20!"$%'():;?\[\]{}]*)""",
    re.VERBOSE | re.DOTALL,
)
_OPERATOR = r"[a-z_]+(?:-[a-z_]+)*"
_JOINS = {"AND", "and", "OR", "or"}
_NOT = {"NOT", "not", "-"}


class ExpressionError(ValueError):
    """The text is no expression; ``str(error)`` says why."""


class Term(NamedTuple):
    """``operator:value``; the value without its quotes."""

    operator: str
    value: str


def parse(text: str) -> list[Term]:
    """Return the terms of an expression. Raises :class:`ExpressionError`."""
    tokens = [*_tokens(text), ("end", "")]
    terms: list[Term] = []
    at = depth = 0
    wanted, last = True, ""
    while tokens[at][0] != "end":
        kind, word = tokens[at]
        if word in _NOT and kind != "phrase":
            if last in _NOT:
                raise ExpressionError(f"two negations in a row: {last} {word}; keep one")
            wanted, at = True, at + 1
        elif kind == "word" and word in _JOINS:
            _refuse_missing(wanted, last, word)
            wanted, at = True, at + 1
        elif word in ("(", ")") and kind == "mark":
            depth += 1 if word == "(" else -1
            _refuse_parenthesis(word, wanted, depth)
            wanted, at = word == "(", at + 1
        else:
            term, at = _term(tokens, at)
            terms.append(term)
            wanted = False
            word = term.operator
        last = word
    _refuse_missing(wanted, last, "the end")
    if depth:
        raise ExpressionError("a '(' is not closed; add a ')'")
    return terms


def _tokens(text: str) -> Iterator[tuple[str, str]]:
    at = 0
    while at < len(text):
        match = _TOKEN.match(text, at)
        if not match:
            where = text[at : at + 20]
            what = "close the quote" if where[0] in '"{' else "put it in double quotes"
            raise ExpressionError(f"cannot be read from {where!r} on; {what}")
        if match.lastgroup:
            yield match.lastgroup, match.group()
        at = match.end()


def _term(tokens: list[tuple[str, str]], at: int) -> tuple[Term, int]:
    kind, word = tokens[at]
    after = tokens[at + 1]
    if kind != "word" or after != ("mark", ":") or not re.fullmatch(_OPERATOR, word):
        raise ExpressionError(f"{word[:40]!r} has no operator; write OPERATOR:VALUE")
    value, at = "", at + 2
    while tokens[at][0] == "word" and tokens[at + 1] == ("mark", ":"):
        value += tokens[at][1] + ":"
        at += 2
    kind, last = tokens[at]
    if kind not in ("word", "phrase") or (kind == "word" and last in _JOINS | _NOT):
        raise ExpressionError(f"{word}: has no value; write {word[:40]}:VALUE")
    return Term(word, value + (last[1:-1] if kind == "phrase" else last)), at + 1


def _refuse_missing(wanted: bool, last: str, here: str) -> None:
    if wanted:
        before = f" after {last!r}" if last else ""
        raise ExpressionError(f"a term is missing{before} before {here}; add one")


def _refuse_parenthesis(word: str, wanted: bool, depth: int) -> None:
    if depth < 0:
        raise ExpressionError("a ')' closes nothing, and what follows it is ignored; remove it")
    if word == ")" and wanted:
        raise ExpressionError("a term is missing before ')'; add one")
