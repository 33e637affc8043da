"""What the authority issued: a JSON object a line, oldest first."""

from __future__ import annotations

import fcntl
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


class Ledger:
    """The file ``path``; rows are written under its lock and never changed."""

    def __init__(self, path: Path):
        self.path = path

    @contextmanager
    def locked(self) -> Iterator[Ledger]:
        """Keep other processes from issuing meanwhile."""
        with self.path.open("a") as file:
            self.path.chmod(0o600)
            fcntl.flock(file, fcntl.LOCK_EX)
            yield self

    def rows(self) -> list[dict[str, Any]]:
        """Return all rows; a last line cut off by a crash is left out."""
        if not self.path.exists():
            return []
        lines = self.path.read_text("utf-8").split("\n")[:-1]
        return [json.loads(line) for line in lines if line]

    def add(self, row: dict[str, Any]) -> None:
        """Append ``row``, in place of a last line that was cut off."""
        text = json.dumps(row, sort_keys=True) + "\n"
        with self.path.open("rb+") as file:
            file.truncate(file.read().rfind(b"\n") + 1)
            file.seek(0, 2)
            file.write(text.encode())

    def latest(self) -> list[dict[str, Any]]:
        """Return the last row of each host and kind."""
        return list({(row["host"], row["kind"]): row for row in self.rows()}.values())
