"""Customs of how entries are written; every one can be ignored (settings: ``check.ignore``)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import pairwise
from urllib.parse import urlsplit

from saltern.registry.findings import WARNING, Edit, Position
from saltern.registry.rules.base import ENTRY, REGISTRY, Collected, rule
from saltern.registry.rules.edits import Block, Move, moves, order_edits
from saltern.registry.rules.words import one_of
from saltern.registry.yamlfile import RawEntry
from saltern.settings import CheckSettings

Places = Iterator[tuple[Position, str]]
Fixed = Iterator[tuple[str | None, Position, str, tuple[Edit, ...]]]

_OTHER_BREAKS = "\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029"
"""Line breaks that one of YAML and Python knows beside the usual ones."""
USUAL_NAME = CheckSettings().name_pattern
_SCP = r"(?:[^@/]+@)?([^:/]+):"


@rule("SLT080", REGISTRY, severity=WARNING)
def out_of_order(collected: Collected) -> Fixed:
    """An entry is not where the alphabet puts it.

    Why: two people who add at the end of the file conflict; in order they rarely do. Case does
    not count, and letters come before ``_``. ``--fix`` moves the entry.
    Example: ``org/zebra`` before ``org/apple``
    Instead: the other way round.
    """
    entries = collected.order
    keys = [(entry.name or "").upper() for entry in entries]
    if all(a <= b for a, b in pairwise(keys)):
        return
    blocks = _blocks(collected.text, entries, keys)
    wanted = list(moves(keys))
    file = entries[0].position.file
    fix = order_edits(file, collected.text, blocks, wanted) if blocks else ()
    for move in wanted:
        entry = entries[move.index]
        yield entry.name, entry.at("project"), _where(entries, move), fix
        fix = ()


def _where(entries: Sequence[RawEntry], move: Move) -> str:
    name = entries[move.index].name
    if move.before is None:
        return f"{name} is out of order; move it to the end"
    return f"{name} is out of order; move it before {entries[move.before].name}"


@lru_cache(maxsize=2)
def _lines(text: str) -> list[str]:
    """Return a text's lines; none when YAML and others would count them differently."""
    strange = text.count("\r") != text.count("\r\n") or any(c in text for c in _OTHER_BREAKS)
    return [] if strange else text.split("\n")


def _blocks(text: str, entries: Sequence[RawEntry], keys: Sequence[str]) -> list[Block]:
    """Return the lines of each entry, comments above it included; none when lines are shared."""
    lines = _lines(text)
    offsets = [0]
    for line in lines:
        offsets.append(offsets[-1] + len(line) + 1)
    offsets[-1] = len(text)
    if not lines:
        return []
    starts = [_first_line(lines, entry.position.line - 1) for entry in entries]
    if any(a >= b for a, b in pairwise(starts)):
        return []
    ends = [*starts[1:], len(lines)]
    return [
        Block(offsets[start], offsets[end], key)
        for start, end, key in zip(starts, ends, keys, strict=True)
    ]


def _first_line(lines: Sequence[str], at: int) -> int:
    """Return the first of the comment lines right above an entry at line ``at``, from 0."""
    while at > 0 and lines[at - 1].startswith("#"):
        at -= 1
    return at


@rule("SLT081", REGISTRY, severity=WARNING)
def redundant_acl_config(collected: Collected) -> Fixed:
    """``acl-config`` names the file that is taken anyway.

    Why: it goes stale when the project is renamed. ``--fix`` removes the line.
    Example: ``acl-config: /home/gerrit2/acls/org/name.config`` for org/name
    Instead: leave the key out.
    """
    for name, lookup in collected.lookups.items():
        entry = collected.entries[name]
        if lookup.implied or lookup.path is None or "acl-config" not in entry.positions:
            continue
        if lookup.path.endswith(f"/{name}.config") and lookup.path == _implied(collected, name):
            message = f"acl-config names the file that {name} has anyway; remove the key"
            yield name, lookup.position, message, _without(collected, entry, "acl-config")


def _implied(collected: Collected, name: str) -> str:
    return f"{collected.settings.acl_dir.rstrip('/')}/{name}.config"


def _without(collected: Collected, entry: RawEntry, key: str) -> tuple[Edit, ...]:
    """Return the edit that removes a key's lines; none where it shares its line."""
    text, place = collected.text, entry.positions[key]
    lines = _lines(text)
    indent = " " * (place.column - 1)
    if not lines or not lines[place.line - 1].startswith(f"{indent}{key}:"):
        return ()
    end = place.line
    while end < len(lines) and lines[end].startswith((f"{indent} ", f"{indent}- ")):
        end += 1
    behind = (end + 1, 1) if end < len(lines) else (end, len(lines[-1]) + 1)
    return (Edit(place.file, (place.line, 1), behind, ""),)


@rule("SLT082", ENTRY, severity=WARNING, policy=True)
def no_description(entry: RawEntry, check: CheckSettings) -> Places:
    """A project has no description, in an organisation that asks for one.

    Why: lists of projects are read by people. ``description_orgs`` names the organisations.
    Example: ``- project: org/name`` and nothing else
    Instead: add ``description: What it is for``
    """
    orgs = check.description_orgs
    if not orgs or entry.name is None or entry.values.get("description"):
        return
    if "*" in orgs or entry.name.partition("/")[0] in orgs:
        yield entry.at("project"), f"{entry.name} has no description; add 'description: TEXT'"


@rule("SLT083", ENTRY, about=("description",), severity=WARNING)
def description_of_lines(entry: RawEntry, settings: object) -> Places:
    """A description of several lines.

    Why: lists show one line; Gerrit and mirrors cut it or run the lines together.
    Example: ``description: |`` with two lines below
    Instead: one line; long text belongs into the project's README.
    """
    text = entry.values.get("description")
    if isinstance(text, str) and "\n" in text.strip():
        yield entry.at("description"), "description has several lines; write one line"


@rule("SLT093", ENTRY, about=("upstream",), severity=WARNING, policy=True)
def upstream_elsewhere(entry: RawEntry, check: CheckSettings) -> Places:
    """An upstream on a host or with a scheme that is not on the list.

    Why: imports come from where the community agreed to (``upstream_schemes``,
    ``upstream_hosts``); what the importing host refuses outright is an error of its own.
    Example: ``upstream: ssh://git@example.com/x.git``
    Instead: ``upstream: https://example.com/x.git``
    """
    url = entry.values.get("upstream")
    if not isinstance(url, str) or not url or url.startswith(("/", "file:")):
        return
    scheme, host = _scheme_and_host(url)
    if scheme not in check.upstream_schemes:
        wanted = one_of(check.upstream_schemes)
        yield (
            entry.at("upstream"),
            f"upstream begins with {scheme[:20]!r}; write {wanted}://HOST/PATH",
        )
    elif check.upstream_hosts is not None and not _allowed(host, check.upstream_hosts):
        wanted = ", ".join(check.upstream_hosts) or "none"
        text = f"upstream is on {host[:60]!r}; import from one of these hosts only: {wanted}"
        yield entry.at("upstream"), text


def _scheme_and_host(url: str) -> tuple[str, str]:
    if "://" not in url:
        match = re.match(_SCP, url)
        return "ssh", match[1].lower() if match else ""
    try:
        parts = urlsplit(url)
        return parts.scheme, parts.hostname or ""
    except ValueError:
        return url.partition(":")[0], ""


def _allowed(host: str, hosts: Sequence[str]) -> bool:
    return any(host == each or (each[:1] == "." and host.endswith(each)) for each in hosts)


@rule("SLT094", REGISTRY, severity=WARNING)
def default_group_alone(collected: Collected) -> Fixed:
    """``groups`` holds the project's own short name and nothing else.

    Why: that group is taken anyway. ``--fix`` removes it.
    Example: ``groups: [name]`` for org/name
    Instead: leave the key out.
    """
    for name, entry in collected.entries.items():
        short = name.rpartition("/")[2]
        if entry.values.get("groups") == [short] and "groups" in entry.positions:
            message = f"groups holds only {short!r}, which it has anyway; remove the key"
            yield name, entry.at("groups"), message, _without(collected, entry, "groups")


@rule("SLT097", REGISTRY, severity=WARNING)
def trailing_blanks(collected: Collected) -> Fixed:
    """Lines of entries end in blanks.

    Why: every later change of the file shows lines that nobody meant to change. ``--fix``
    removes them from the lines that keys stand on; text of several lines is left alone.
    Example: a blank behind ``project: org/name``
    Instead: none.
    """
    if not any(end in collected.text for end in (" \n", "\t\n", " \r", "\t\r")):
        return
    lines = _lines(collected.text)
    for entry in collected.order if lines else ():
        edits = [_trimmed(place, lines[place.line - 1]) for place in entry.positions.values()]
        found = tuple(edit for edit in edits if edit.start < edit.end)
        if found:
            place = Position(found[0].file, *found[0].start, found[0].end)
            yield entry.name, place, "blanks at the end of the line; remove them", found


def _trimmed(place: Position, line: str) -> Edit:
    """Return the edit that takes the blanks from a line's end."""
    line = line.rstrip("\r")
    kept = len(line.rstrip(" \t"))
    return Edit(place.file, (place.line, kept + 1), (place.line, len(line) + 1), "")


@rule("SLT096", ENTRY, severity=WARNING, policy=True)
def unusual_name(entry: RawEntry, check: CheckSettings) -> Places:
    """A project's name has not the form that names have here: ORGANISATION/NAME.

    Why: tools of the community split names at their one slash. ``name_pattern`` is the form.
    Example: ``project: tools`` or ``project: org/tools/lint``
    Instead: ``project: org/tools-lint``
    """
    if entry.name and not re.fullmatch(check.name_pattern, entry.name):
        usual = check.name_pattern == USUAL_NAME
        form = "ORGANISATION/NAME" if usual else f"a name that {check.name_pattern} matches"
        yield entry.at("project"), f"{entry.name} has not the form of names here; write {form}"
