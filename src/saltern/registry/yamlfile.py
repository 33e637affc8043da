"""``projects.yaml`` with the place of every entry and key.

The YAML is never turned into objects of its own choosing: scalars, lists and mappings only,
with limits on depth and on what aliases may expand to.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, cast

import yaml

from saltern.errors import RegistryError
from saltern.registry.findings import ERROR, Finding, Position

_MERGE = "tag:yaml.org,2002:merge"
_LIST = "tag:yaml.org,2002:seq"
_COLLECTIONS = ("tag:yaml.org,2002:map", _LIST)
_BOOLEAN = "tag:yaml.org,2002:bool"
_FEW = 100
_UNFIT = (ArithmeticError, AttributeError, LookupError, ValueError)
"""What the library raises for ``!!timestamp x``, ``!!bool x`` and the like."""
_TEXT = "tag:yaml.org,2002:str"
_MAX_DEPTH = 20
_MAX_NODES = 5000
_SHALLOW = 500
_INDENTED = 100
"""How many of ``- ? :`` and blanks a line may begin with before its nesting is looked at."""
_EXPLAINED = (
    (
        "cannot start any token",
        "a tab, or one of @ ` %, begins a text; write spaces, or put it in quotes",
    ),
    ("mapping values are not allowed", "a ': ' inside a text; put the text in quotes"),
    ("while parsing a flow", "a '[' or '{' is not closed, or a ',' is missing; close it"),
    ("while scanning a quoted scalar", "a quote is not closed; close it"),
    ("could not find expected ':'", "a line without ': '; write 'KEY: VALUE'"),
    ("found a tab character", "a tab in the indentation; write spaces"),
    (
        "while parsing a block",
        "this line is indented otherwise than those above, or text follows a quote or bracket; "
        "align it, or put all of the text in quotes",
    ),
    ("undefined alias", "'*NAME' stands for nothing; define '&NAME' above, or use quotes"),
)
"""What libyaml says in its own words, in those of somebody who writes the file."""
_Fastest: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_NOT_TEXT = frozenset(_Fastest.yaml_implicit_resolvers)
"""First characters of plain words that may be something else than text."""
UNREADABLE = "SLT000"
"""Code of the finding that a file as a whole cannot be read."""


class UnreadableFile(RegistryError):
    """A file as a whole cannot be read; ``position`` and ``message`` say where and why."""

    def __init__(self, file: str, line: int, column: int, message: str):
        self.position = Position(file, line, column)
        self.message = message
        super().__init__(f"{self.position}: {message}")

    @property
    def finding(self) -> Finding:
        """Return the error as a finding."""
        return Finding(UNREADABLE, ERROR, self.position, self.message)


class _Loader(_Fastest):
    def descend_resolver(self, parent: yaml.Node | None, index: Any) -> None:
        """Do nothing, for every node, sooner than the library: no tag depends on the path."""

    def ascend_resolver(self) -> None:
        """See :meth:`descend_resolver`."""

    def resolve(self, kind: type, value: str, implicit: tuple[bool, bool]) -> str:
        """Return a node's tag, as the library does, and nearly all of them sooner."""
        if kind is yaml.ScalarNode and implicit[0] and value[:1] not in _NOT_TEXT:
            return _TEXT
        return cast(str, super().resolve(kind, value, implicit))


class Places(Mapping[str, Position]):
    """The places of an entry's keys, worked out when they are asked for."""

    def __init__(self, file: str, nodes: Mapping[str, yaml.Node], below: int = 0):
        self._file = file
        self._nodes = nodes
        self._below = below

    def moved(self, lines: int) -> Places:
        """Return the places ``lines`` further down."""
        return Places(self._file, self._nodes, self._below + lines)

    def __getitem__(self, key: str) -> Position:
        return lower(place_of(self._nodes[key], self._file), self._below)

    def __iter__(self) -> Iterator[str]:
        return iter(self._nodes)

    def __len__(self) -> int:
        return len(self._nodes)

    def __contains__(self, key: object) -> bool:
        return key in self._nodes


def place_of(node: yaml.Node, file: str) -> Position:
    """Return where a node stands; the end is that of a scalar."""
    mark = node.start_mark
    end = None
    if isinstance(node, yaml.ScalarNode):
        end = (node.end_mark.line + 1, node.end_mark.column + 1)
    return Position(file, mark.line + 1, mark.column + 1, end)


def lower(place: Position, lines: int) -> Position:
    """Return a place ``lines`` further down."""
    if not lines:
        return place
    end = place.end and (place.end[0] + lines, place.end[1])
    return Position(place.file, place.line + lines, place.column, end)


@dataclass(frozen=True)
class RawEntry:
    """One item of the list of projects, before any check.

    ``values`` holds what was written and the defaults below it; ``positions`` the place of
    each written key; ``repeated`` keys written twice; ``problem`` why it cannot be read.
    """

    position: Position
    values: Mapping[str, Any] = field(default_factory=dict)
    positions: Mapping[str, Position] = field(default_factory=dict)
    repeated: tuple[tuple[str, Position], ...] = ()
    problem: tuple[Position, str] | None = None

    @cached_property
    def name(self) -> str | None:
        """Return the project's name when it is text."""
        name = self.values.get("project")
        return name if isinstance(name, str) and name else None

    def at(self, key: str) -> Position:
        """Return the place of ``key``, or of the entry when the key was not written."""
        return self.positions.get(key, self.position)


def moved(entry: RawEntry, lines: int) -> RawEntry:
    """Return an entry as it would be ``lines`` further down."""
    places, problem = entry.positions, entry.problem
    return RawEntry(
        lower(entry.position, lines),
        entry.values,
        places.moved(lines) if isinstance(places, Places) else places,
        tuple((key, lower(place, lines)) for key, place in entry.repeated),
        problem and (lower(problem[0], lines), problem[1]),
    )


@dataclass(frozen=True)
class ProjectsFile:
    """The entries in file order, and the first document's defaults (the old layout), if any."""

    entries: tuple[RawEntry, ...]
    defaults: Mapping[str, Any]


class _Unreadable(Exception):
    def __init__(self, position: Position, message: str):
        super().__init__(message)
        self.position = position
        self.message = message


def read_projects(data: bytes, file: str) -> ProjectsFile:
    """Return what ``projects.yaml`` says.

    Raises :class:`RegistryError` with file, line and column when the file as a whole cannot
    be read; what is wrong with one entry stays in its ``problem``.
    """
    text = decode(data, file)
    loader, documents = compose(text, file)
    if len(documents) not in (1, 2):
        raise UnreadableFile(file, 1, 1, "the file must be one list of projects")
    reader = Reader(loader, file)
    defaults = reader.defaults(documents[0]) if len(documents) == 2 else {}
    items = reader.items(documents[-1])
    return ProjectsFile(tuple(reader.entry(node) for node in items), defaults)


def decode(data: bytes, file: str) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        column = error.start - (data.rfind(b"\n", 0, error.start) + 1) + 1
        message = "not UTF-8 text; save it as UTF-8"
        raise UnreadableFile(file, line, column, message) from error


def compose(text: str, file: str) -> tuple[Any, list[yaml.Node]]:
    try:
        if text.count("[") + text.count("{") > _SHALLOW or _is_indented(text):
            _check_depth(text, file)
        loader = _Loader(text)
        documents: list[yaml.Node] = []
        while loader.check_node():
            documents.append(cast(yaml.Node, loader.get_node()))
        return loader, documents
    except yaml.reader.ReaderError as error:
        before = text[: max(error.position, 0)]
        line, column = before.count("\n") + 1, len(before) - (before.rfind("\n") + 1) + 1
        raise UnreadableFile(file, line, column, error.reason) from error
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        message = f"not YAML: {explained(error.context, error.problem)}"
        raise UnreadableFile(file, line, column, message) from error


def explained(context: str | None, problem: str | None) -> str:
    """Return what YAML's reader says, in plain words where the cause is well known."""
    said = ", ".join(part for part in (context, problem) if part)
    return next((words for start, words in _EXPLAINED if start in said), said)


def _tag_refused(tag: str) -> str:
    """Return why a value of this type is not taken."""
    kind = tag.removeprefix("tag:yaml.org,2002:")[:60]
    return f"a value of the type {kind!r} is not taken here; write plain text, in quotes"


def _is_indented(text: str) -> bool:
    """Return whether a line starts far to the right, or nests with ``- - -``."""
    lines = [line for line in text.splitlines() if len(line) >= _INDENTED]
    return any(not line[:_INDENTED].strip("-?: \t") for line in lines)


def _check_depth(text: str, file: str) -> None:
    """Refuse nesting that would exhaust the C stack when nodes are made of it."""
    depth = 0
    for event in yaml.parse(text, Loader=_Loader):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > _MAX_DEPTH:
                mark = cast(yaml.Mark, event.start_mark)
                message = f"nested more than {_MAX_DEPTH} deep; an entry is a list of plain keys"
                raise UnreadableFile(file, mark.line + 1, mark.column + 1, message)
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1


class Reader:
    def __init__(self, loader: Any, file: str):
        self.loader = loader
        self.file = file
        self.budget = 0

    def place(self, node: yaml.Node) -> Position:
        return place_of(node, self.file)

    def items(self, node: yaml.Node | None) -> list[yaml.Node]:
        if not isinstance(node, yaml.SequenceNode):
            place = self.place(node) if node else Position(self.file, 1, 1)
            message = "the file must be a list of projects; begin each with '- project: NAME'"
            raise UnreadableFile(self.file, place.line, place.column, message)
        return node.value

    def defaults(self, node: yaml.Node) -> dict[str, Any]:
        nodes = node.value if isinstance(node, yaml.SequenceNode) else [node]
        merged: dict[str, Any] = {}
        for item in nodes:
            entry = self.entry(item)
            if entry.problem:
                place, message = entry.problem
                raise UnreadableFile(self.file, place.line, place.column, message)
            merged |= entry.values
        return merged

    def entry(self, node: yaml.Node) -> RawEntry:
        place = self.place(node)
        if not isinstance(node, yaml.MappingNode):
            return RawEntry(place, problem=(place, "this is no entry; write '- project: NAME'"))
        plain = self.plain(node)
        if plain:
            return RawEntry(place, plain, Places(self.file, {k.value: k for k, _ in node.value}))
        self.budget = _MAX_NODES
        values: dict[str, Any] = {}
        nodes: dict[str, yaml.Node] = {}
        repeated = []
        try:
            for key, at, value in self.pairs(node, 1):
                if key in nodes:
                    repeated.append((key, self.place(at)))
                nodes[key] = at
                values[key] = value
        except _Unreadable as error:
            problem = (error.position, error.message)
            return RawEntry(place, _name_only(node), problem=problem)
        return RawEntry(place, values, Places(self.file, nodes), tuple(repeated))

    def plain(self, node: yaml.MappingNode) -> dict[str, Any] | None:
        """Return the values of an entry of texts, lists of them and booleans; else ``None``."""
        values: dict[str, Any] = {}
        for key, value in node.value:
            if not _is_text(key) or key.value in values:
                return None
            if _is_text(value):
                values[key.value] = value.value
            elif isinstance(value, yaml.SequenceNode) and _is_short(value):
                values[key.value] = [item.value for item in value.value]
            elif value.tag == _BOOLEAN and value.value in ("true", "false"):
                values[key.value] = value.value == "true"
            else:
                return None
        return values

    def pairs(self, node: yaml.MappingNode, depth: int) -> Iterator[tuple[str, yaml.Node, Any]]:
        """Yield key, its node and its value; merged mappings (``<<``) first, once per key."""
        merged: dict[str, tuple[yaml.Node, Any]] = {}
        own = []
        for key_node, value_node in node.value:
            if key_node.tag == _MERGE:
                for source in self.merge_sources(value_node):
                    for key, at, value in self.pairs(source, depth + 1):
                        merged.setdefault(key, (at, value))
            else:
                own.append((self.key(key_node), key_node, value_node))
        names = {key for key, _, _ in own}
        yield from ((k, at, v) for k, (at, v) in merged.items() if k not in names)
        for key, at, value_node in own:
            yield key, at, self.value(value_node, depth + 1)

    def merge_sources(self, node: yaml.Node) -> list[yaml.MappingNode]:
        sources: list[Any] = node.value if isinstance(node, yaml.SequenceNode) else [node]
        for source in sources:
            self.spend(source, 1)
            if not isinstance(source, yaml.MappingNode):
                raise _Unreadable(
                    self.place(source), "'<<' takes keys with values only; write '<<: *NAME'"
                )
        return sources

    def key(self, node: yaml.Node) -> str:
        if not isinstance(node, yaml.ScalarNode):
            raise _Unreadable(self.place(node), "a key must be text; write 'KEY: VALUE'")
        self.spend(node, 1)
        return node.value

    def value(self, node: yaml.Node, depth: int) -> Any:
        self.spend(node, depth)
        if not isinstance(node, yaml.ScalarNode) and node.tag not in _COLLECTIONS:
            raise _Unreadable(self.place(node), _tag_refused(node.tag))
        if isinstance(node, yaml.SequenceNode):
            return [self.value(item, depth + 1) for item in node.value]
        if isinstance(node, yaml.MappingNode):
            return {key: value for key, _, value in self.pairs(node, depth)}
        return self.scalar(node)

    def scalar(self, node: yaml.Node) -> Any:
        try:
            return self.loader.construct_object(node)
        except (yaml.YAMLError, *_UNFIT) as error:
            raise _Unreadable(self.place(node), _tag_refused(node.tag)) from error

    def spend(self, node: yaml.Node, depth: int) -> None:
        self.budget -= 1
        if self.budget < 0 or depth > _MAX_DEPTH:
            raise _Unreadable(
                self.place(node),
                "this entry is too large or nested too deep; write a few plain keys",
            )


def _is_short(node: yaml.SequenceNode) -> bool:
    """Return whether a node is a list of not so many texts."""
    return node.tag == _LIST and len(node.value) < _FEW and all(map(_is_text, node.value))


def _is_text(node: yaml.Node) -> bool:
    return node.tag == _TEXT and isinstance(node, yaml.ScalarNode)


def _name_only(node: yaml.MappingNode) -> dict[str, Any]:
    """Return the project's name of an entry that is otherwise unreadable."""
    for key, value in node.value:
        if getattr(key, "value", None) == "project" and value.tag == _TEXT:
            return {"project": value.value}
    return {}
