"""Checks of labels and submit requirements."""

from __future__ import annotations

import re
from collections.abc import Iterator

from saltern.registry import vocabulary
from saltern.registry.acl import AclDocument
from saltern.registry.findings import ACCESS, Position
from saltern.registry.gitconfig import Entry
from saltern.registry.rules.base import ACL, rule
from saltern.registry.rules.suggest import meant
from saltern.registry.rules.view import view
from saltern.registry.rules.words import one_of
from saltern.settings import RegistrySettings

Lines = Iterator[tuple[Position, str]]

_NAME = r"[A-Za-z0-9][A-Za-z0-9-]*"
_CONDITIONS = {
    "maxwithblock": "label:{label}=MAX AND -label:{label}=MIN",
    "maxnoblock": "label:{label}=MAX",
    "anywithblock": "-label:{label}=MIN",
}
"""What a label function of older releases asked for (documentation: config-labels)."""
_DEPRECATED = [f"label.{key}" for key in vocabulary.DEPRECATED_LABEL_KEYS]
_VALUE = r"(?s)[+-]?[0-9]{1,5}(?:\s.*)?"


@rule("SLT040", ACL, about=("label",), blocks=ACCESS)
def bad_label(document: AclDocument, settings: RegistrySettings) -> Lines:
    """A label that Gerrit refuses: its name, its function or one of its values.

    Why: the push is refused, for a name with a blank with nothing but "internal error". Merged
    history has functions that older releases took, and that this one refuses to set: an error.
    Example: ``function = MaxWithBlock``
    Instead: ``function = NoBlock`` and a submit requirement
    """
    for header in document.headers:
        if header.section == "label" and not re.fullmatch(_NAME, header.subsection or ""):
            name = re.sub("[^A-Za-z0-9]+", "-", header.subsection or "").strip("-") or "NAME"
            text = (
                f'a label\'s name has letters, digits and dashes only; write [label "{name[:60]}"]'
            )
            yield document.place(header), text
    for entry in view(document).sections.get("label", ()):
        reason = _label_problem(entry)
        if reason:
            yield document.place(entry), reason
    yield from _repeated_votes(document)


def _label_problem(entry: Entry) -> str | None:
    key, value = entry.key.lower(), entry.value or ""
    if key == "function" and value not in vocabulary.LABEL_FUNCTIONS:
        return _function_problem(entry.subsection or "", value)
    if key == "value" and not re.fullmatch(_VALUE, value):
        return f"value {value[:40]!r} is no vote with a text; write one such as 'value = -1 Fails'"
    if key == "defaultvalue" and not re.fullmatch(r"[+-]?[0-9]{1,5}", value):
        return f"defaultValue {value[:40]!r} is no vote; write one of the label's values, such as 0"
    return None


def _function_problem(label: str, value: str) -> str:
    instead = _CONDITIONS.get(value.lower())
    if instead is None:
        words = one_of(vocabulary.LABEL_FUNCTIONS)
        return f"function {value[:40]!r} cannot be set; write {words}"
    requirement = instead.format(label=label[:40])
    return (
        f"function {value} cannot be set any more; write NoBlock, and a submit requirement with "
        f"submittableIf = {requirement}"
    )


def _repeated_votes(document: AclDocument) -> Lines:
    seen: set[tuple[str | None, int]] = set()
    for entry in view(document).sections.get("label", ()):
        if entry.key.lower() != "value":
            continue
        if re.fullmatch(_VALUE, entry.value or ""):
            vote = (entry.subsection, int((entry.value or "").split()[0]))
            if vote in seen:
                yield (
                    document.place(entry),
                    f"vote {vote[1]:+d} stands twice in this label; keep one",
                )
            seen.add(vote)


@rule("SLT041", ACL, about=_DEPRECATED, blocks=ACCESS)
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
            said = f"{entry.key} cannot be set any more; {_copying(entry, instead)}"
            yield document.place(entry), said


def _copying(entry: Entry, condition: str) -> str:
    """Return what to write instead of a deprecated key."""
    value = entry.value or ""
    if entry.key.lower() != "copyvalue" and vocabulary.boolean(value) is False:
        return "remove it: it is off without it"
    condition = condition.replace("VALUE", value[:10] or "VALUE")
    return f"write copyCondition = {condition} (join several by OR)"


@rule("SLT042", ACL, about=("submit-requirement",), blocks=ACCESS)
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
            yield (
                document.place(header),
                'the section has no name; write [submit-requirement "NAME"]',
            )
            continue
        seen.add(name)
        if document.get("submit-requirement", name, "submittableIf") in (None, ""):
            text = f"submit requirement {name[:60]!r} has no condition; add submittableIf = "
            yield document.place(header), f"{text}label:{name[:60]}=MAX, or what it is to ask for"
    yield from _requirement_keys(document)


def _requirement_keys(document: AclDocument) -> Lines:
    seen: set[tuple[str | None, str]] = set()
    for entry in view(document).sections.get("submit-requirement", ()):
        if entry.key not in vocabulary.SUBMIT_REQUIREMENT_KEYS:
            known = vocabulary.SUBMIT_REQUIREMENT_KEYS
            hint = meant(entry.key, known) or f"; known are {', '.join(known)}"
            yield document.place(entry), f"unknown key {entry.key[:60]!r}{hint}"
        elif (entry.subsection, entry.key) in seen:
            yield document.place(entry), f"{entry.key} stands twice in this section; keep one"
        seen.add((entry.subsection, entry.key))
