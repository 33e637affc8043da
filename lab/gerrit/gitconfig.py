"""git-config text: parsed the way Gerrit's git library does, edited without reordering."""

from __future__ import annotations

from dataclasses import dataclass

_ESCAPES = {"t": "\t", "b": "\b", "n": "\n", '"': '"', "\\": "\\"}


class ConfigError(ValueError):
    """Text that is not git-config; the message is what Gerrit reports."""


@dataclass
class Line:
    """One line: a header (``name`` None), an entry, or a blank or comment line."""

    section: str | None = None
    subsection: str | None = None
    name: str | None = None
    value: str | None = None
    raw: str | None = None


class Document:
    """An editable git-config document; section and key names ignore case."""

    def __init__(self, text: str = ""):
        self.lines: list[Line] = _Parser(text).lines if text else []

    def get_list(self, section: str, subsection: str | None, name: str) -> list[str]:
        """All values of a key in order; a key without ``=`` is an empty string."""
        return [x.value or "" for x in self._entries(section, subsection, name)]

    def get(self, section: str, subsection: str | None, name: str) -> str | None:
        """The last value of a key, None when unset or empty."""
        values = self.get_list(section, subsection, name)
        return (values[-1] or None) if values else None

    def subsections(self, section: str) -> list[str]:
        """Names of the subsections, in order of first appearance."""
        return list(
            dict.fromkeys(
                x.subsection
                for x in self.lines
                if _same(x.section, section) and x.subsection is not None
            )
        )

    def names(self, section: str, subsection: str | None = None) -> list[str]:
        """Key names of a section, in order, the first spelling of each."""
        found: dict[str, str] = {}
        for x in self.lines:
            if _same(x.section, section) and x.subsection == subsection and x.name:
                found.setdefault(x.name.lower(), x.name)
        return list(found.values())

    def set_list(self, section: str, subsection: str | None, name: str, values: list[str]) -> None:
        """Replace a key's values in place; surplus entries go, new ones follow the last."""
        left = list(values)
        kept: list[Line] = []
        last = -1
        for x in self.lines:
            if self._is(x, section, subsection, name):
                if not left:
                    continue
                value = left.pop(0)
                if value != x.value:
                    x = Line(x.section, x.subsection, x.name, value)
                last = len(kept)
            kept.append(x)
        self.lines = kept
        if left:
            at = last + 1 if last >= 0 else self._end_of(section, subsection)
            new = [Line(section, subsection, name, value) for value in left]
            self.lines[at:at] = new

    def set(self, section: str, subsection: str | None, name: str, value: str | None) -> None:
        """Set one value, or remove the key with None."""
        self.set_list(section, subsection, name, [] if value is None else [value])

    def unset_section(self, section: str, subsection: str | None) -> None:
        """Remove a section with its entries."""
        self.lines = [
            x for x in self.lines if not (_same(x.section, section) and x.subsection == subsection)
        ]

    def move_to_end(self, section: str) -> None:
        """Put all of a section's lines, subsections included, behind the others."""
        mine = [x for x in self.lines if _same(x.section, section)]
        self.lines = [x for x in self.lines if not _same(x.section, section)] + mine

    def drop_empty(self, section: str, subsection: str | None) -> None:
        """Remove a section's header if it has no entries."""
        if not self.names(section, subsection):
            self.unset_section(section, subsection)

    def text(self) -> str:
        """The document as text; unchanged lines come out as they went in."""
        return "".join((x.raw if x.raw is not None else _render(x)) + "\n" for x in self.lines)

    def _entries(self, section: str, subsection: str | None, name: str) -> list[Line]:
        return [x for x in self.lines if self._is(x, section, subsection, name)]

    @staticmethod
    def _is(x: Line, section: str, subsection: str | None, name: str) -> bool:
        return _same(x.name, name) and _same(x.section, section) and x.subsection == subsection

    def _end_of(self, section: str, subsection: str | None) -> int:
        end = -1
        for at, x in enumerate(self.lines):
            if _same(x.section, section) and x.subsection == subsection:
                end = at + 1
        if end < 0:
            self.lines.append(Line(section, subsection))
            end = len(self.lines)
        return end


def _same(a: str | None, b: str | None) -> bool:
    return a is not None and b is not None and a.lower() == b.lower()


def _render(x: Line) -> str:
    if x.name is not None:
        return f"\t{x.name} = {quote(x.value or '')}" if x.value is not None else f"\t{x.name}"
    if x.subsection is not None:
        escaped = x.subsection.replace("\\", "\\\\").replace('"', '\\"')
        return f'[{x.section} "{escaped}"]'
    return f"[{x.section}]" if x.section else ""


def quote(value: str) -> str:
    """A value as it is written after ``=``."""
    wrap = value != value.strip(" \t") or "#" in value or ";" in value
    out = value.replace("\\", "\\\\").replace('"', '\\"')
    out = out.replace("\n", "\\n").replace("\t", "\\t").replace("\b", "\\b")
    return f'"{out}"' if wrap else out


class _Parser:
    """Character by character, with the same complaints as the original."""

    def __init__(self, text: str):
        self.text = text
        self.at = 0
        self.lines: list[Line] = []
        self._run()

    def _next(self) -> str:
        c = self.text[self.at] if self.at < len(self.text) else ""
        self.at += 1
        return c

    def _run(self) -> None:
        last: Line | None = None
        start, line = 0, Line()
        while True:
            c = self._next()
            if c in ("", "\n"):
                line.raw = self.text[start : self.at - 1]
                if line.raw or line.section or c:
                    self.lines.append(line)
                if line.section is not None:
                    last = line
                if not c:
                    break
                start, line = self.at, Line()
            elif c in ";#":
                self._skip_to_eol()
            elif c.isspace():
                continue
            elif c == "[":
                self._header(line)
            elif last is not None or line.section is not None:
                self._split_header(line, start)
                if line.section is not None:
                    last, line, start = line, Line(), self.at - 1
                    self.lines.append(last)
                self.at -= 1
                self._entry(line, last)
            else:
                raise ConfigError("Invalid line in config file")
        while self.lines and self.lines[-1].raw == "" and not self.text.endswith("\n\n"):
            self.lines.pop()

    @staticmethod
    def _split_header(line: Line, start: int) -> None:
        """An entry on the header's own line: the header becomes a line of its own."""
        if line.section is not None:
            line.raw = None

    def _skip_to_eol(self) -> None:
        while self.at < len(self.text) and self.text[self.at] != "\n":
            self.at += 1

    def _header(self, line: Line) -> None:
        line.section = self._section_name()
        c = self._next()
        if c == '"':
            line.subsection = self._subsection_name()
            c = self._next()
        if c != "]":
            raise ConfigError("Bad group header")

    def _section_name(self) -> str:
        name = ""
        while True:
            c = self._next()
            if c == "":
                raise ConfigError("Unexpected end of config file")
            if c == "]":
                self.at -= 1
                return name
            if c in " \t":
                while (c := self._next()) in (" ", "\t"):
                    pass
                if c != '"':
                    raise ConfigError(f"Bad section entry: {name}")
                self.at -= 1
                return name
            if not (c.isalnum() or c in ".-"):
                raise ConfigError(f"Bad section entry: {name}")
            name += c

    def _subsection_name(self) -> str:
        name = ""
        while True:
            c = self._next()
            if c in ('"', ""):
                return name
            if c == "\n":
                raise ConfigError("Newline in quotes not allowed")
            name += self._next() if c == "\\" else c

    def _entry(self, line: Line, last: Line) -> None:
        line.section, line.subsection = last.section, last.subsection
        name = ""
        while True:
            c = self._next()
            if c == "":
                raise ConfigError("Unexpected end of config file")
            if c == "=":
                line.name, line.value = name, self._value()
                return
            if c == "\n":
                self.at -= 1
                line.name = name
                return
            if c in " \t\r":
                if not self._delimiter():
                    line.name = name
                    return
                line.name, line.value = name, self._value()
                return
            if not (c.isalnum() or c == "-"):
                raise ConfigError(f"Bad entry name: {name}")
            name += c

    def _delimiter(self) -> bool:
        """Skip blanks; whether ``=`` follows (else the end of the line or a comment)."""
        while True:
            c = self._next()
            if c == "=":
                return True
            if c in (" ", "\t", "\r"):
                continue
            self.at -= 1
            if c in ("", "\n", ";", "#"):
                return False
            raise ConfigError("Bad entry delimiter")

    def _value(self) -> str:
        value, quoted, pending = "", False, ""
        while True:
            c = self._next()
            if c in ("", "\n"):
                self.at -= 1
                if quoted:
                    raise ConfigError("Newline in quotes not allowed")
                return value
            if not quoted and c in ";#":
                self._skip_to_eol()
                return value
            if not quoted and c.isspace():
                pending += c if value else ""
                continue
            value, pending = value + pending, ""
            if c == '"':
                quoted = not quoted
            elif c == "\\":
                c = self._next()
                if c == "\n" or c == "":
                    continue
                if c not in _ESCAPES:
                    raise ConfigError(f"Bad escape: {c}")
                value += _ESCAPES[c]
            else:
                value += c
