"""Checks of the keys of an ACL's other sections: does Gerrit read them."""

from __future__ import annotations

from collections.abc import Iterator

from saltern.registry.acl import AclDocument
from saltern.registry.findings import ACCESS, WARNING, Position
from saltern.registry.normal import ROOT_PROJECT
from saltern.registry.rules.base import ACL, rule
from saltern.registry.rules.suggest import meant
from saltern.registry.rules.view import view
from saltern.registry.rules.words import vote
from saltern.registry.vocabulary import DEPRECATED_LABEL_KEYS, SECTION_KEYS
from saltern.settings import RegistrySettings

Lines = Iterator[tuple[Position, str]]

_KNOWN = {(section, key.lower()) for section, keys in SECTION_KEYS.items() for key in keys} | {
    ("label", key) for key in DEPRECATED_LABEL_KEYS
}


@rule("SLT047", ACL, about=("label",), blocks=ACCESS)
def bad_default_vote(document: AclDocument, settings: RegistrySettings) -> Lines:
    """The default vote of a label is none of its values, or two labels differ only in case.

    Why: Gerrit refuses the push: "Invalid defaultValue", "Label ... conflicts with ...".
    Example: values -1 and +1 and no ``defaultValue`` (which then is 0)
    Instead: add ``value = 0 No score``
    """
    seen: dict[str, str] = {}
    if "label" not in view(document).sections:
        return
    for header in document.headers:
        name = header.subsection
        if header.section != "label" or not name:
            continue
        first = seen.setdefault(name.lower(), name)
        if first != name:
            text = f"label {name[:60]!r} differs from {first[:60]!r} only in case; keep one"
            yield document.place(header), text
        values = {_number(v) for v in document.get_all("label", name, "value")} - {None}
        default = _number(document.get("label", name, "defaultValue") or "0")
        if values and default is not None and default not in values:
            what = f"label {name[:60]!r} has no value for its default vote, {vote(default)}"
            yield document.place(header), f"{what}; add 'value = {vote(default)} No score'"


def _number(value: str | None) -> int | None:
    words = (value or "").split(maxsplit=1)
    try:
        return int(words[0][:6]) if words else None
    except ValueError:
        return None


@rule("SLT048", ACL, about=SECTION_KEYS, severity=WARNING)
def unknown_key(document: AclDocument, settings: RegistrySettings) -> Lines:
    """A key that Gerrit does not read in its section.

    Why: Gerrit takes the push in silence and the setting does nothing. A warning, for newer
    releases may know more keys.
    Example: ``[receive] requireChangeID = true`` is fine, ``requireChange = true`` is not
    Instead: ``requireChangeId = true``
    """
    for section, entries in view(document).sections.items():
        for entry in entries if section in SECTION_KEYS else ():
            if (section, entry.key.lower()) not in _KNOWN:
                hint = meant(entry.key, SECTION_KEYS[section])
                where = f"Gerrit reads no {entry.key[:60]!r} in [{section}]"
                yield document.place(entry), where + (hint or "; remove it or correct its name")


@rule("SLT049", ACL, about=("capability",), severity=WARNING)
def capability_of_project(document: AclDocument, settings: RegistrySettings) -> Lines:
    """Global capabilities in the ACL of a project.

    Why: Gerrit takes the push in silence and reads them in All-Projects only.
    Example: ``[capability]`` with ``createGroup = group core``
    Instead: ask the administrators of the server.
    """
    known = view(document).sections
    if "capability" not in known or document.file.endswith(f"/{ROOT_PROJECT}.config"):
        return
    for header in document.headers:
        if header.section == "capability":
            yield (
                document.place(header),
                "capabilities count in All-Projects only; remove this section",
            )
