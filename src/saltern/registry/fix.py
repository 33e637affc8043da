"""Mending what has one right answer, as the smallest change of the text."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from saltern.errors import Broken, Refused, SalternError
from saltern.registry.findings import Edit, Finding
from saltern.registry.source import DirectorySource, path_parts
from saltern.settings import RegistrySettings

BOM = "\ufeff"
ROUNDS = 50
"""Times the registry is checked again: mending one thing may bring another to light."""


class Overlap(ValueError):
    """Edits of one finding contradict each other, or lie outside the text."""


def mend(
    directory: Path, settings: RegistrySettings, check: Callable[[], Iterable[Finding]]
) -> list[str]:
    """Apply the fixes of what ``check`` finds until nothing more is to be mended.

    Returns what was done, a line a finding. Writes only the projects file, the groups file and
    files below the ACL directory, each in one step. Raises :class:`Broken` when a file cannot
    be written, or mending does not come to an end.
    """
    done: list[str] = []
    for _ in range(ROUNDS):
        fixable = [finding for finding in check() if finding.fix]
        mended = _round(directory, settings, fixable)
        if not mended:
            return done
        done += [f"mended {f.position}: {f.code} {f.message}" for f in mended]
    raise Broken(f"{directory}: mending does not come to an end; see what git diff says")


def _round(directory: Path, settings: RegistrySettings, fixable: list[Finding]) -> list[Finding]:
    """Apply as many fixes as do not touch each other; return whose they were."""
    source = DirectorySource(directory)
    taken: dict[str, list[Edit]] = {}
    mended = []
    for finding in fixable:
        if any(_meets(edit, taken.get(edit.file, ())) for edit in finding.fix):
            continue
        for edit in finding.fix:
            if not _is_ours(edit.file, settings):
                raise Broken(f"{edit.file} is no file of the registry; it was not touched")
            taken.setdefault(edit.file, []).append(edit)
        mended.append(finding)
    for file, edits in taken.items():
        _rewrite(directory, source, file, edits)
    return mended


def apply(text: str, edits: Iterable[Edit]) -> str:
    """Return ``text`` with ``edits``; raises :class:`Overlap` when they meet or lie outside."""
    starts = [0]
    for line in text.split("\n"):
        starts.append(starts[-1] + len(line) + 1)
    out, at = [], 0
    for start, end, new in sorted((*_span(edit, starts), edit.text) for edit in edits):
        if not at <= start <= end <= len(text):
            raise Overlap(f"an edit from {start} to {end} after one that ends at {at}")
        out += [text[at:start], new]
        at = end
    return "".join(out) + text[at:]


def _span(edit: Edit, starts: Sequence[int]) -> tuple[int, int]:
    return _offset(edit.start, starts), _offset(edit.end, starts)


def _offset(place: tuple[int, int], starts: Sequence[int]) -> int:
    line, column = place
    if not 0 < line < len(starts) or not 0 < column <= starts[line] - starts[line - 1]:
        raise Overlap(f"there is no line {line}, column {column}")
    return starts[line - 1] + column - 1


def _meets(edit: Edit, others: Iterable[Edit]) -> bool:
    return any(edit.start <= other.end and other.start <= edit.end for other in others)


def _is_ours(file: str, settings: RegistrySettings) -> bool:
    if file in (settings.projects_file, settings.groups_file):
        return True
    try:
        parts, folder = path_parts(file), path_parts(settings.acl_dir)
    except Refused:
        return False
    return len(parts) > len(folder) and parts[: len(folder)] == folder


def _rewrite(directory: Path, source: DirectorySource, file: str, edits: list[Edit]) -> None:
    try:
        data = source.read(file)
        if data is None:
            raise Refused(f"{file} is not there any more")
        text = data.decode("utf-8")
        mark = BOM if text.startswith(BOM) else ""
        new = mark + apply(text.removeprefix(mark), edits)
        _replace(directory / file, new.encode("utf-8"))
    except (OSError, UnicodeDecodeError, Overlap, SalternError) as error:
        raise Broken(f"{file} could not be mended: {error}") from error


def _replace(path: Path, data: bytes) -> None:
    """Put ``data`` in a file's place in one step, with the file's own permissions."""
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with open(handle, "wb") as stream:
            stream.write(data)
            os.fchmod(stream.fileno(), path.stat().st_mode & 0o777)
        os.replace(name, path)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(name)
        raise
