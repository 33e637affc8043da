"""ACL documents: a ``project.config`` as its author wrote it, what it says, what to write."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import cached_property, lru_cache
from types import MappingProxyType

from saltern.errors import Broken
from saltern.registry import vocabulary
from saltern.registry.findings import Position
from saltern.registry.gitconfig import AclSyntaxError, Entry, Header, scan
from saltern.registry.normal import RULE_SETTINGS, Row, digest_rows, normal_rows
from saltern.registry.permission_rule import RuleError, group_in, parse_rule

__all__ = [
    "SYSTEM_GROUPS",
    "AclDocument",
    "AclSyntaxError",
    "Entry",
    "compose",
    "digest",
    "groups_file",
    "normalise",
    "set_value",
]

SYSTEM_GROUPS: Mapping[str, str] = MappingProxyType(
    {
        "Anonymous Users": "global:Anonymous-Users",
        "Change Owner": "global:Change-Owner",
        "Project Owners": "global:Project-Owners",
        "Registered Users": "global:Registered-Users",
    }
)
"""Groups that every Gerrit has and nobody makes, with their UUIDs."""

_EXPRESSIONS = frozenset({"copycondition", "applicableif", "submittableif", "overrideif"})
_EXPRESSION_GROUP = (
    r'(?:,group=|\b(?:approverin|uploaderin|ownerin|reviewerin):)("([^"]*)"|[^\s,()"]+)'
)
_UUID = r"[0-9a-f]{40}|[a-z]+:.*"
_PLAIN_VALUE = r"[^\s\"\\;#](?:[^\"\\;#\t\n\r]*[^\s\"\\;#])?"
_UNWRITABLE = "[\x00-\x07\x0b-\x1f\x7f\ud800-\udfff]"


class AclDocument:
    """A parsed ``project.config``; immutable.

    ``text`` is the source unchanged, ``entries`` its ``key = value`` lines in file order,
    ``headers`` its section headers, ``file`` the name used in messages.
    """

    def __init__(self, text: str, file: str, headers: Iterable[Header], entries: Iterable[Entry]):
        self.text = text
        self.file = file
        self.headers = tuple(headers)
        self.entries = tuple(entries)

    @classmethod
    def parse(cls, text: str | bytes, file: str = "") -> AclDocument:
        """Read ``text`` (bytes: UTF-8) as git and Gerrit do.

        Raises :class:`AclSyntaxError` with file, line and column.
        """
        if isinstance(text, bytes):
            text = _decode(text, file)
        return cls(text, file, *scan(text, file))

    def get_all(self, section: str, subsection: str | None, key: str) -> list[str | None]:
        """Return every value of a key in file order; ``None`` for a key without ``=``."""
        return [e.value for e in self.select(section, subsection, key)]

    def get(self, section: str, subsection: str | None, key: str) -> str | None:
        """Return the last value of a key ("" for one without ``=``), ``None`` when absent."""
        values = self.get_all(section, subsection, key)
        return (values[-1] or "") if values else None

    def select(self, section: str, subsection: str | None, key: str) -> list[Entry]:
        """Return the entries of a key in file order."""
        return list(self._index.get((section.lower(), subsection, key.lower()), ()))

    def place(self, item: Entry | Header) -> Position:
        """Return where an entry or a header stands, to the end of its text."""
        start = (
            item.start if isinstance(item, Entry) else self.text.rfind("\n", 0, item.end - 1) + 1
        )
        lines = self.text[start : item.end].rstrip().split("\n")
        end = (item.line + len(lines) - 1, len(lines[-1]) + 1)
        return Position(self.file, item.line, item.column, end)

    @cached_property
    def _index(self) -> dict[tuple[str, str | None, str], list[Entry]]:
        index: dict[tuple[str, str | None, str], list[Entry]] = {}
        for entry in self.entries:
            index.setdefault((entry.section, entry.subsection, entry.key.lower()), []).append(entry)
        return index

    @cached_property
    def inherit_from(self) -> str | None:
        """Return the parent that the document names, ``None`` when it names none."""
        if "inheritfrom" not in self.text.lower():
            return None  # as nearly all are: no need to index the entries
        return self.get("access", None, "inheritFrom") or None

    @cached_property
    def state(self) -> str | None:
        """Return ACTIVE, READ_ONLY or HIDDEN; ``None`` when not set or not one of them."""
        value = self.get("project", None, "state")
        return vocabulary.enum(value, vocabulary.STATES) if value else None

    @cached_property
    def group_entries(self) -> Mapping[str, Entry]:
        """Return every group named, sorted, with the entry that names it first."""
        found: dict[str, Entry] = {}
        for entry in self.entries:
            in_subsection = entry.subsection is not None
            for name in _groups_in(entry.section, in_subsection, entry.key, entry.value):
                found.setdefault(name, entry)
        return MappingProxyType(dict(sorted(found.items())))

    @cached_property
    def group_names(self) -> tuple[str, ...]:
        """Return every group named, sorted; system groups included."""
        return tuple(self.group_entries)

    @cached_property
    def rows(self) -> tuple[Row, ...]:
        """Return the normal form."""
        return normal_rows(self.entries)


def normalise(document: AclDocument) -> tuple[Row, ...]:
    """Return the normal form: sorted ``(section, subsection, key, values)``."""
    return document.rows


def digest(document: AclDocument | str | bytes, ignore_description: bool = True) -> str:
    """Return the hex SHA-256 of the normal form, equal for documents that mean the same.

    ``ignore_description`` leaves ``[project] description`` out. Raises
    :class:`AclSyntaxError` for text that cannot be read.
    """
    if not isinstance(document, AclDocument):
        document = AclDocument.parse(document)
    rows = document.rows
    if ignore_description:
        rows = tuple(r for r in rows if r[:3] != ("project", "", "description"))
    return digest_rows(rows)


def compose(acl: AclDocument, *, description: str | None, parent: str | None) -> str:
    """Return the ``project.config`` to write: the author's bytes, two settings made sure of.

    ``description`` and ``parent`` replace ``[project] description`` and ``[access]
    inheritFrom`` where they differ; ``None`` leaves what is there. Raises :class:`Broken`
    for a value with a control character other than line feed, tab and backspace.
    """
    text = set_value(acl, "project", "description", description)
    if parent is not None and parent != (acl.inherit_from or ""):
        document = acl if text is acl.text else AclDocument.parse(text, acl.file)
        text = set_value(document, "access", "inheritFrom", parent)
    return text


def groups_file(uuids: Mapping[str, str]) -> str:
    """Return the ``groups`` file that maps names to UUIDs (``uuids``: by name).

    Raises :class:`Broken` for a name or UUID that the format cannot hold.
    """
    for name, uuid in uuids.items():
        if not all(v and v == v.strip() and not set(v) & set("\t\r\n") for v in (name, uuid)):
            raise Broken(f"group {name!r} cannot be written to a groups file", code="group-name")
        if name.startswith("#") or uuid.startswith("#"):
            raise Broken(f"group {name!r} would be a comment in a groups file", code="group-name")
    lines = [f"{uuid}\t{name}\n" for name, uuid in sorted(uuids.items())]
    return "# UUID\tGroup Name\n#\n" + "".join(lines)


def quote(value: str) -> str:
    """Return ``value`` as git and Gerrit read it back exactly. Raises :class:`Broken`."""
    if re.search(_UNWRITABLE, value):
        raise Broken(f"control character in {value[:60]!r}; remove it", code="unwritable")
    if value.isascii() and value.isprintable() and re.fullmatch(_PLAIN_VALUE, value):
        return value
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    escaped = escaped.replace("\n", "\\n").replace("\t", "\\t").replace("\b", "\\b")
    return f'"{escaped}"'


def _decode(data: bytes, file: str) -> str:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        before = data[: error.start]
        line = before.count(b"\n") + 1
        column = error.start - (before.rfind(b"\n") + 1) + 1
        raise AclSyntaxError("not UTF-8 text; save it as UTF-8", file, line, column) from error


def set_value(acl: AclDocument, section: str, key: str, value: str | None) -> str:
    """Return the text with exactly one ``key`` in ``[section]``, or none when value is "".

    ``None`` leaves it as it is. Raises :class:`Broken` for a value that cannot be written.
    """
    entries = acl.select(section, None, key)
    if value is None or [e.value or "" for e in entries] == ([value] if value else []):
        return acl.text
    newline = "\r\n" if acl.text.partition("\n")[0].endswith("\r") else "\n"
    line = f"\t{key} = {quote(value)}{newline}" if value else ""
    text = acl.text
    for index, entry in enumerate(reversed(entries)):
        text = text[: entry.start] + (line if index == 0 else "") + text[entry.end :]
    if entries or not line:
        return text
    return _insert(acl, section, line, newline)


def _insert(acl: AclDocument, section: str, line: str, newline: str) -> str:
    """Return the text with ``line`` added below the section's header, made if need be."""
    for header in acl.headers:
        if header.section == section and header.subsection is None:
            before, after = acl.text[: header.end], acl.text[header.end :]
            break
    else:
        before, after, line = acl.text, "", f"[{section}]{newline}{line}"
    if before and not before.endswith("\n"):
        before += newline
    return before + line + after


@lru_cache(maxsize=32768)
def _groups_in(section: str, in_subsection: bool, name: str, value: str | None) -> list[str]:
    """Return the groups that the value of a key, called ``name``, names."""
    key = name.lower()
    if value is None:
        return []
    if key in _EXPRESSIONS:
        return _groups_in_expression(value)
    if section == "access":
        if not in_subsection or key == "exclusivegrouppermissions":
            return []
        return _rule_group(value, vocabulary.label_of(name) is not None)
    if section == "capability":
        return _rule_group(value, key in vocabulary.RANGED_CAPABILITIES)
    if (section, key) in RULE_SETTINGS:
        return _rule_group(value, False)
    group = group_in(value) if section in ("notify", "plugin") else None
    return [group] if group else []


def _rule_group(value: str, ranged: bool) -> list[str]:
    try:
        return [parse_rule(value, ranged).group]
    except RuleError:
        return []


def _groups_in_expression(value: str) -> list[str]:
    """Return groups a submit requirement or copy condition names; it needs them to exist."""
    names = [m[2] if m[2] is not None else m[1] for m in re.finditer(_EXPRESSION_GROUP, value)]
    return [n for n in names if n and not re.fullmatch(_UUID, n)]
