"""git's pkt-line framing."""

from __future__ import annotations

from collections.abc import Iterator

FLUSH = b"0000"
DELIM = b"0001"
CHUNK = 65000


def line(data: bytes | str) -> bytes:
    """One packet."""
    data = data.encode() if isinstance(data, str) else data
    return b"%04x" % (len(data) + 4) + data


def band(number: int, data: bytes) -> bytes:
    """Data on a side band, in as many packets as it needs."""
    pieces = (data[at : at + CHUNK] for at in range(0, len(data), CHUNK))
    return b"".join(line(bytes([number]) + piece) for piece in pieces)


def read(data: bytes, at: int = 0) -> Iterator[tuple[bytes | None, int]]:
    """Packets and the offset after each; a flush or delimiter comes as None."""
    while at + 4 <= len(data):
        size = int(data[at : at + 4], 16)
        if size < 4:
            at += 4
            yield None, at
        else:
            yield data[at + 4 : at + size], at + size
            at += size


def section(data: bytes, at: int = 0) -> tuple[list[bytes], int]:
    """The packets up to the next flush and the offset behind it."""
    found = []
    for packet, end in read(data, at):
        if packet is None:
            return found, end
        found.append(packet)
        at = end
    return found, at
