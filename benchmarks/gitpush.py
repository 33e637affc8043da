"""Push commits made in memory over git's smart HTTP: two requests, no process, no checkout."""

from __future__ import annotations

import base64
import hashlib
import http.client
import struct
import time
import zlib
from collections.abc import Mapping
from urllib.parse import quote, urlsplit

from dulwich.objects import Blob, Commit, ShaFile, Tree

ZERO = b"0" * 40
IDLE_SECONDS = 5.0
"""A connection idle for longer is made anew: servers end idle ones."""
CAPABILITIES = b"report-status agent=bare"


class PushError(RuntimeError):
    """The server refused a ref; the text has its words."""


class Connection:
    """One keep-alive connection to the server at ``url``, with a login sent at once."""

    def __init__(self, url: str, user: str, password: str):
        parts = urlsplit(url)
        self._prefix = parts.path.rstrip("/") + "/a/"
        self._http = http.client.HTTPConnection(parts.hostname, parts.port, timeout=300)
        login = base64.b64encode(f"{user}:{password}".encode()).decode()
        self._headers = {"Authorization": f"Basic {login}"}
        self._used = 0.0

    def request(
        self, method: str, path: str, body: bytes | None = None, content_type: str | None = None
    ) -> tuple[int, bytes]:
        """Return status and body of ``method`` on ``/a/PATH``."""
        headers = {**self._headers, **({"Content-Type": content_type} if content_type else {})}
        if time.monotonic() - self._used > IDLE_SECONDS:
            self._http.close()
        self._http.request(method, self._prefix + path, body, headers)
        answer = self._http.getresponse()
        data = answer.read()
        self._used = time.monotonic()
        return answer.status, data

    def refs(self, project: str) -> dict[bytes, bytes]:
        """Return the refs that the server shows to somebody who pushes to ``project``."""
        path = f"{quote(project)}/info/refs?service=git-receive-pack"
        status, body = self.request("GET", path)
        if status != 200:
            raise PushError(f"{project}: info/refs answered {status}: {body[:200]!r}")
        lines = [line.split(b"\0")[0].split() for line in _lines(body) if b"# service" not in line]
        return {ref: commit for commit, ref in lines if commit != ZERO}

    def push(self, project: str, new: Mapping[bytes, tuple[bytes, bytes, list[ShaFile]]]) -> None:
        """Push ``{ref: (old id, new id, objects)}`` at once. Raises `PushError`."""
        commands = [b"%s %s %s" % (old, tip, ref) for ref, (old, tip, _) in new.items()]
        commands[0] += b"\0" + CAPABILITIES
        objects = {each.id: each for _, _, made in new.values() for each in made}
        body = b"".join(_packet(command) for command in commands) + b"0000"
        status, answer = self.request(
            "POST",
            f"{quote(project)}/git-receive-pack",
            body + pack(list(objects.values())),
            "application/x-git-receive-pack-request",
        )
        report = _lines(answer) if status == 200 else []
        if status != 200 or any(not line.startswith((b"ok ", b"unpack ok")) for line in report):
            raise PushError(f"{project}: {status} {answer[:500]!r}")


def commit(files: Mapping[bytes, bytes], parent: bytes | None, author: str) -> list[ShaFile]:
    """Return a commit of ``files`` (names without slash) and the objects under it."""
    tree, made = Tree(), Commit()
    blobs = [Blob.from_string(data) for data in files.values()]
    for name, blob in zip(files, blobs, strict=True):
        tree.add(name, 0o100644, blob.id)
    made.tree, made.parents = tree.id, [parent] if parent else []
    made.author = made.committer = author.encode()
    made.author_time = made.commit_time = int(time.time())
    made.author_timezone = made.commit_timezone = 0
    made.message = b"First commit\n"
    return [made, tree, *blobs]


def pack(objects: list[ShaFile]) -> bytes:
    """Return ``objects`` as a git pack file, version 2, without deltas."""
    out = [b"PACK" + struct.pack(">LL", 2, len(objects))]
    for each in objects:
        data = each.as_raw_string()
        out += [_object_header(each.type_num, len(data)), zlib.compress(data, 1)]
    body = b"".join(out)
    return body + hashlib.sha1(body, usedforsecurity=False).digest()


def _object_header(kind: int, size: int) -> bytes:
    byte, size = (kind << 4) | (size & 15), size >> 4
    out = bytearray()
    while size:
        out.append(byte | 0x80)
        byte, size = size & 0x7F, size >> 7
    out.append(byte)
    return bytes(out)


def _packet(data: bytes) -> bytes:
    return b"%04x%s" % (len(data) + 4, data)


def _lines(data: bytes) -> list[bytes]:
    """Return the packet lines of ``data``, flushes left out, ends of line taken off."""
    found, at = [], 0
    while at + 4 <= len(data):
        size = int(data[at : at + 4], 16)
        if size > 4:
            found.append(data[at + 4 : at + size].rstrip(b"\n"))
        at += max(size, 4)
    return found
