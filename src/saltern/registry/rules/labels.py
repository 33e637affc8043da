"""Checks of labels and submit requirements."""

from __future__ import annotations

import re
from collections.abc import Iterator

from saltern.registry import vocabulary
from saltern.registry.acl import AclDocument
from saltern.registry.findings import ACCESS, Position
from saltern.registry.gitconfig import Entry
from saltern.registry.rules.base import ACL, rule
from saltern.registry.rules.view import view
from saltern.settings import RegistrySettings

Lines = Iterator[tuple[Position, str]]

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]*")
_VALUE = re.compile(r"[+-]?[0-9]{1,5}(?:\s.*)?", re.DOTALL)


@rule("SLT040", ACL, blocks=ACCESS)
def bad_label(document: AclDocument, settings: RegistrySettings) -> Lines:
    """A label that Gerrit refuses: its name, its function or one of its values.

    Why: the push is refused, for a name with a blank with nothing but "internal error". Merged
    history has functions that older releases took, and that this one refuses to set: an error.
    Example: ``function = MaxWithBlock``
    Instead: ``function = NoBlock`` and a submit requirement
    """
    for header in document.headers:
        if header.section == "label" and not _NAME.fullmatch(header.subsection or ""):
            yield document.place(header), "a label's name has letters, digits and dashes only"
    for entry in view(document).sections.get("label", ()):
        reason = _label_problem(entry)
        if reason:
            yield document.place(entry), reason
    yield from _repeated_votes(document)


def _label_problem(entry: Entry) -> str | None:
    key, value = entry.key.lower(), entry.value or ""
    if key == "function" and value not in vocabulary.LABEL_FUNCTIONS:
        words = ", ".join(vocabulary.LABEL_FUNCTIONS)
        return f"function {value[:40]!r} cannot be set; write {words} and a submit requirement"
    if key == "value" and not _VALUE.fullmatch(value):
        return f"value {value[:40]!r} must be a vote and a text, e.g. '-1 Fails'"
    if key == "defaultvalue" and not re.fullmatch(r"[+-]?[0-9]{1,5}", value):
        return f"defaultValue {value[:40]!r} must be a vote"
    return None


def _repeated_votes(document: AclDocument) -> Lines:
    seen: set[tuple[str | None, int]] = set()
    for entry in view(document).sections.get("label", ()):
        if entry.key.lower() != "value":
            continue
        if _VALUE.fullmatch(entry.value or ""):
            vote = (entry.subsection, int((entry.value or "").split()[0]))
            if vote in seen:
                yield document.place(entry), f"vote {vote[1]:+d} stands twice in this label"
            seen.add(vote)


@rule("SLT041", ACL, blocks=ACCESS)
def deprecated_label_key(document: AclDocument, settings: RegistrySettings) -> Lines:
    """A label key that Gerrit no longer lets anybody set.

    Why: the push is refused: "... is deprecated and cannot be set". Merged history has many, all
    older than the refusal. A project that has the very value on the server may keep it: where
    that matters, rate this rule a warning (``check.severity``).
    Example: ``copyMinScore = true``
    Instead: ``copyCondition = is:MIN``
    """
    for entry in view(document).sections.get("label", ()):
        instead = vocabulary.DEPRECATED_LABEL_KEYS.get(entry.key.lower())
        if instead:
            yield (
                document.place(entry),
                f"{entry.key} cannot be set any more; write copyCondition = {instead}",
            )


@rule("SLT042", ACL, blocks=ACCESS)
def bad_submit_requirement(document: AclDocument, settings: RegistrySettings) -> Lines:
    """A submit requirement that lacks its condition or has keys Gerrit does not know.

    Why: the push is refused: "Missing ... submittableIf", "Unsupported parameters".
    Example: ``[submit-requirement "Verified"]`` with only a description
    Instead: add ``submittableIf = label:Verified=MAX``
    """
    seen: set[str] = set()
    for header in document.headers:
        name = header.subsection
        if header.section != "submit-requirement" or name in seen:
            continue
        if name is None:
            yield document.place(header), 'write [submit-requirement "NAME"]'
            continue
        seen.add(name)
        if document.get("submit-requirement", name, "submittableIf") in (None, ""):
            yield document.place(header), f"submit requirement {name!r} needs submittableIf"
    yield from _requirement_keys(document)


def _requirement_keys(document: AclDocument) -> Lines:
    seen: set[tuple[str | None, str]] = set()
    for entry in view(document).sections.get("submit-requirement", ()):
        if entry.key not in vocabulary.SUBMIT_REQUIREMENT_KEYS:
            known = ", ".join(vocabulary.SUBMIT_REQUIREMENT_KEYS)
            yield document.place(entry), f"unknown key {entry.key!r}; known are {known}"
        elif (entry.subsection, entry.key) in seen:
            yield document.place(entry), f"{entry.key} stands twice in this submit requirement"
        seen.add((entry.subsection, entry.key))
