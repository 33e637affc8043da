"""Checks of what an ACL says: refs, permissions, rules, states, switches."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache

from saltern.registry import vocabulary
from saltern.registry.acl import AclDocument
from saltern.registry.findings import ACCESS, WARNING, Position
from saltern.registry.gitconfig import Entry
from saltern.registry.normal import RULE_SETTINGS
from saltern.registry.permission_rule import RuleError, parse_rule
from saltern.registry.refpattern import pattern_problem
from saltern.registry.rules.base import ACL, rule
from saltern.registry.rules.suggest import meant
from saltern.registry.rules.view import view
from saltern.registry.rules.words import one_of
from saltern.settings import RegistrySettings

Lines = Iterator[tuple[Position, str]]

SECTIONS = frozenset(
    {
        "access", "accounts", "allowsuperproject", "branchorder", "capability", "change",
        "commentlink", "contributor-agreement", "dashboard", "extension-panels", "label",
        "mimetype", "notify", "plugin", "project", "receive", "reviewer", "submit",
        "submit-requirement",
    }
)  # fmt: skip

_SWITCHED = {s for s, _ in (*vocabulary.INHERITABLE_BOOLEANS, *vocabulary.BOOLEANS)}
_RULED = {"access", "capability", *(section for section, _ in RULE_SETTINGS)}


def permissions(document: AclDocument) -> Iterator[Entry]:
    """Yield the entries that grant something on refs."""
    for entries in view(document).grants.values():
        yield from entries


@rule("SLT030", ACL, about=("access",), blocks=ACCESS)
def not_a_ref(document: AclDocument, settings: RegistrySettings) -> Lines:
    """An access section for something that is not a ref.

    Why: Gerrit takes the file and ignores the section, so the rights are not there.
    Example: ``[access "heads/*"]``
    Instead: ``[access "refs/heads/*"]`` or ``[access "^refs/heads/v[0-9]+"]``
    """
    for header in document.headers:
        name = header.subsection
        if header.section != "access" or name is None:
            continue
        if not name.startswith(("refs/", "^refs/")):
            yield document.place(header), f"{name[:80]!r} is no ref; write {_as_ref(name)}"
    for entry in view(document).sections.get("access", ()):
        if entry.subsection is None and entry.key.lower() != "inheritfrom":
            text = f'{entry.key[:60]} stands in [access]; put it below [access "refs/heads/*"]'
            yield document.place(entry), text


@rule("SLT031", ACL, about=("access",), blocks=ACCESS)
def unknown_permission(document: AclDocument, settings: RegistrySettings) -> Lines:
    """A permission that Gerrit does not know.

    Why: Gerrit takes the file and ignores the line, so the right is not there.
    Example: ``pushMerges = group core``
    Instead: ``pushMerge = group core``
    """
    for entry in permissions(document):
        if not vocabulary.is_permission(entry.key):
            yield (
                document.place(entry),
                f"Gerrit ignores the unknown permission {entry.key[:60]!r}{_hint(entry.key)}",
            )
    for entry in view(document).exclusive:
        for name in filter(None, re.split(r"[, \t]+", entry.value or "")):
            if not vocabulary.is_permission(name):
                text = f"Gerrit ignores the unknown permission {name[:60]!r}{_hint(name)}"
                yield document.place(entry), text


@rule("SLT032", ACL, about=_RULED, blocks=ACCESS)
def bad_rule(document: AclDocument, settings: RegistrySettings) -> Lines:
    """A permission whose value is not a rule.

    Why: Gerrit refuses the push: "Invalid rule in access...".
    Example: ``push = core``
    Instead: ``push = group core``
    """
    for entry, ranged in _rules(document):
        try:
            parse_rule(entry.value or "", ranged)
        except RuleError as error:
            yield document.place(entry), f"{entry.key}: {error}"


@rule("SLT033", ACL, about=("access",), blocks=ACCESS)
def bad_ref_pattern(document: AclDocument, settings: RegistrySettings) -> Lines:
    """A ref pattern that does not compile.

    Why: Gerrit refuses the push: "Invalid ref name".
    Example: ``[access "^refs/heads/("]``
    Instead: ``[access "^refs/heads/(a|b)"]``
    """
    for header in document.headers:
        if header.section == "access" and header.subsection:
            reason = pattern_problem(header.subsection)
            if reason:
                text = f"Gerrit refuses the ref pattern {header.subsection[:60]!r}: {reason}"
                yield document.place(header), text


@rule("SLT034", ACL, about=("project.state",), blocks=ACCESS)
def bad_state(document: AclDocument, settings: RegistrySettings) -> Lines:
    """A project state that Gerrit does not know.

    Why: Gerrit refuses the push: "Invalid value: project.state".
    Example: ``state = closed``
    Instead: ``state = active``, ``read only`` or ``hidden``
    """
    yield from _bad_enum(document, "project", "state", vocabulary.STATES)


@rule("SLT035", ACL, about=("submit.action",), blocks=ACCESS)
def bad_submit_action(document: AclDocument, settings: RegistrySettings) -> Lines:
    """A submit action that Gerrit does not know.

    Why: Gerrit refuses the push: "Invalid value: submit.action".
    Example: ``action = rebase``
    Instead: ``action = rebase if necessary``
    """
    yield from _bad_enum(document, "submit", "action", vocabulary.SUBMIT_ACTIONS)


@rule("SLT036", ACL, about=_SWITCHED, blocks=ACCESS)
def bad_switch(document: AclDocument, settings: RegistrySettings) -> Lines:
    """A switch that is neither true nor false, or a size that is not a number.

    Why: Gerrit refuses the push, for a bad size with nothing but "internal error".
    Example: ``requireChangeId = perhaps``
    Instead: ``requireChangeId = true``
    """
    found = view(document).sections
    for entry in (e for section in _SWITCHED & found.keys() for e in found[section]):
        reason = entry.value and _switch_problem(entry.section, entry.key.lower(), entry.value)
        if reason:
            yield (
                document.place(entry),
                f"{entry.key} cannot be {(entry.value or '')[:60]!r}; {reason}",
            )


@rule("SLT037", ACL, about=("access",), severity=WARNING)
def label_without_range(document: AclDocument, settings: RegistrySettings) -> Lines:
    """A permission on a label without a range of votes.

    Why: Gerrit reads it as 0..0: nobody may vote.
    Example: ``label-Verified = group ci``
    Instead: ``label-Verified = -1..+1 group ci``
    """
    for entry in permissions(document):
        if not entry.key.startswith(vocabulary.LABEL_PREFIXES):
            continue
        try:
            parsed = parse_rule(entry.value or "", True)
        except RuleError:
            continue
        if not parsed.ranged and parsed.action in ("", "block"):
            instead = f"{entry.key} = {parsed.action} -1..+1 group {parsed.group[:60]}"
            text = f"{entry.key} without a range lets nobody vote; write {_plain(instead)}"
            yield document.place(entry), text


@rule("SLT038", ACL, about=("access.inheritfrom",), blocks=ACCESS)
def several_parents(document: AclDocument, settings: RegistrySettings) -> Lines:
    """``inheritFrom`` stands more than once.

    Why: Gerrit refuses the push: "Cannot inherit from multiple projects".
    Example: two lines ``inheritFrom = ...``
    Instead: one.
    """
    for entry in document.select("access", None, "inheritFrom")[1:]:
        yield document.place(entry), "a second inheritFrom; a project has one parent, so keep one"


@rule("SLT039", ACL, severity=WARNING)
def unknown_section(document: AclDocument, settings: RegistrySettings) -> Lines:
    """A section that Gerrit does not read.

    Why: what it says has no effect; often the subsection was written with a dot.
    Example: ``[label.Verified]``
    Instead: ``[label "Verified"]``
    """
    for header in document.headers:
        if header.section not in SECTIONS:
            hint = _section(header.section) or meant(header.section, SECTIONS)
            what = f"Gerrit reads no section {header.section[:60]!r}"
            yield document.place(header), what + (hint or "; remove it or correct its name")


@lru_cache(maxsize=1024)
def _switch_problem(section: str, key: str, value: str) -> str | None:
    name = (section, key)
    if name == ("receive", "maxobjectsizelimit"):
        number = re.fullmatch(r"[0-9]{1,15} *[kKmMgG]?", value)
        return None if number else "write a number and k, m or g, such as 100m"
    if name in vocabulary.INHERITABLE_BOOLEANS and value.upper() == "INHERIT":
        return None
    if name not in vocabulary.INHERITABLE_BOOLEANS and name not in vocabulary.BOOLEANS:
        return None
    words = "true, false or INHERIT" if name in vocabulary.INHERITABLE_BOOLEANS else "true or false"
    return None if vocabulary.boolean(value) is not None else f"write {words}"


def _rules(document: AclDocument) -> Iterator[tuple[Entry, bool]]:
    """Yield the entries that hold a rule, with whether it may have a range."""
    for entry in permissions(document):
        yield entry, vocabulary.label_of(entry.key) is not None
    sections = view(document).sections
    for entry in sections.get("capability", ()):
        yield entry, entry.key.lower() in vocabulary.RANGED_CAPABILITIES
    for section, key in RULE_SETTINGS:
        yield from ((e, False) for e in sections.get(section, ()) if e.key.lower() == key)


def _bad_enum(document: AclDocument, section: str, key: str, words: tuple[str, ...]) -> Lines:
    for entry in document.select(section, None, key):
        if entry.value and vocabulary.enum(entry.value, words) is None:
            wanted = one_of(w.lower().replace("_", " ") for w in words)
            yield document.place(entry), f"{key} cannot be {entry.value[:40]!r}; write {wanted}"


def _as_ref(name: str) -> str:
    """Return the section header that somebody who left out ``refs/`` most likely meant."""
    start = "^" if name.startswith("^") else ""
    rest = name.removeprefix("^").lstrip("/")
    known = rest.startswith(("heads/", "tags/", "for/", "meta/", "*"))
    return f'[access "{start}refs/{rest[:60]}"]' if known else "a name that begins with refs/"


def _hint(permission: str) -> str:
    if permission.lower().startswith("label-"):
        return "; did you mean 'label-" + permission[len("label-") :][:60] + "'?"
    return meant(permission, vocabulary.PERMISSIONS) or "; remove it or correct its name"


def _section(section: str) -> str:
    """Return the hint for a subsection that was written behind a dot."""
    name, dot, rest = section.partition(".")
    return f'; write [{name} "{rest[:60]}"]' if dot and rest and name in SECTIONS else ""


def _plain(text: str) -> str:
    return " ".join(text.split())
