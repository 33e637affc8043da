"""What the demo prints: every line with the seconds since the start."""

from __future__ import annotations

import os
import shutil
import sys
import textwrap
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TextIO

MARGIN = " " * 11
BOLD, DIM, GREEN, RED, YELLOW = "1", "2", "32", "31", "33"


class Story:
    """Prints headings, timed lines and tables; colours only on a terminal without NO_COLOR."""

    def __init__(self, out: TextIO = sys.stdout):
        self._out = out
        self._started = time.monotonic()
        self._colour = out.isatty() and "NO_COLOR" not in os.environ
        self._mutex = threading.Lock()

    def heading(self, text: str) -> None:
        """Begin a scene."""
        self._write(f"\n{self._paint(text, BOLD)}")

    def line(self, text: str, colour: str | None = None) -> None:
        """Print a line with its time; further lines of ``text`` are put under it."""
        seconds = time.monotonic() - self._started
        stamp = self._paint(f"[{seconds:7.1f} s]", DIM)
        first, *rest = text.splitlines() or [""]
        lines = [f"{stamp} {self._paint(first, colour)}"]
        self._write("\n".join(lines + [f"{MARGIN} {self._paint(more, colour)}" for more in rest]))

    def proved(self, text: str) -> None:
        """Print something that was read back from a server with git or over HTTP."""
        self.line(f"✓ {text}", GREEN)

    @contextmanager
    def doing(self, text: str) -> Iterator[None]:
        """Print ``text`` and how long it took, when the block ends well."""
        started = time.monotonic()
        yield
        self.line(f"{text} ({time.monotonic() - started:.1f} s)")

    def banner(self, text: str) -> None:
        """Print a text in a frame."""
        width = min(shutil.get_terminal_size((100, 24)).columns, 100) - 4
        rows = [row for line in text.splitlines() for row in textwrap.wrap(line, width) or [""]]
        edge = "+" + "-" * (width + 2) + "+"
        frame = [edge, *(f"| {row:{width}} |" for row in rows), edge]
        self._write(self._paint("\n".join(frame), YELLOW))

    def table(self, head: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
        """Print a table: the first column to the left, the others to the right."""
        cells = [list(head), *([str(cell) for cell in row] for row in rows)]
        widths = [max(len(row[i]) for row in cells) for i in range(len(head))]
        for number, row in enumerate(cells):
            text = row[0].ljust(widths[0]) + "".join(
                "  " + cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True)
            )
            self._write(f"{MARGIN}   {self._paint(text, None if number else DIM)}")

    def _paint(self, text: str, colour: str | None) -> str:
        return f"\033[{colour}m{text}\033[0m" if self._colour and colour else text

    def _write(self, text: str) -> None:
        with self._mutex:
            print(text, file=self._out, flush=True)
