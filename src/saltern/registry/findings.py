"""What the checks say: a code, a severity, a position, a message, and what it holds up."""

from __future__ import annotations

from dataclasses import dataclass

ERROR = "error"
WARNING = "warning"

PROJECT = "project"
"""``Finding.blocks``: no step of the project may run while the finding stands."""
ACCESS = "access"
"""``Finding.blocks``: everything but the project's ``access`` step may run."""


@dataclass(frozen=True, order=True)
class Position:
    """A place in the registry: ``file`` relative to its root, ``line`` and ``column`` from 1."""

    file: str
    line: int
    column: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong or odd in the registry.

    ``code`` is stable (``SLT012``). ``severity`` is ``error`` or ``warning``. ``blocks`` names
    what must not run for ``project`` while the finding stands: ``"project"`` (nothing of it),
    ``"access"`` (only its ACL) or ``None`` (it only informs).
    """

    code: str
    severity: str
    position: Position
    message: str
    project: str | None = None
    blocks: str | None = None

    def __str__(self) -> str:
        return f"{self.position}: {self.code} {self.severity}: {self.message}"

    def sort_key(self) -> tuple:
        """Return what findings are ordered by: place, then code, project and text."""
        return (self.position, self.code, self.project or "", self.message)
