"""What the checks say: a code, a severity, a position, a message, and what it holds up."""

from __future__ import annotations

from dataclasses import dataclass, field

ERROR = "error"
WARNING = "warning"

PROJECT = "project"
"""``Finding.blocks``: no step of the project may run while the finding stands."""
ACCESS = "access"
"""``Finding.blocks``: everything but the project's ``access`` step may run."""
MEMBERS = "members"
"""``Finding.blocks``: the group that ``Finding.project`` names is left as it is."""


@dataclass(frozen=True, order=True)
class Position:
    """A place in the registry: ``file`` relative to its root, ``line`` and ``column`` from 1.

    ``end``, where it is known, is the line and column behind the last character meant. Columns
    count characters.
    """

    file: str
    line: int
    column: int
    end: tuple[int, int] | None = field(default=None, compare=False)

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


@dataclass(frozen=True)
class Edit:
    """A textual change of ``file``: what is from ``start`` to ``end`` becomes ``text``.

    Both are line and column from 1, columns in characters; ``end`` is exclusive.
    """

    file: str
    start: tuple[int, int]
    end: tuple[int, int]
    text: str


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong or odd in the registry.

    ``code`` is stable (``SLT012``). ``severity`` is ``error`` or ``warning``. ``blocks`` names
    what must not run for ``project`` while the finding stands: ``"project"`` (nothing of it),
    ``"access"`` (only its ACL) or ``None`` (it only informs). ``fix`` is what mends it, where
    there is one right answer.
    """

    code: str
    severity: str
    position: Position
    message: str
    project: str | None = None
    blocks: str | None = None
    fix: tuple[Edit, ...] = field(default=(), compare=False)

    def __str__(self) -> str:
        return f"{self.position}: {self.code} {self.severity}: {self.message}"

    def sort_key(self) -> tuple:
        """Return what findings are ordered by: place, then code, project and text."""
        at = self.position
        return (at.file, at.line, at.column, self.code, self.project or "", self.message)
