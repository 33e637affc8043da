"""Git's configuration file grammar, as far as git and JGit read it alike.

Gerrit reads ``project.config`` with JGit, people check it with ``git config``. Where the two
disagree about structure (a key on the line of a section header, which JGit skips; a key before
any header; a byte order mark; ``flag ; comment``) or one of them refuses, the text is refused
here with a line and a column. Where they only disagree about blanks inside a value, JGit's
reading is taken. ``include`` is a section like any other: nothing is ever included.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from saltern.errors import SalternError
from saltern.registry.findings import Position

BOM = "\ufeff"
_HEADER = re.compile(
    r'\[([A-Za-z0-9.-]+)(?:[ \t]+"((?:[^"\\\n]|\\[^\n])*)")?\][ \t\r]*(?:[;#][^\n]*)?(?=\n|\Z)'
)
_KEY = re.compile(r"([A-Za-z][A-Za-z0-9-]*)[ \t]*(=?)")
_PLAIN = re.compile(r'[^"\\;#\n]*(?=\n|\Z)')
_LINE = re.compile(
    r"[ \t\r]*(?:\n|[;#][^\n]*\n"
    r'|\[([A-Za-z0-9.-]+)(?:[ \t]+"([^"\\\n]*)")?\][ \t\r]*\n'
    r'|([A-Za-z][A-Za-z0-9-]*)[ \t]*=([^"\\;#\n]*)\n)'
)
"""A line as nearly all are: blank, a comment, a header, or a key with a plain value."""
_OF_KEY = 4
"""The last group of :data:`_LINE` that matches a line with a key."""
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f](?!(?<=\r)\n)")
"""Control characters, a carriage return before a line feed left out; without ``|`` found sooner."""
_ESCAPES = {"n": "\n", "t": "\t", "b": "\b", "\\": "\\", '"': '"'}
BLANKS = " \t\r" + "".join(
    map(chr, (0x1680, *range(0x2000, 0x2007), *range(0x2008, 0x200B), 0x2028))
)
BLANKS += "\u2029\u205f\u3000"
"""What Java's ``Character.isWhitespace`` holds, line feed and refused characters left out."""


class AclSyntaxError(SalternError):
    """The text is not a configuration file; ``file``, ``line``, ``column`` say where."""

    code = "acl-syntax"

    def __init__(self, message: str, file: str, line: int, column: int):
        self.position = Position(file, line, column)
        self.message = message
        super().__init__(f"{self.position}: {message}")

    @property
    def file(self) -> str:
        """Return the file the text came from."""
        return self.position.file

    @property
    def line(self) -> int:
        """Return the line, from 1."""
        return self.position.line

    @property
    def column(self) -> int:
        """Return the column, from 1."""
        return self.position.column


class Header(NamedTuple):
    """A section header: ``[section "subsection"]``; ``end`` is the offset after its line."""

    section: str
    subsection: str | None
    line: int
    column: int
    end: int


class Entry(NamedTuple):
    """One ``key = value``.

    ``section`` is in lower case, ``key`` as written (compare it without case). ``value`` is
    ``None`` for a key without ``=``. ``start`` and ``end`` are the offsets of its lines.
    """

    section: str
    subsection: str | None
    key: str
    value: str | None
    line: int
    column: int
    start: int = 0
    end: int = 0


def scan(text: str, file: str = "") -> tuple[list[Header], list[Entry]]:
    """Return headers and entries of ``text`` in file order.

    Raises :class:`AclSyntaxError` where git or JGit would refuse it, or read it differently.
    """
    return _Scanner(text, file).run()


class _Scanner:
    def __init__(self, text: str, file: str):
        self.text = text
        self.file = file
        self.headers: list[Header] = []
        self.entries: list[Entry] = []
        self.line = 1
        self.line_start = 0

    def error(self, offset: int, message: str) -> AclSyntaxError:
        line = self.text.count("\n", 0, offset) + 1
        column = offset - (self.text.rfind("\n", 0, offset) + 1) + 1
        return AclSyntaxError(message, self.file, line, column)

    def run(self) -> tuple[list[Header], list[Entry]]:
        self.refuse_characters()
        size = len(self.text)
        while self.line_start < size:
            match = _LINE.match(self.text, self.line_start)
            if match and (match.lastindex != _OF_KEY or self.headers):
                if match.lastindex:
                    self.plain_line(match)
                self.line += 1
                self.line_start = match.end()
                continue
            end = self.one_line()
            self.line += self.text.count("\n", self.line_start, end)
            self.line_start = end
        return self.headers, self.entries

    def plain_line(self, match: re.Match[str]) -> None:
        """Take a line that needs no closer look."""
        section, subsection, key, value = match.groups()
        start, end = self.line_start, match.end()
        if match.lastindex != _OF_KEY:
            column = match.start(1) - start
            self.headers.append(Header(section.lower(), subsection, self.line, column, end))
            return
        above, column = self.headers[-1], match.start(3) - start + 1
        value = value.strip(BLANKS)
        self.entries.append(
            Entry(above.section, above.subsection, key, value, self.line, column, start, end)
        )

    def refuse_characters(self) -> None:
        if self.text.startswith(BOM):
            raise self.error(0, "the file starts with a byte order mark; save it without")
        bad = _CONTROL.search(self.text)
        if bad:
            code = f"U+{ord(bad.group()):04X}"
            raise self.error(bad.start(), f"control character {code}; remove it")

    def one_line(self) -> int:
        """Read what starts on this line; return the offset of the next unread line."""
        offset = self.line_start
        while self.text[offset : offset + 1] in (" ", "\t", "\r"):
            offset += 1
        first = self.text[offset : offset + 1]
        if first in ("", "\n"):
            return offset + 1
        if first in "#;":
            return self.line_end(offset) + 1
        return self.header(offset) if first == "[" else self.entry(offset)

    def line_end(self, offset: int) -> int:
        newline = self.text.find("\n", offset)
        return len(self.text) if newline < 0 else newline

    def header(self, offset: int) -> int:
        match = _HEADER.match(self.text, offset)
        if not match:
            raise self.error(
                offset,
                'no section header; write one such as [access "refs/heads/*"] alone on its line',
            )
        name, subsection = match.groups()
        if subsection is not None:
            subsection = re.sub(r"\\(.)", r"\1", subsection)
        end = min(match.end() + 1, len(self.text))
        column = offset - self.line_start + 1
        self.headers.append(Header(name.lower(), subsection, self.line, column, end))
        return end

    def entry(self, offset: int) -> int:
        match = _KEY.match(self.text, offset)
        if not match:
            raise self.error(
                offset, "this line is not understood; write 'KEY = VALUE' or a [section]"
            )
        if not self.headers:
            raise self.error(
                offset, "no section is above this line; write one such as [project] there"
            )
        key, equals = match.groups()
        value, end = self.value(match.end()) if equals else self.flag(match.end())
        section = self.headers[-1]
        column = offset - self.line_start + 1
        self.entries.append(
            Entry(
                section.section,
                section.subsection,
                key,
                value,
                self.line,
                column,
                self.line_start,
                end,
            )
        )
        return end

    def flag(self, offset: int) -> tuple[None, int]:
        if self.text[offset : offset + 1] != "\n":
            raise self.error(offset, "'=' is missing after the key; write 'KEY = VALUE'")
        return None, offset + 1

    def value(self, offset: int) -> tuple[str, int]:
        plain = _PLAIN.match(self.text, offset)
        if plain:
            return plain.group().strip(BLANKS), min(plain.end() + 1, len(self.text))
        return self.quoted_value(offset)

    def quoted_value(self, offset: int) -> tuple[str, int]:
        """Read a value with quotes, escapes, a comment or a continuation in it."""
        out: list[str] = []
        keep = 0  # length of out up to the last character that is not an unquoted blank
        quoted_at = -1
        leading = True
        text = self.text
        while offset < len(text) and text[offset] != "\n":
            char = text[offset]
            blank = quoted_at < 0 and char in BLANKS
            if quoted_at < 0 and char in "#;":
                offset = self.line_end(offset)
                break
            if not blank and out and not keep:
                raise self.error(
                    offset,
                    "git and Gerrit read these blanks differently; put the value in quotes",
                )
            if char == "\\":
                offset = self.escape(offset, out)
                keep, leading = len(out), False
                continue
            if char == '"':
                quoted_at = -1 if quoted_at >= 0 else offset
            elif not (blank and leading):
                out.append(char)
            keep = keep if blank else len(out)
            leading = leading and blank
            offset += 1
        if quoted_at >= 0:
            raise self.error(
                quoted_at,
                'this quote is not closed; close it on its line, or write \\" for the character',
            )
        return "".join(out[:keep]), min(offset + 1, len(text))

    def escape(self, offset: int, out: list[str]) -> int:
        """Handle the backslash at ``offset``; return the offset after the escape."""
        after = self.text[offset + 1 : offset + 2]
        if after == "\n":
            return offset + 2
        if self.text[offset + 1 : offset + 3] == "\r\n":
            return offset + 3
        if after not in _ESCAPES or not after:
            raise self.error(
                offset, '\\ may only stand in \\\\ \\" \\n \\t \\b; write \\\\ for the character'
            )
        out.append(_ESCAPES[after])
        return offset + 2
