"""Git's smart HTTP protocol to Gerrit, in process: ls-refs, fetch of one commit, push.

What a server advertises is known beforehand here (the refs come from a listing, the
capabilities from the protocol), so the round trip that asks for it is saved: dulwich's client
gets the advertisement from memory and sends its request at once. The server checks every old
commit id on its own and refuses what went stale.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any
from urllib.parse import quote

from dulwich.client import AbstractHttpGitClient
from dulwich.errors import GitProtocolError, HangupException, SendPackError
from dulwich.object_store import MemoryObjectStore, ObjectStoreGraphWalker
from dulwich.objects import ObjectID, ShaFile
from dulwich.pack import pack_objects_to_data
from dulwich.protocol import ZERO_SHA, pkt_line

from saltern.errors import Broken, Retry
from saltern.providers.gerrit.client import Client, Unanswered

RECEIVE = b"report-status side-band-64k ofs-delta"
UPLOAD = b"multi_ack_detailed side-band-64k ofs-delta shallow no-progress"
UPLOAD_V2 = (b"version 2\n", b"agent=saltern\n", b"ls-refs\n", b"fetch=shallow\n")
NOISE = ("Processing changes", "(W) ")


@dataclass(frozen=True)
class Update:
    """A ref to move from ``old`` (``None``: it does not exist) to ``new``; commit ids in hex."""

    ref: str
    old: str | None
    new: str


@dataclass(frozen=True)
class Pushed:
    """A push's result: ``{ref: None when taken, else the reason}`` and the server's lines."""

    status: Mapping[str, str | None]
    lines: tuple[str, ...]

    def reason(self, update: Update) -> str:
        """Return the status of ``update``'s ref with the lines that speak of its commit."""
        about = [line for line in self.lines if f"commit {update.new[:7]}" in line]
        general = [line for line in self.lines if "commit " not in line]
        lines = dict.fromkeys(_without_prefix(line, update) for line in about or general)
        return "; ".join([self.status.get(update.ref) or "no status", *lines])[:1500]


class Git:
    """Git operations on the projects of one Gerrit; raises what :class:`Client` raises."""

    def __init__(self, client: Client):
        self._client = client

    def refs(self, project: str, prefixes: Sequence[str]) -> dict[str, str]:
        """Return ``{ref: commit id}`` of the refs that start with one of ``prefixes``."""
        wire = _Wire(self._client, b"".join(map(pkt_line, UPLOAD_V2)) + b"0000")
        wanted = [prefix.encode() for prefix in prefixes]
        found = _speak(project, wire.get_refs, project, ref_prefix=wanted).refs
        return {
            ref.decode(): sha.decode()
            for ref, sha in found.items()
            if sha and not ref.endswith(b"^{}")
        }

    def objects(self, project: str, commit: str) -> MemoryObjectStore:
        """Return ``commit`` with its trees and blobs, without history."""
        store = MemoryObjectStore()
        wire = _Wire(self._client, _advert("git-upload-pack", {"HEAD": commit}, UPLOAD))
        stream, done, abort = store.add_pack()
        walker = ObjectStoreGraphWalker([], lambda _sha: [], shallow=set())
        try:
            _speak(
                project,
                wire.fetch_pack,
                project,
                lambda _refs, **_kwargs: [commit.encode()],
                walker,
                stream.write,
                depth=1,
            )
            done()
        except BaseException:
            abort()
            raise
        if ObjectID(commit.encode()) not in store:
            raise Retry(f"{project}: Gerrit did not send commit {commit}", code="fetch")
        return store

    def push(self, project: str, updates: Iterable[Update], objects: Sequence[ShaFile]) -> Pushed:
        """Push ``updates`` together; each ref is taken or refused on its own."""
        updates = list(updates)
        old = {update.ref: update.old for update in updates if update.old}
        new = {update.ref.encode(): update.new.encode() for update in updates}
        wire = _Wire(self._client, _advert("git-receive-pack", old, RECEIVE))
        said = io.BytesIO()
        result = _speak(
            project,
            wire.send_pack,
            project,
            lambda _refs: dict(new),
            lambda *_args, **_kwargs: pack_objects_to_data([(each, None) for each in objects]),
            progress=said.write,
        )
        status = {ref.decode(): error for ref, error in (result.ref_status or {}).items()}
        return Pushed(
            {u.ref: status.get(u.ref, "the server gave no status") for u in updates},
            _lines(said.getvalue()),
        )


class _Wire(AbstractHttpGitClient):
    """dulwich's HTTP client over our connection pool; one instance an operation."""

    def __init__(self, client: Client, advertisement: bytes):
        super().__init__(client.url, thin_packs=False)
        self._client = client
        self._advertisement = advertisement

    def _get_url(self, path: str | bytes) -> str:
        name = path.decode() if isinstance(path, bytes) else path
        return f"/{quote(name, safe='/')}/"

    def _http_request(
        self, url: str, headers: Any = None, data: Any = None, raise_for_status: bool = True
    ) -> tuple[Any, Any]:
        if data is None:
            kind = "application/x-git-advertisement"
            return _answer(kind, self._advertisement)
        body = data if isinstance(data, bytes) else b"".join(data)
        response = self._client.git("POST", url, dict(headers or {}), body)
        return _answer(response.headers.get("Content-Type"), response.content)


def _answer(content_type: str | None, body: bytes) -> tuple[Any, Any]:
    response = SimpleNamespace(
        content_type=content_type, redirect_location="", status=200, close=lambda: None
    )
    return response, io.BytesIO(body).read


def _advert(service: str, refs: Mapping[str, str], capabilities: bytes) -> bytes:
    lines = [f"{sha} {ref}".encode() for ref, sha in sorted(refs.items())]
    first, *rest = lines or [ZERO_SHA + b" capabilities^{}"]
    packets = [pkt_line(f"# service={service}\n".encode()), b"0000"]
    packets += [pkt_line(first + b"\0" + capabilities + b"\n")]
    packets += [pkt_line(line + b"\n") for line in rest]
    return b"".join([*packets, b"0000"])


def _speak(project: str, verb: Any, *args: Any, **kwargs: Any) -> Any:
    try:
        return verb(*args, **kwargs)
    except SendPackError as error:
        raise Retry(f"{project}: Gerrit could not unpack the push: {error}", code="push") from error
    except HangupException as error:
        raise Unanswered(f"{project}: the git connection ended in the middle ({error})") from error
    except (GitProtocolError, AssertionError, ValueError) as error:
        raise Broken(f"{project}: not git's protocol: {error!r}", code="git-protocol") from error


def _lines(said: bytes) -> tuple[str, ...]:
    text = said.decode("utf-8", "replace").replace("\r", "\n")
    lines = (line.strip() for line in text.splitlines())
    return tuple(line for line in lines if line and not line.startswith(NOISE))


def _without_prefix(line: str, update: Update) -> str:
    bare = line.removeprefix("ERROR:").strip()
    return bare.removeprefix(f"commit {update.new[:7]}:").strip()
