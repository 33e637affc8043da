"""The edits that mend a file: lines taken out, blocks put in order."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from saltern.registry.findings import Edit


class Block(NamedTuple):
    """A part of a text, ``start`` to ``end`` (offsets), that is ordered by ``key``."""

    start: int
    end: int
    key: str


@dataclass(frozen=True)
class Move:
    """Block number ``index`` belongs before block ``before`` (``None``: behind the last)."""

    index: int
    before: int | None


def place_at(text: str, offset: int) -> tuple[int, int]:
    """Return line and column, from 1, of an offset."""
    return text.count("\n", 0, offset) + 1, offset - text.rfind("\n", 0, offset)


def replace(file: str, text: str, start: int, end: int, new: str = "") -> Edit:
    """Return the edit that puts ``new`` for ``text[start:end]``."""
    return Edit(file, place_at(text, start), place_at(text, end), new)


def moves(keys: Sequence[str]) -> Iterator[Move]:
    """Yield the fewest moves that put ``keys`` in order; none when they are."""
    if all(a <= b for a, b in zip(keys, keys[1:], strict=False)):
        return
    ranks = list(zip(keys, range(len(keys)), strict=True))  # equal keys keep their order
    kept = _longest_ordered(ranks)
    stays = set(kept)
    ordered = [ranks[index] for index in kept]
    for index, rank in enumerate(ranks):
        if index not in stays:
            at = bisect_right(ordered, rank)
            yield Move(index, kept[at] if at < len(kept) else None)


def _longest_ordered(ranks: Sequence[tuple[str, int]]) -> list[int]:
    """Return the indexes of a longest subsequence that is in order (patience sorting)."""
    tails: list[tuple[str, int]] = []
    ends: list[int] = []
    before: list[int] = []
    for index, rank in enumerate(ranks):
        at = bisect_right(tails, rank)
        before.append(ends[at - 1] if at else -1)
        tails[at : at + 1] = [rank]
        ends[at : at + 1] = [index]
    found = []
    index = ends[-1]
    while index >= 0:
        found.append(index)
        index = before[index]
    return found[::-1]


def order_edits(
    file: str, text: str, blocks: Sequence[Block], wanted: Sequence[Move]
) -> tuple[Edit, ...]:
    """Return the edits that do all the moves. What stands between two blocks stays there."""
    if len(wanted) == 1:
        return _one_move(file, text, blocks, wanted[0])
    order = sorted(range(len(blocks)), key=lambda index: blocks[index].key)
    first = next(at for at, index in enumerate(order) if at != index)
    last = next(at for at, index in reversed(list(enumerate(order))) if at != index)
    parts = []
    for at in range(first, last + 1):
        parts.append(_body(text, blocks[order[at]]))
        if at < last:
            parts.append(text[blocks[at].end : blocks[at + 1].start])
    return (replace(file, text, blocks[first].start, blocks[last].end, "".join(parts)),)


def _one_move(file: str, text: str, blocks: Sequence[Block], move: Move) -> tuple[Edit, ...]:
    block = blocks[move.index]
    gap = text[blocks[0].end : blocks[1].start]
    body = _body(text, block)
    if move.index + 1 < len(blocks):
        taken = replace(file, text, block.start, blocks[move.index + 1].start)
    else:
        taken = replace(file, text, blocks[move.index - 1].end, block.end)
    if move.before is not None:
        at = blocks[move.before].start
        return taken, replace(file, text, at, at, body + gap)
    at = blocks[-1].end
    if not text[:at].endswith("\n"):
        gap = _newline(text) + gap
    return taken, replace(file, text, at, at, gap + body)


def _body(text: str, block: Block) -> str:
    body = text[block.start : block.end]
    return body if body.endswith("\n") else body + _newline(text)


def _newline(text: str) -> str:
    return "\r\n" if "\r\n" in text else "\n"
