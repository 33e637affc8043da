"""What a rule is about, read from its docstring: one text for the command, SARIF and the docs."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache

from saltern.registry.findings import ACCESS, ERROR, MEMBERS, PROJECT
from saltern.registry.rules import Rule, all_rules
from saltern.registry.yamlfile import UNREADABLE

_PART = re.compile(r"^(Why|Example|Instead): ", re.MULTILINE)
_HOLDS = {
    PROJECT: "Nothing of the project is made while it stands.",
    ACCESS: "The project's ACL is not written while it stands; everything else is made.",
    MEMBERS: "The group is left as it is while it stands.",
    None: "It holds nothing up.",
}


@dataclass(frozen=True)
class RulePage:
    """A rule's page: ``name`` (its function's), ``what`` (one or more sentences) and so on."""

    code: str
    name: str
    severity: str
    holds: str
    what: str
    why: str
    example: str
    instead: str

    @property
    def title(self) -> str:
        """Return the first sentence of what the rule finds."""
        return re.split(r"(?<=\.)\s", self.what, maxsplit=1)[0].rstrip(".")


def page_of(rule: Rule) -> RulePage:
    """Return the page of a rule. Raises :class:`ValueError` when a part is missing."""
    first, *rest = _PART.split(_unindented(rule.page))
    parts = dict(zip(rest[::2], map(str.strip, rest[1::2]), strict=True))
    missing = {"Why", "Example", "Instead"} - parts.keys()
    if missing:
        raise ValueError(f"{rule.code}: its docstring has no part {sorted(missing)[0]!r}")
    return RulePage(
        rule.code,
        rule.check.__name__.replace("_", "-"),
        rule.severity,
        _HOLDS[rule.blocks],
        first.strip(),
        parts["Why"],
        parts["Example"],
        parts["Instead"],
    )


_UNREADABLE = RulePage(
    UNREADABLE,
    "unreadable-file",
    ERROR,
    "Nothing is done while it stands: what the file does not say could not be told from what "
    "left it.",
    "A file of the registry cannot be read as a whole: it is not YAML, not UTF-8, or no list.",
    "where a fault in one entry leaves the others served, this one hides them all.",
    "``- project: [org/name``",
    "``- project: org/name``",
)


@cache
def pages() -> dict[str, RulePage]:
    """Return every rule's page by code."""
    return {UNREADABLE: _UNREADABLE, **{rule.code: page_of(rule) for rule in all_rules()}}


@cache
def page(code: str) -> RulePage | None:
    """Return the page of one rule, ``None`` when there is none."""
    if code == UNREADABLE:
        return _UNREADABLE
    return next((page_of(rule) for rule in all_rules() if rule.code == code), None)


def more(code: str) -> str | None:
    """Return the command that shows a rule's page, ``None`` when there is none."""
    return f"saltern rule {code}" if page(code) else None


def render_page(page: RulePage) -> str:
    """Return a page as plain text for a terminal."""
    return (
        f"{page.code} {page.name} ({page.severity})\n\n{page.what}\n\n"
        f"Why:     {_hang(page.why)}\nExample: {_hang(page.example)}\n"
        f"Instead: {_hang(page.instead)}\n\n{page.holds}"
    )


def render_list(found: Iterable[RulePage]) -> str:
    """Return one line a rule."""
    return "\n".join(f"{p.code}  {p.severity:8} {_line(p.title)}" for p in found)


def render_markdown(page: RulePage) -> str:
    """Return a page of the documentation."""
    kind = "an error" if page.severity == ERROR else "a warning"
    return (
        f"# {page.code}: {page.name}\n\n{page.what}\n\nThis is {kind}. {page.holds}\n\n"
        f"**Why.** {page.why}\n\n**Example.** {page.example}\n\n**Instead.** {page.instead}\n"
    )


def render_index(found: Iterable[RulePage]) -> str:
    """Return the documentation's table of all rules."""
    rows = [f"| [{p.code}]({p.code}.md) | {p.severity} | {_cell(p.title)} |" for p in found]
    return "\n".join(["# Rules", "", "| code | severity | finds |", "|---|---|---|", *rows, ""])


def _unindented(text: str) -> str:
    return "\n".join(line.strip() for line in text.strip().splitlines())


def _hang(text: str) -> str:
    return text.replace("\n", "\n         ")


def _line(text: str) -> str:
    return " ".join(text.split())


def _cell(text: str) -> str:
    return _line(text).replace("|", "\\|")
