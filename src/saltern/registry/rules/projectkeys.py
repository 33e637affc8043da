"""Checks of what contributors say of a project beside its ACL: state, parent, settings, names."""

from __future__ import annotations

from collections.abc import Iterator

from saltern.registry.acl import AclDocument
from saltern.registry.findings import ACCESS, PROJECT, WARNING, Position
from saltern.registry.normal import ROOT_PROJECT
from saltern.registry.rules.base import ENTRY, REGISTRY, Collected, rule
from saltern.registry.rules.names import name_problem
from saltern.registry.settingskeys import (
    PARENT,
    PLACES,
    STATE,
    gerrit_state,
    is_size,
    row_of,
    value_in,
    written,
)
from saltern.registry.yamlfile import RawEntry
from saltern.settings import RegistrySettings

Places = Iterator[tuple[Position, str]]
Found = Iterator[tuple[str | None, Position, str]]


@rule("SLT015", ENTRY, about=("parent",), blocks=PROJECT)
def bad_parent_key(entry: RawEntry, settings: RegistrySettings) -> Places:
    """The value of ``parent`` cannot be a project's name.

    Why: no project of that name can exist, so there is nothing to inherit from.
    Example: ``parent: /org/base``
    Instead: ``parent: org/base``
    """
    parent = entry.values.get("parent")
    if not isinstance(parent, str) or parent == ROOT_PROJECT:
        return
    if problem := name_problem(parent):
        yield entry.at("parent"), f"parent {parent[:80]!r} {problem}"


@rule("SLT016", REGISTRY, blocks=PROJECT)
def two_parents(collected: Collected) -> Found:
    """``parent`` and the ACL's ``inheritFrom`` name different projects.

    Why: a project has one parent, and nobody can tell which of the two was meant.
    Example: ``parent: org/base`` and, in the ACL, ``inheritFrom = org/other``
    Instead: one of them, or both the same.
    """
    for name, entry, document in _with_acl(collected, "parent"):
        parent, named = entry.values["parent"], document.inherit_from
        if isinstance(parent, str) and named and named != parent:
            place = document.place(document.select(PARENT[0], None, PARENT[1])[-1])
            key = entry.at("parent")
            here, there = f"parent is {parent[:60]!r}", f"inheritFrom is {named[:60]!r}"
            yield name, key, f"{here} but {there} at {place}; keep one"
            yield name, place, f"{there} but {here} at {key}; keep one"


@rule("SLT017", ENTRY, about=("retired",), blocks=ACCESS)
def retired_but_active(entry: RawEntry, settings: RegistrySettings) -> Places:
    """A project is retired and active at once.

    Why: retired means read-only; one of the two keys was forgotten.
    Example: ``retired: true`` beside ``state: active``
    Instead: one of them.
    """
    if entry.values.get("retired") is True and entry.values.get("state") == "active":
        yield entry.at("state"), "state is active but retired is true; remove one of them"


@rule("SLT018", REGISTRY, blocks=ACCESS)
def two_states(collected: Collected) -> Found:
    """The entry's ``state`` (or ``retired``) and the state in its ACL differ.

    Why: a project has one state, and nobody can tell which of the two was meant.
    Example: ``state: active`` and, in the ACL, ``state = read only``
    Instead: the state in one place.
    """
    for name, entry, document in _with_acl(collected, "state", "retired"):
        key = "state" if gerrit_state(entry.values.get("state")) else "retired"
        wanted = gerrit_state(entry.values.get("state"))
        if wanted is None and entry.values.get("retired") is True:
            wanted = "READ_ONLY"
        stated = document.select(*STATE[:1], None, STATE[1])
        if wanted and stated and document.state and document.state != wanted:
            place = document.place(stated[-1])
            here = f"{key} makes it {_word(wanted)}"
            there = f"the ACL makes it {_word(document.state)}"
            yield name, entry.at(key), f"{here} but {there} at {place}; keep one"
            yield name, place, f"{there} but {here} at {entry.at(key)}; keep one"


def _word(state: str) -> str:
    return state.lower().replace("_", "-")


@rule("SLT019", ENTRY, about=("max-object-size-limit",), blocks=ACCESS)
def bad_size_limit(entry: RawEntry, settings: RegistrySettings) -> Places:
    """A size that Gerrit does not take.

    Why: Gerrit answers the push of such a configuration with ``internal error``.
    Example: ``max-object-size-limit: ten megabytes``
    Instead: ``max-object-size-limit: 10m``
    """
    limit = entry.values.get("max-object-size-limit")
    if isinstance(limit, str) and not is_size(limit):
        yield (
            entry.at("max-object-size-limit"),
            f"{limit[:80]!r} is no size; write a number and k, m or g, such as 10m",
        )


@rule("SLT023", REGISTRY, severity=WARNING)
def setting_in_two_places(collected: Collected) -> Found:
    """A setting has one value in the entry and another in its ACL.

    Why: the entry's counts, and readers of the ACL are misled.
    Example: ``submit-type: cherry-pick`` and, in the ACL, ``action = rebase always``
    Instead: the setting in one place.
    """
    for name, entry, document in _with_acl(collected, *PLACES):
        for key, (section, word) in PLACES.items():
            setting = written(key, entry.values.get(key))
            there = document.select(section, None, word) if setting else []
            if not setting or not there:
                continue
            if list(value_in(document, section, word)) != row_of(setting)[1]:
                place = document.place(there[-1])
                text = f"{key} here differs from {word} at {place}, which is not used; remove one"
                yield name, entry.at(key), text


@rule("SLT024", ENTRY, about=("previously",), blocks=PROJECT)
def bad_previous_name(entry: RawEntry, settings: RegistrySettings) -> Places:
    """A name below ``previously`` that no project can have had.

    Why: nothing can be moved from there.
    Example: ``previously: [/old/name]``
    Instead: ``previously: [old/name]``
    """
    for name in _previous(entry):
        if problem := name_problem(name):
            yield entry.at("previously"), f"previous name {name[:80]!r} {problem}"
        elif name == entry.name:
            yield entry.at("previously"), f"{name[:80]!r} is the project's own name; remove it"


@rule("SLT025", REGISTRY, blocks=PROJECT)
def previous_name_in_file(collected: Collected) -> Found:
    """A name below ``previously`` still stands in the file.

    Why: the project of that name becomes read-only, and its own entry asks for something else.
    Example: an entry ``old/name`` beside one with ``previously: [old/name]``
    Instead: remove the entry of the old name.
    """
    for name, entry in collected.entries.items():
        for old in _previous(entry):
            other = collected.entries.get(old)
            if other is not None and old != name:
                text = f"{old!r} still has an entry at {other.at('project')}; remove that entry"
                yield name, entry.at("previously"), text


@rule("SLT026", REGISTRY, blocks=PROJECT)
def previous_name_of_two(collected: Collected) -> Found:
    """Two entries say that they had the same name before.

    Why: the old project can only point to one of them.
    Example: ``previously: [old/name]`` in two entries
    Instead: in the one that goes on under the new name.
    """
    first: dict[str, RawEntry] = {}
    for name, entry in collected.entries.items():
        for old in dict.fromkeys(_previous(entry)):
            other = first.setdefault(old, entry)
            if other is not entry:
                place = other.at("previously")
                text = f"{old!r} is a previous name at {place}, too; keep it in one entry"
                yield name, entry.at("previously"), text


@rule("SLT027", ENTRY, about=("require-signed-push",), severity=WARNING)
def signed_push_not_enabled(entry: RawEntry, settings: RegistrySettings) -> Places:
    """Signed pushes are required where they are switched off.

    Why: Gerrit takes it without a word; nobody can push then.
    Example: ``require-signed-push: true`` beside ``enable-signed-push: false``
    Instead: ``enable-signed-push: true``
    """
    required = entry.values.get("require-signed-push") is True
    if required and entry.values.get("enable-signed-push") is False:
        text = "signed pushes are required but not enabled; write enable-signed-push: true"
        yield entry.at("require-signed-push"), text


def _with_acl(collected: Collected, *keys: str) -> Iterator[tuple[str, RawEntry, AclDocument]]:
    """Yield name, entry and ACL of the projects whose entry has one of ``keys``."""
    for name, document in collected.documents.items():
        entry = collected.entries[name]
        if not entry.values.keys().isdisjoint(keys):
            yield name, entry, document


def _previous(entry: RawEntry) -> list[str]:
    names = entry.values.get("previously")
    return [n for n in names if isinstance(n, str)] if isinstance(names, list) else []
