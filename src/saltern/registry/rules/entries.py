"""Checks of an entry's shape: is it a mapping, are its keys known, are its values typed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from saltern.registry.findings import ACCESS, PROJECT, WARNING, Position
from saltern.registry.keys import (
    BOOLEAN,
    CORE_KEYS,
    ENUM,
    KEYS,
    LIST,
    MAPPING,
    OPTIONS,
    OTHER_KEYS,
    TEXT,
    TRI,
    UNSUPPORTED_KEYS,
    Key,
)
from saltern.registry.rules.base import ENTRY, rule
from saltern.registry.rules.suggest import meant
from saltern.registry.rules.words import kind, one_of
from saltern.registry.yamlfile import RawEntry
from saltern.settings import RegistrySettings

Places = Iterator[tuple[Position, str]]

_SHAPES: dict[str, tuple[type, ...]] = {
    TEXT: (str,),
    BOOLEAN: (bool,),
    LIST: (list,),
    MAPPING: (dict, str),
    ENUM: (str,),
    TRI: (bool, str),
}
_WANTED = {
    TEXT: "text",
    BOOLEAN: "true or false",
    LIST: "a list",
    MAPPING: "text or 'key: value' lines",
    TRI: "true, false or inherit",
}
_NO_KEY = "; remove it: nothing reads it (saltern schema projects shows the keys)"


@rule("SLT001", ENTRY, blocks=PROJECT)
def unreadable_entry(entry: RawEntry, settings: RegistrySettings) -> Places:
    """An entry is not a mapping with a project's name.

    Why: nothing can be made of it; the rest of the file is still served.
    Example: ``- description: no name here``
    Instead: ``- project: org/name``
    """
    if entry.problem:
        yield entry.problem
    elif entry.name is None:
        value = entry.values.get("project")
        if value is None or value == "":
            yield entry.position, "this entry has no project name; write '- project: NAME'"


@rule("SLT005", ENTRY, severity=WARNING)
def unknown_key(entry: RawEntry, settings: RegistrySettings) -> Places:
    """A key that nothing reads.

    Why: most often it is a misspelt one, and what it should have done does not happen.
    Example: ``descripton: A library``
    Instead: ``description: A library``
    """
    for key in entry.positions:
        if key not in KEYS and key not in UNSUPPORTED_KEYS:
            yield entry.at(key), f"unknown key {key[:60]!r}{meant(key, KEYS) or _NO_KEY}"


@rule("SLT006", ENTRY, blocks=PROJECT)
def wrong_type(entry: RawEntry, settings: RegistrySettings) -> Places:
    """The value of a key that decides what is made has another type than the key takes.

    Why: YAML reads ``no`` as a boolean and ``1.10`` as a number, so the meaning is lost.
    Example: ``default-branch: 1.10``
    Instead: ``default-branch: "1.10"``
    """
    yield from _wrong_types(entry, CORE_KEYS)


@rule("SLT007", ENTRY, blocks=PROJECT)
def repeated_key(entry: RawEntry, settings: RegistrySettings) -> Places:
    """A key stands twice in one entry.

    Why: only one of the values can count, and readers of the file see the other.
    Example: ``acl-config: a.config`` and, lines later, ``acl-config: b.config``
    Instead: one of them.
    """
    for key, place in entry.repeated:
        yield place, f"key {key[:60]!r} stands twice in this entry; keep one"


@rule("SLT011", ENTRY, about=UNSUPPORTED_KEYS, blocks=ACCESS)
def unsupported_key(entry: RawEntry, settings: RegistrySettings) -> Places:
    """A key of jeepyb that changes the ACL and is not supported.

    Why: the ACL that would be written is not the one that was meant.
    Example: ``acl-append: [/home/gerrit2/acls/more.config]``
    Instead: an ACL file of its own, named by ``acl-config``.
    """
    for key in UNSUPPORTED_KEYS:
        if key in entry.values:
            yield (
                entry.at(key),
                f"{key} is not supported; write the whole ACL into the file of acl-config",
            )


@rule("SLT012", ENTRY, about=("options",), severity=WARNING)
def unknown_option(entry: RawEntry, settings: RegistrySettings) -> Places:
    """A word in ``options`` that nothing reads.

    Why: most often it is a misspelt one.
    Example: ``options: [no-gerit]``
    Instead: ``options: [no-gerrit]``
    """
    options = entry.values.get("options")
    for option in options if isinstance(options, list) else []:
        if option not in OPTIONS:
            shown = option[:60] if isinstance(option, str) else option
            hint = meant(str(option), OPTIONS) or "; remove it: nothing reads it"
            yield entry.at("options"), f"unknown option {shown!r}{hint}"


@rule("SLT013", ENTRY, about=OTHER_KEYS, severity=WARNING)
def wrong_type_of_other_key(entry: RawEntry, settings: RegistrySettings) -> Places:
    """The value of an informational key has another type than the key takes.

    Why: a text where a list belongs was read letter by letter by older tools. A warning, for
    nothing here or on Gerrit is decided by these keys, and merged history has it.
    Example: ``groups: core``
    Instead: ``groups: [core]``
    """
    yield from _wrong_types(entry, OTHER_KEYS)


def _wrong_types(entry: RawEntry, keys: Mapping[str, Key]) -> Places:
    for name, value in entry.values.items():
        key = keys.get(name)
        if key is not None and value is not None and not has_shape(value, key):
            yield entry.at(name), f"{name} {_expected(key, value)}"


def _expected(key: Key, value: Any) -> str:
    if key.shape == ENUM:
        return f"cannot be {str(value)[:40]!r}; write {one_of(key.values)}"
    if key.shape == LIST and isinstance(value, list):
        odd = next(kind(item) for item in value if not isinstance(item, str))
        return f"must be a list of texts, not of {odd}; put each item in quotes"
    what = f"must be {_WANTED[key.shape]}, not {kind(value)}"
    return f"{what}; write {_instead(key, value)}" if key.shape in (LIST, TEXT) else what


def _instead(key: Key, value: Any) -> str:
    if key.shape == LIST and isinstance(value, str) and value.isprintable():
        return f"{key.name}: [{value[:60]}]"
    if key.shape == LIST:
        return "'- item' lines below the key"
    if key.shape == TEXT and not isinstance(value, list | dict):
        return "it in quotes"
    return f"{key.name}: TEXT"


def has_shape(value: Any, key: Key) -> bool:
    """Return whether a value has the type a key takes (lists: of texts)."""
    if isinstance(value, list):
        return key.shape == LIST and all(isinstance(item, str) for item in value)
    if key.shape == ENUM:
        return value in key.values
    if key.shape == TRI and isinstance(value, str):
        return value == "inherit"
    return isinstance(value, _SHAPES[key.shape])
