"""``groups.yaml``: reading it, with the place of every entry, key and list item."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import yaml

from saltern.errors import Refused
from saltern.registry.findings import Position
from saltern.registry.groupmodel import Group, Named, group_name_problem
from saltern.registry.source import Source
from saltern.registry.yamlfile import Reader, UnreadableFile, compose, decode

NAME = "group"
_NO_MAPPING = "this is no entry; write '- group: NAME'"


@dataclass(frozen=True)
class RawGroup:
    """One item of the list of groups, before any check.

    ``values`` holds what was written, ``positions`` the place of each key, ``items`` the places
    of the items of each list; ``repeated`` keys written twice; ``problem`` why it cannot be read.
    """

    position: Position
    values: Mapping[str, Any] = field(default_factory=dict)
    positions: Mapping[str, Position] = field(default_factory=dict)
    items: Mapping[str, tuple[Position, ...]] = field(default_factory=dict)
    repeated: tuple[tuple[str, Position], ...] = ()
    problem: tuple[Position, str] | None = None

    @property
    def name(self) -> str | None:
        """Return the group's name when it is text."""
        name = self.values.get(NAME)
        return name if isinstance(name, str) and name else None

    def at(self, key: str) -> Position:
        """Return the place of ``key``, or of the entry when the key was not written."""
        return self.positions.get(key, self.position)

    def texts(self, key: str) -> tuple[Named, ...] | None:
        """Return the texts of a list with their places; ``None`` unless all are texts."""
        value = self.values.get(key)
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            return None
        places = self.items.get(key, ())
        known = places if len(places) == len(value) else (self.at(key),) * len(value)
        return tuple(map(Named, value, known))

    def text(self, key: str) -> Named | None:
        """Return a text with the place of its key; ``None`` when it is absent or not text."""
        value = self.values.get(key)
        return Named(value, self.at(key)) if isinstance(value, str) else None


@dataclass(frozen=True)
class GroupsFile:
    """The entries in file order, or why the file as a whole cannot be read."""

    path: str
    entries: tuple[RawGroup, ...] = ()
    problem: tuple[Position, str] | None = None


def read_groups(source: Source, path: str) -> GroupsFile:
    """Return what the groups file says; one that is not there says nothing."""
    try:
        data = source.read(path)
        return GroupsFile(path) if data is None else GroupsFile(path, tuple(_entries(data, path)))
    except Refused as error:
        return GroupsFile(path, problem=(Position(path, 1, 1), error.reason))
    except UnreadableFile as error:
        return GroupsFile(path, problem=(error.position, error.message))


def _entries(data: bytes, path: str) -> Iterator[RawGroup]:
    loader, documents = compose(decode(data, path), path)
    if not documents or _is_null(documents[0]):
        return
    if len(documents) > 1:
        raise UnreadableFile(path, 1, 1, "expected one YAML document, a list of groups")
    reader = Reader(loader, path)
    if not isinstance(documents[0], yaml.SequenceNode):
        place = reader.place(documents[0])
        text = "the file must be a list of groups; begin each with '- group: NAME'"
        raise UnreadableFile(path, place.line, place.column, text)
    for node in documents[0].value:
        yield _entry(reader, node)


def _is_null(node: yaml.Node) -> bool:
    return isinstance(node, yaml.ScalarNode) and node.tag == "tag:yaml.org,2002:null"


def _entry(reader: Reader, node: yaml.Node) -> RawGroup:
    read = reader.entry(node)
    if not isinstance(node, yaml.MappingNode):
        return RawGroup(read.position, problem=(read.position, _NO_MAPPING))
    if read.problem:
        return RawGroup(read.position, _name_only(node), problem=read.problem)
    items = {
        key.value: tuple(reader.place(item) for item in value.value)
        for key, value in node.value
        if isinstance(key, yaml.ScalarNode) and isinstance(value, yaml.SequenceNode)
    }
    return RawGroup(read.position, read.values, read.positions, items, read.repeated)


def _name_only(node: yaml.MappingNode) -> dict[str, Any]:
    """Return the name of an entry that is otherwise unreadable."""
    for key, value in node.value:
        if getattr(key, "value", None) == NAME and value.tag == "tag:yaml.org,2002:str":
            return {NAME: value.value}
    return {}


def wishes(entries: Iterable[RawGroup]) -> dict[str, Group]:
    """Return the groups asked for by name: the first usable entry of each.

    Values of a wrong type count as absent; findings hold up what they make doubtful.
    """
    found: dict[str, Group] = {}
    for entry in entries:
        if entry.name is None or group_name_problem(entry.name) or entry.name in found:
            continue
        description = entry.text("description")
        found[entry.name] = Group(
            entry.name,
            entry.at(NAME),
            description.text.strip() if description else None,
            entry.text("owner"),
            entry.texts("members"),
            entry.texts("includes"),
        )
    return found
