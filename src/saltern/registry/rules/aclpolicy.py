"""Customs of how ACL files are written; every one can be ignored (settings: ``check.ignore``)."""

from __future__ import annotations

import re
from collections.abc import Iterator

from saltern.registry.acl import AclDocument
from saltern.registry.findings import WARNING, Edit, Position
from saltern.registry.gitconfig import Entry
from saltern.registry.permission_rule import Rule, RuleError, parse_rule
from saltern.registry.rules.base import ACL, rule
from saltern.registry.rules.edits import replace
from saltern.registry.rules.view import view
from saltern.registry.rules.words import vote
from saltern.registry.vocabulary import enum, label_of
from saltern.settings import CheckSettings, RegistrySettings

Lines = Iterator[tuple[Position, str]]
Fixed = Iterator[tuple[Position, str, tuple[Edit, ...]]]

_VALUE = r"(?s)=[ \t]*(.*?)[ \t]*\r?\n?\Z"


@rule("SLT084", ACL, about=("access.create",), severity=WARNING)
def create_on_tags(document: AclDocument, settings: RegistrySettings) -> Lines:
    """``create`` is granted on tags.

    Why: it lets lightweight tags be made, which say neither who nor when; releases are made
    with ``createTag`` or ``createSignedTag``.
    Example: ``[access "refs/tags/*"]`` with ``create = group release``
    Instead: ``createSignedTag = group release``
    """
    for entry in view(document).grants.get("create", ()):
        ref = entry.subsection or ""
        if ref.startswith(("refs/tags/", "^refs/tags/")) and _action(entry) == "":
            text = f"create on {ref[:60]} lets tags be made that say neither who nor when"
            yield document.place(entry), f"{text}; write createSignedTag or createTag"


@rule("SLT085", ACL, about=("project.state",), severity=WARNING)
def default_state(document: AclDocument, settings: RegistrySettings) -> Fixed:
    """``state = active`` is written out.

    Why: it is the default; a line that says nothing is in the way. ``--fix`` removes it.
    Example: ``[project] state = active``
    Instead: leave it out.
    """
    for entry in document.select("project", None, "state"):
        if enum(entry.value or "", ("ACTIVE",)):
            message = "state = active is the default; remove the line"
            yield document.place(entry), message, _without(document, entry)


@rule("SLT086", ACL, about=("access.owner",), severity=WARNING)
def owned_by_administrators(document: AclDocument, settings: RegistrySettings) -> Fixed:
    """``owner`` is granted to Administrators.

    Why: they own every project anyway; and ``owner`` on a narrow ref takes it from those who
    own the rest. ``--fix`` removes the line.
    Example: ``owner = group Administrators``
    Instead: leave it out.
    """
    for entry in view(document).grants.get("owner", ()):
        parsed = _parsed(entry, False)
        if parsed and parsed.group == "Administrators" and parsed.action == "":
            message = "Administrators own everything anyway; remove the line"
            yield document.place(entry), message, _without(document, entry)


@rule("SLT087", ACL, about=("access.exclusivegrouppermissions",), severity=WARNING)
def exclusive_out_of_order(document: AclDocument, settings: RegistrySettings) -> Fixed:
    """The names in ``exclusiveGroupPermissions`` are not in order.

    Why: in order, two changes to the list rarely conflict. ``--fix`` sorts them.
    Example: ``exclusiveGroupPermissions = label-Workflow abandon``
    Instead: ``exclusiveGroupPermissions = abandon label-Workflow``
    """
    for entry in view(document).exclusive:
        value = entry.value or ""
        names = value.split()
        ordered = sorted(names, key=str.lower)
        if names == ordered or "," in value:
            continue
        match = re.compile(_VALUE).search(document.text, entry.start, entry.end)
        plain = match is not None and match[1] == value
        fix = (
            (replace(document.file, document.text, *match.span(1), " ".join(ordered)),)
            if match is not None and plain
            else ()
        )
        text = f"the names are not in order; write {' '.join(ordered)[:120]}"
        yield document.place(entry), text, fix


@rule("SLT088", ACL, about=("access.label-code-review",), severity=WARNING, policy=True)
def extreme_votes(document: AclDocument, check: CheckSettings) -> Lines:
    """The extreme votes of Code-Review are granted to a group that is not a core team.

    Why: +2 lets a change in and -2 holds it for ever, so who may give them is a team that
    answers for the project. ``core_groups`` is the pattern of their names.
    Example: ``label-Code-Review = -2..+2 group Registered Users``
    Instead: ``label-Code-Review = -1..+1 group Registered Users``
    """
    pattern = re.compile(check.core_groups)
    for entry in view(document).grants.get("label-code-review", ()):
        parsed = _parsed(entry, True)
        if parsed is None or parsed.action or (parsed.low > -2 and parsed.high < 2):
            continue
        if not pattern.search(parsed.group):
            low, high = vote(max(parsed.low, -1)), vote(min(parsed.high, 1))
            what = f"{vote(parsed.low)}..{vote(parsed.high)} goes to {parsed.group[:50]!r}"
            instead = f"write {low}..{high}, or name a core team"
            yield document.place(entry), f"{what}, which is no core team; {instead}"


@rule("SLT089", ACL, about=("label",), severity=WARNING)
def label_without_requirement(document: AclDocument, settings: RegistrySettings) -> Lines:
    """A label that asks for nothing: no submit requirement of the file names it.

    Why: Gerrit no longer lets a label's function hold a submit, so the votes of a NoBlock label
    decide nothing by themselves. A warning, for a label may be meant to inform, or a parent
    may have the requirement.
    Example: ``[label "Verified"]`` with ``function = NoBlock`` and nothing else
    Instead: add ``[submit-requirement "Verified"]``
    """
    if "label" not in view(document).sections:
        return
    headers = [h for h in document.headers if h.section == "label" and h.subsection]
    asked = " ".join(
        (e.value or "").lower() for e in view(document).sections.get("submit-requirement", ())
    )
    named = {h.subsection for h in document.headers if h.section == "submit-requirement"}
    for header in headers:
        name = header.subsection or ""
        function = (document.get("label", name, "function") or "").lower()
        if function not in ("noblock", "noop") or name in named:
            continue
        if f"label:{name.lower()}" not in asked:
            what = f"votes on {name[:40]} decide nothing; to ask for them, add "
            instead = (
                f'[submit-requirement "{name[:40]}"] with submittableIf = label:{name[:40]}=MAX'
            )
            yield document.place(header), what + instead


def _parsed(entry: Entry, ranged: bool) -> Rule | None:
    try:
        return parse_rule(entry.value or "", ranged)
    except RuleError:
        return None


def _action(entry: Entry) -> str | None:
    parsed = _parsed(entry, label_of(entry.key) is not None)
    return parsed.action if parsed else None


def _without(document: AclDocument, entry: Entry) -> tuple[Edit, ...]:
    """Return the edit that removes an entry, and its header when nothing else is below it."""
    start, end = entry.start, entry.end
    for number, header in enumerate(document.headers):
        following = document.headers[number + 1 :]
        limit = _line_start(document.text, following[0].end - 1) if following else None
        if header.end <= entry.start and (limit is None or entry.start < limit):
            alone = not document.text[header.end : start].strip()
            alone = alone and not document.text[end:limit].strip()
            if alone:
                start = _line_start(document.text, header.end - 1)
                end = limit if limit is not None else len(document.text)
    return (replace(document.file, document.text, start, end),)


def _line_start(text: str, offset: int) -> int:
    return text.rfind("\n", 0, offset) + 1
