"""The recorded exchanges: one JSON object a line, see exchanges/README.md for the format."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).resolve().parent.parent / "exchanges"


@dataclasses.dataclass(frozen=True)
class Exchange:
    """One recorded call and its answer; `kind` is rest, push, git, ssh, run, event or figures."""

    file: str
    id: str
    index: int
    kind: str
    user: str
    record: dict[str, Any]

    @property
    def name(self) -> str:
        """`file:id`, the pytest id of its test."""
        return f"{self.file}:{self.id}"

    @property
    def request(self) -> dict[str, Any]:
        return self.record["request"]

    @property
    def response(self) -> dict[str, Any]:
        return self.record["response"]


def load(file: str) -> list[Exchange]:
    """The exchanges of exchanges/`file`.jsonl in recorded order."""
    lines = (FOLDER / f"{file}.jsonl").read_text(encoding="utf-8").splitlines()
    records = [json.loads(line) for line in lines]
    return [
        Exchange(file, record["id"], index, _kind(record), record.get("as", "admin"), record)
        for index, record in enumerate(records)
    ]


def files() -> list[str]:
    """Names of all exchange files, without suffix."""
    return sorted(path.stem for path in FOLDER.glob("*.jsonl"))


def _kind(record: dict[str, Any]) -> str:
    request = record.get("request")
    if request is None:
        return "event" if "events" in record else "figures"
    for kind in ("push", "git", "ssh", "run"):
        if kind in request:
            return kind
    return "rest"
