"""Taking in a pack: unpacked to loose objects, or indexed by git when it is big."""

from __future__ import annotations

import asyncio
import hashlib
import os
import re
import zlib

from .repo import ObjectMissing, Repo

SMALL = 300
_KIND = {1: b"commit", 2: b"tree", 3: b"blob", 4: b"tag"}
_OFFSET_DELTA, _ID_DELTA = 6, 7


class UnpackError(Exception):
    """The pack is refused as a whole; the message goes into the report."""


async def take_in(repo: Repo, pack: bytes, limit: int) -> None:
    """Store the objects of a pack; UnpackError if one of them is refused.

    ``limit`` is the greatest object size in bytes, 0 for none.
    """
    if len(pack) < 32:
        return
    if int.from_bytes(pack[8:12], "big") <= SMALL:
        _unpack(repo, pack, limit)
    else:
        await _index(repo, pack)


def _unpack(repo: Repo, pack: bytes, limit: int) -> None:
    objects = list(inflate(repo, pack))
    for kind, raw in objects:
        if limit and len(raw) > limit:
            raise UnpackError(
                f"Object too large ({len(raw):,} bytes), rejecting the pack. "
                f"Max object size limit is {limit:,} bytes."
            )
        problem = check_object(kind, raw)
        if problem:
            oid = hashlib.sha1(
                b"%s %d\0" % (kind, len(raw)) + raw, usedforsecurity=False
            ).hexdigest()
            raise UnpackError(f"{problem[0]}: object {oid}: {problem[1]}")
    for kind, raw in objects:
        repo.write(kind, raw)


def inflate(repo: Repo, pack: bytes) -> list[tuple[bytes, bytes]]:
    """The ``(kind, payload)`` of every object in a pack; bases may be in the repository."""
    view, at = memoryview(pack), 12
    by_offset: dict[int, tuple[bytes, bytes]] = {}
    by_id: dict[str, tuple[bytes, bytes]] = {}
    waiting: list[tuple[int, str, bytes]] = []
    try:
        for _ in range(int.from_bytes(pack[8:12], "big")):
            start = at
            number, at = _header(view, at)
            base: tuple[bytes, bytes] | None = None
            name = ""
            if number == _OFFSET_DELTA:
                distance, at = _offset(view, at)
                base = by_offset.get(start - distance)
                name = f"@{start - distance}"
            elif number == _ID_DELTA:
                name, at = bytes(view[at : at + 20]).hex(), at + 20
                base = by_id.get(name)
            stream = zlib.decompressobj()
            data = stream.decompress(view[at:])
            at += len(view[at:]) - len(stream.unused_data)
            if number in _KIND:
                found = (_KIND[number], data)
            elif base is None and not name.startswith("@"):
                base = _stored(repo, name)
                if base is None:
                    waiting.append((start, name, data))
                    continue
                found = (base[0], apply_delta(base[1], data))
            else:
                found = (base[0], apply_delta(base[1], data))
            _remember(start, found, by_offset, by_id)
    except (IndexError, TypeError, zlib.error) as error:
        raise UnpackError(f"Invalid pack: {error}") from None
    for start, name, data in waiting:
        base = by_id.get(name)
        if base is None:
            raise UnpackError(f"Missing delta base {name}")
        _remember(start, (base[0], apply_delta(base[1], data)), by_offset, by_id)
    return list(by_offset.values())


def _remember(start: int, found: tuple[bytes, bytes], by_offset: dict, by_id: dict) -> None:
    by_offset[start] = found
    header = b"%s %d\0" % (found[0], len(found[1]))
    by_id[hashlib.sha1(header + found[1], usedforsecurity=False).hexdigest()] = found


def _stored(repo: Repo, oid: str) -> tuple[bytes, bytes] | None:
    try:
        return repo.read(oid)
    except ObjectMissing:
        return None


def _header(view: memoryview, at: int) -> tuple[int, int]:
    byte = view[at]
    number = (byte >> 4) & 7
    while byte & 0x80:
        at += 1
        byte = view[at]
    return number, at + 1


def _offset(view: memoryview, at: int) -> tuple[int, int]:
    byte = view[at]
    value = byte & 0x7F
    while byte & 0x80:
        at += 1
        byte = view[at]
        value = ((value + 1) << 7) | (byte & 0x7F)
    return value, at + 1


def _size(delta: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = delta[at]
        at += 1
        value |= (byte & 0x7F) << shift
        shift += 7
        if not byte & 0x80:
            return value, at


def apply_delta(base: bytes, delta: bytes) -> bytes:
    """The object that a delta makes of its base."""
    _, at = _size(delta, 0)
    _, at = _size(delta, at)
    out = []
    while at < len(delta):
        code = delta[at]
        at += 1
        if not code & 0x80:
            out.append(delta[at : at + code])
            at += code
            continue
        offset = size = 0
        for bit in range(4):
            if code & (1 << bit):
                offset |= delta[at] << (8 * bit)
                at += 1
        for bit in range(3):
            if code & (0x10 << bit):
                size |= delta[at] << (8 * bit)
                at += 1
        out.append(base[offset : offset + (size or 0x10000)])
    return b"".join(out)


async def _index(repo: Repo, pack: bytes) -> None:
    command = ("-c", "safe.directory=*", "index-pack", "--stdin", "--fix-thin", "--strict")
    process = await asyncio.create_subprocess_exec(
        "git",
        *command,
        cwd=repo.path,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
        env={**os.environ, "GIT_DIR": str(repo.path)},
    )
    _, err = await process.communicate(pack)
    if process.returncode:
        text = err.decode(errors="replace")
        match = re.search(r"object ([0-9a-f]{40}): (\w+): (.*)", text)
        if match:
            raise UnpackError(f"{match[2]}: object {match[1]}: {match[3]}")
        raise UnpackError(text.strip().splitlines()[-1] if text.strip() else "index-pack failed")


def check_object(kind: bytes, raw: bytes) -> tuple[str, str] | None:
    """What is wrong with an object: ``(code, text)`` as the real server words it."""
    if kind == b"tree":
        return _check_tree(raw)
    if kind == b"commit":
        return _check_commit(raw)
    return None


def _check_tree(raw: bytes) -> tuple[str, str] | None:
    at, seen = 0, set()
    while at < len(raw):
        space = raw.index(b" ", at)
        nul = raw.index(b"\0", space)
        mode, name = raw[at:space], raw[space + 1 : nul]
        if mode.startswith(b"0"):
            return "zeroPaddedFilemode", "mode starts with '0'"
        if name.lower() == b".git":
            return "hasDotgit", "invalid name '.git'"
        if name in (b".", b".."):
            code = "hasDot" if name == b"." else "hasDotdot"
            return code, f"invalid name '{name.decode()}'"
        if name in seen:
            return "duplicateEntries", "duplicate entry names"
        seen.add(name)
        at = nul + 21
    return None


def _check_commit(raw: bytes) -> tuple[str, str] | None:
    for line in raw.split(b"\n\n", 1)[0].split(b"\n"):
        key, _, value = line.partition(b" ")
        if key in (b"author", b"committer"):
            if b"<" not in value:
                return "missingEmail", "missing email"
            if b"> " not in value:
                return "badEmail", "bad email"
            if not re.fullmatch(rb"-?\d+ [+-]\d{4}", value.rsplit(b"> ", 1)[1]):
                return "badDate", "bad date"
    return None
