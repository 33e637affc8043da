"""Trailers (footers) of a commit message, read as ``git interpret-trailers`` does."""

from __future__ import annotations

import re

_TRAILER = re.compile(r"([A-Za-z0-9][A-Za-z0-9-]*)[ \t]*:[ \t]*(.*)")
_GIT_MADE = ("Signed-off-by: ", "(cherry picked from commit ")
_LINES = 200
"""Lines of a message's last paragraph that are looked at."""


def trailers(message: str) -> list[tuple[str, str]]:
    """Return ``(key, value)`` of each trailer of ``message``, in order.

    They are the last paragraph, unless that is the subject, when all of its lines are trailers;
    or a quarter of them where one was made by git itself.
    """
    paragraphs = re.split(r"\n(?:[ \t]*\n)+", message.replace("\r\n", "\n").strip())
    if len(paragraphs) < 2:
        return []
    lines = _Lines()
    for line in paragraphs[-1].split("\n")[-_LINES:]:
        lines.take(line)
    if lines.others and not (lines.made_by_git and lines.others <= 3 * lines.trailers):
        return []
    return lines.found


class _Lines:
    """The lines of a paragraph as git counts them; a line that begins blank continues another."""

    def __init__(self) -> None:
        self.found: list[tuple[str, str]] = []
        self.trailers = self.others = 0
        self.made_by_git = self._open = False

    def take(self, line: str) -> None:
        """Count a line."""
        if line[:1] in (" ", "\t"):
            if self._open:
                key, value = self.found[-1]
                self.found[-1] = (key, f"{value} {line.strip()}")
            else:
                self.others += 1
            return
        match = _TRAILER.fullmatch(line)
        self._open = match is not None
        if match:
            self.found.append((match[1], match[2].strip()))
        if line.startswith(_GIT_MADE):
            self.made_by_git = True
        elif not match:
            self.others += 1
            return
        self.trailers += 1


ALLOW = "Saltern-Allow"
REMOVE, RETIRE, RIGHT = "remove-project", "retire", "protected-right"
FLAGS = (REMOVE, RETIRE, RIGHT)


def flags(message: str) -> frozenset[str]:
    """Return the words of ``Saltern-Allow:`` trailers that name something to allow."""
    words = [
        word.strip().lower()
        for key, value in trailers(message)
        if key.lower() == ALLOW.lower()
        for word in value.split(",")
    ]
    return frozenset(words) & set(FLAGS)
