"""What a kill in the middle of an upgrade must not lose: one small file beside the programs."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from saltern.errors import Broken

COPYING = "copying"
CHANGING = "changing"


@dataclass(frozen=True)
class Failure:
    """The last failure of a release: how many there were, when (UTC) and why."""

    times: int
    at: str
    reason: str


@dataclass(frozen=True)
class Record:
    """The phase of an upgrade under way (or ``""``), its copy, and the releases that failed."""

    phase: str = ""
    old: str = ""
    new: str = ""
    copy: str = ""
    failed: tuple[tuple[str, Failure], ...] = ()

    def failure(self, name: str) -> Failure | None:
        """Return the last failure of the release ``name``."""
        return dict(self.failed).get(name)

    def with_failure(self, name: str, at: str, reason: str) -> Record:
        """Return the record at rest, with one more failure of ``name``."""
        before = self.failure(name)
        failure = Failure((before.times if before else 0) + 1, at, reason)
        rest = {key: value for key, value in self.failed if key != name}
        return Record(failed=(*rest.items(), (name, failure)))

    def settled(self, name: str) -> Record:
        """Return the record at rest after ``name`` succeeded."""
        return Record(failed=tuple(row for row in self.failed if row[0] != name))

    def begun(self, old: str, new: str, copy: Path) -> Record:
        """Return the record of an upgrade that copies the site first."""
        return replace(self, phase=COPYING, old=old, new=new, copy=str(copy))

    def changing(self) -> Record:
        """Return the record once the copy is whole and the site is written to."""
        return replace(self, phase=CHANGING)


def read(wars: Path) -> Record:
    """Return the record, an empty one if there is none. Raises ``Broken`` if it is no record."""
    path = _path(wars)
    if not path.exists():
        return Record()
    try:
        data = json.loads(path.read_text())
        failed = tuple((name, Failure(**row)) for name, row in data.pop("failed"))
        return Record(**data, failed=failed)
    except (ValueError, TypeError, KeyError) as error:
        raise Broken(f"{path} cannot be read ({error}): see docs/gerrit-host.md") from error


def write(wars: Path, record: Record) -> None:
    """Replace the record, so that after a power failure it is the old or the new one."""
    path = _path(wars)
    part = path.with_suffix(".part")
    with part.open("w", encoding="utf-8") as file:
        json.dump(asdict(record), file, indent=1)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)


def _path(wars: Path) -> Path:
    return wars / "release.json"
