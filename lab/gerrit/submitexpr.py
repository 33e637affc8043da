"""Submit-requirement expressions and copy conditions: parsed, checked, evaluated."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field

from .wording import words

OPERATORS = words(
    "label has is branch project message author authoremail committer committeremail uploader "
    "uploaderemail distinctvoters file status topic hashtag change ref owner ownerin "
    "uploaderin subject footer rule age before after parentof submissionid added deleted "
    "delta size reviewer cc reviewerin destination repo p b f l"
)
_CONDITION_OPERATORS = ("is", "changekind", "has", "approverin", "uploaderin")
_IS_VALUES = ("ANY", "MAX", "MIN", "NEGATIVE", "POSITIVE")
_TOKEN = re.compile(r'\s*(\(|\)|-(?=\S)|(?:[^\s()"{]|"[^"]*"|\{[^}]*\})+)')


class ExpressionError(ValueError):
    """An expression that does not parse, in the real server's words."""


@dataclass
class Node:
    """``kind`` is and, or, not or atom; an atom has ``text``, ``operator`` and ``value``."""

    kind: str
    children: list[Node] = field(default_factory=list)
    text: str = ""
    operator: str = ""
    value: str = ""

    def atoms(self) -> list[Node]:
        """All atoms, left to right."""
        return [self] if self.kind == "atom" else [a for c in self.children for a in c.atoms()]


def parse(text: str) -> Node | None:
    """An expression as a tree, None if empty; ExpressionError if it does not parse."""
    tokens = _TOKEN.findall(text)
    if not tokens:
        return None
    parser = _Parser(tokens, text)
    node = parser.alternatives()
    if parser.at < len(tokens):
        raise ExpressionError(f"line 1:{text.find(')')} no viable alternative at input ')'")
    return node


class _Parser:
    def __init__(self, tokens: list[str], text: str):
        self.tokens, self.text, self.at = tokens, text, 0

    def peek(self) -> str | None:
        return self.tokens[self.at] if self.at < len(self.tokens) else None

    def alternatives(self) -> Node:
        nodes = [self.conjunction()]
        while (self.peek() or "").upper() == "OR":
            self.at += 1
            nodes.append(self.conjunction())
        return nodes[0] if len(nodes) == 1 else Node("or", nodes)

    def conjunction(self) -> Node:
        nodes = [self.term()]
        while self.peek() is not None and self.peek() != ")" and self.peek().upper() != "OR":
            if self.peek().upper() == "AND":
                self.at += 1
            nodes.append(self.term())
        return nodes[0] if len(nodes) == 1 else Node("and", nodes)

    def term(self) -> Node:
        word = self.peek()
        if word is None:
            raise ExpressionError(f"line 1:{len(self.text)} no viable alternative at input '<EOF>'")
        self.at += 1
        if word == "-" or word.upper() == "NOT":
            return Node("not", [self.term()])
        if word == "(":
            inner = self.alternatives()
            if self.peek() != ")":
                raise ExpressionError(
                    f"line 1:{len(self.text)} mismatched input '<EOF>' expecting ')'"
                )
            self.at += 1
            return inner
        operator, colon, value = word.partition(":")
        if not colon:
            operator, value = "", word
        return Node("atom", [], word, operator.lower(), unquote(value))


def unquote(value: str) -> str:
    """A value without its quotes or braces."""
    if len(value) >= 2 and (value[0], value[-1]) in (('"', '"'), ("{", "}")):
        return value[1:-1]
    return value


def check_expression(text: str, find_group: Callable[[str], str | None]) -> None:
    """ExpressionError if a submit requirement may not have this expression."""
    tree = parse(text)
    for atom in tree.atoms() if tree else []:
        if atom.operator not in OPERATORS:
            raise ExpressionError(f"Unsupported operator {atom.text}")
        if atom.operator == "label":
            match = re.search(r"\bgroup=([^,]+)", atom.value)
            if match and find_group(match[1]) is None:
                raise ExpressionError(f"Group {match[1]} not found")


def check_condition(text: str) -> None:
    """ExpressionError if a label may not have this copy condition."""
    tree = parse(text)
    for atom in tree.atoms() if tree else []:
        if atom.operator not in _CONDITION_OPERATORS:
            raise ExpressionError(f"Unsupported operator {atom.text}")
        number = re.fullmatch(r"[+-]?\d+", atom.value)
        if atom.operator == "is" and not number and atom.value.upper() not in _IS_VALUES:
            raise ExpressionError(
                f"{atom.value} is not a valid value for operator 'is'. "
                "Valid values: ANY, MAX, MIN, NEGATIVE, POSITIVE or integer"
            )


def evaluate(node: Node | None, test: Callable[[Node], bool]) -> bool:
    """The truth of an expression, given the truth of its atoms; empty is true."""
    if node is None:
        return True
    if node.kind == "atom":
        return test(node)
    results = (evaluate(child, test) for child in node.children)
    if node.kind == "not":
        return not next(results)
    return all(results) if node.kind == "and" else any(results)
