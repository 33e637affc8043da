"""The lines that findings are about."""

from __future__ import annotations

from saltern.errors import SalternError
from saltern.registry.findings import Position
from saltern.registry.source import Source

BOM = "\ufeff"


class Lines:
    """Lines of a source's files; each file is read once."""

    def __init__(self, source: Source):
        self._source = source
        self._files: dict[str, list[str]] = {}

    def of(self, file: str) -> list[str]:
        """Return a file's lines without their ends; none for what cannot be read."""
        if file not in self._files:
            self._files[file] = self._read(file)
        return self._files[file]

    def line(self, position: Position) -> str | None:
        """Return the line a position is on, ``None`` when there is none."""
        lines = self.of(position.file)
        return lines[position.line - 1] if 0 < position.line <= len(lines) else None

    def span(self, position: Position) -> tuple[int, int]:
        """Return offsets in that line: of the first character meant, and behind the last.

        A position without an end means the word it stands at; one that goes on below means
        the rest of its line.
        """
        line = self.line(position) or ""
        start = min(max(position.column - 1, 0), len(line))
        end = self._end(position, line, start)
        return start, min(max(end, start + 1), max(len(line), start + 1))

    def _end(self, position: Position, line: str, start: int) -> int:
        if position.end is None:
            rest = line[start:]
            return start + len(rest.split(maxsplit=1)[0]) if rest[:1].strip() else start + 1
        if position.end[0] > position.line:
            return len(line.rstrip())
        return position.end[1] - 1

    def _read(self, file: str) -> list[str]:
        try:
            data = self._source.read(file)
        except SalternError:
            return []
        text = (data or b"").decode("utf-8", "replace").removeprefix(BOM)
        return [line.removesuffix("\r") for line in text.split("\n")]
