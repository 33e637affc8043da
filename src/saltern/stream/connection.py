"""One ssh connection to stream-events: opened, read until it ends, and why it ended."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import asyncssh

from saltern.stream.lines import Event, Lines
from saltern.stream.settings import StreamSettings

COMMAND = "gerrit stream-events"
_CHUNK = 256 * 1024
_ERROR_BYTES = 2000
_EXIT_WAIT = 2.0


@dataclass(frozen=True)
class Lost:
    """Why nothing is heard: a stable word, and a sentence for the person who repairs it."""

    code: str
    reason: str

    def event(self) -> Event:
        """Return the loss as an event of the stream."""
        return {"type": "saltern-lost", "code": self.code, "reason": self.reason}


async def listen(settings: StreamSettings, put: Callable[[Event], None]) -> Lost:
    """Connect, pass every event to ``put``, and return why the stream ended.

    ``put`` first gets ``saltern-connected``, once the command has outlasted its refusal.
    """
    try:
        connection = await _connect(settings)
    except (asyncssh.Error, OSError, ValueError) as error:
        return _why(settings, error)
    try:
        return await _read(settings, connection, put)
    except (asyncssh.Error, OSError) as error:
        return _why(settings, error)
    finally:
        # A server that no longer answers would make an orderly close wait for ever.
        connection.abort()


async def _connect(settings: StreamSettings) -> asyncssh.SSHClientConnection:
    async with asyncio.timeout(settings.connect_timeout):
        return await asyncssh.connect(
            settings.host,
            settings.port,
            username=settings.username,
            client_keys=[settings.key_file],
            known_hosts=known_hosts(settings),
            config=None,
            agent_path=None,
            preferred_auth="publickey",
            keepalive_interval=settings.keepalive,
            keepalive_count_max=settings.keepalive_count,
        )


def known_hosts(settings: StreamSettings) -> asyncssh.SSHKnownHosts:
    """Return the only host keys to accept.

    Raises ``ValueError`` or ``OSError`` when there are none: an empty list must never come
    to mean "any".
    """
    text = settings.known_hosts.strip()
    if text.startswith("/"):
        text = Path(text).read_text(encoding="utf-8").strip()
    if not text:
        raise ValueError("known_hosts is empty")
    first = text.split(None, 1)[0]
    if "\n" not in text and first.startswith(("ssh-", "ecdsa-", "sk-")):
        text = f"{settings.host},[{settings.host}]:{settings.port} {text}"
    return asyncssh.import_known_hosts(text + "\n")


async def _read(
    settings: StreamSettings,
    connection: asyncssh.SSHClientConnection,
    put: Callable[[Event], None],
) -> Lost:
    process = await connection.create_process(COMMAND, encoding=None, stdin=asyncssh.DEVNULL)
    stderr: list[bytes] = []
    draining = asyncio.ensure_future(_drain(process.stderr, stderr))
    try:
        first = asyncio.ensure_future(process.stdout.read(_CHUNK))
        await asyncio.wait((first,), timeout=settings.settle)
        if first.done() and not first.result():
            return await _refused(settings, process, draining, stderr)
        put({"type": "saltern-connected"})
        lines = Lines(settings.line_limit)
        data = await first
        while data:
            for event in lines.feed(data):
                put(event)
            data = await process.stdout.read(_CHUNK)
        return await _refused(settings, process, draining, stderr)
    finally:
        first.cancel()
        draining.cancel()
        with contextlib.suppress(asyncio.CancelledError, asyncssh.Error, OSError):
            await draining


async def _drain(stderr: asyncssh.SSHReader, into: list[bytes]) -> None:
    while data := await stderr.read(_CHUNK):
        into.append(data)
        into[:] = [b"".join(into)[-_ERROR_BYTES:]]


async def _refused(
    settings: StreamSettings,
    process: asyncssh.SSHClientProcess,
    draining: asyncio.Future,
    stderr: list[bytes],
) -> Lost:
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(asyncio.shield(draining), _EXIT_WAIT)
        await asyncio.wait_for(process.wait_closed(), _EXIT_WAIT)
    said = b"".join(stderr).decode("utf-8", "replace").strip()
    where = f"{settings.host}:{settings.port}"
    if "not permitted" in said or "not allowed" in said:
        return Lost(
            "not-permitted",
            f"{where} refused stream-events to {settings.username}: {said}; grant the "
            "global capability Stream Events (group Service Users has it)",
        )
    status = f"exit status {process.exit_status}"
    return Lost("ended", f"{where} ended the stream: {said or status}")


def _why(settings: StreamSettings, error: Exception) -> Lost:
    where = f"{settings.host}:{settings.port}"
    if isinstance(error, asyncssh.HostKeyNotVerifiable | asyncssh.KeyExchangeFailed):
        return Lost(
            "host-key",
            f"the host key of {where} is not one of known_hosts ({error}): compare it with "
            "the key on the server itself, then set the stream's known_hosts to it",
        )
    if isinstance(error, asyncssh.PermissionDenied):
        return Lost(
            "login",
            f"{where} refused {settings.username} with the key {settings.key_file}: add its "
            "public half to the account and see that the account is active",
        )
    if isinstance(error, asyncssh.KeyImportError | asyncssh.KeyEncryptionError):
        return Lost("key", f"{settings.key_file} is no usable private key: {error}")
    if isinstance(error, FileNotFoundError | PermissionError | ValueError):
        return Lost("settings", f"stream of {where}: {error}")
    if isinstance(error, TimeoutError):
        return Lost("network", f"{where} did not answer within {settings.connect_timeout:g} s")
    return Lost("network", f"connection to {where} failed: {error or type(error).__name__}")
