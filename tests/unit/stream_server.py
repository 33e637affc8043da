"""A tiny ssh server that speaks as much of Gerrit's stream-events as a reader can see."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import asyncssh

from saltern.stream import StreamSettings

Script = Callable[[asyncssh.SSHServerProcess], Awaitable[None]]
DEADLINE = 120.0


async def stay_silent(process: asyncssh.SSHServerProcess) -> None:
    """Keep the stream open and send nothing."""
    await process.stdin.read()


def sending(*events: Any, then: Script = stay_silent) -> Script:
    """Return a script that writes events (or raw bytes) and goes on with ``then``."""

    async def script(process: asyncssh.SSHServerProcess) -> None:
        for event in events:
            raw = event if isinstance(event, bytes) else json.dumps(event).encode() + b"\n"
            process.stdout.write(raw)
        await process.stdout.drain()
        await then(process)

    return script


def ending(stderr: str = "", status: int = 255) -> Script:
    """Return a script that ends the command."""

    async def script(process: asyncssh.SSHServerProcess) -> None:
        process.stderr.write(stderr.encode())
        process.exit(status)

    return script


@dataclass
class Server:
    """Runs one script a connection, the last one for all further connections."""

    scripts: list[Script]
    key: asyncssh.SSHKey
    authorized: str
    port: int = 0
    commands: list[str] = field(default_factory=list)

    async def handle(self, process: asyncssh.SSHServerProcess) -> None:
        """Serve one command."""
        self.commands.append(process.command or "")
        script = self.scripts.pop(0) if len(self.scripts) > 1 else self.scripts[0]
        with contextlib.suppress(asyncssh.Error, OSError):
            await script(process)

    @contextlib.asynccontextmanager
    async def running(self, port: int = 0) -> AsyncIterator[Server]:
        """Listen on loopback."""
        listener = await asyncssh.listen(
            "127.0.0.1",
            port,
            server_host_keys=[self.key],
            authorized_client_keys=asyncssh.import_authorized_keys(self.authorized),
            process_factory=self.handle,
            encoding=None,
        )
        self.port = listener.get_port()
        try:
            yield self
        finally:
            listener.close()

    @property
    def host_key(self) -> str:
        """Return the public host key as text."""
        return self.key.export_public_key().decode().strip()


class Relay:
    """A TCP relay that can stop relaying without closing anything: a frozen server."""

    def __init__(self, port: int):
        self._target = port
        self.flowing = asyncio.Event()
        self.flowing.set()
        self.port = 0

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[Relay]:
        """Listen on loopback."""
        tasks: set[asyncio.Task] = set()

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            tasks.add(asyncio.current_task())
            with contextlib.suppress(OSError, asyncio.CancelledError):
                far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._target)
                await asyncio.gather(self._copy(reader, far_writer), self._copy(far_reader, writer))

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            server.close()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _copy(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65536):
            await self.flowing.wait()
            writer.write(data)
            await writer.drain()
        writer.close()


class Site:
    """Keys and settings of one test."""

    def __init__(self, folder: Path):
        self.folder = folder
        client = asyncssh.generate_private_key("ssh-ed25519")
        self.key_file = folder / "id"
        client.write_private_key(str(self.key_file))
        self.key_file.chmod(0o600)
        self.authorized = client.export_public_key().decode()

    def server(self, *scripts: Script) -> Server:
        """Return a server with a key of its own."""
        return Server(list(scripts), asyncssh.generate_private_key("ssh-ed25519"), self.authorized)

    def settings(self, server: Server, **changes: Any) -> StreamSettings:
        """Return settings that trust ``server`` and wait as briefly as a test can."""
        values: dict[str, Any] = {
            "host": "127.0.0.1",
            "port": server.port,
            "known_hosts": server.host_key,
            "key_file": str(self.key_file),
            "connect_timeout": 10.0,
            "settle": 0.1,
            "backoff": 0.05,
            "backoff_limit": 0.2,
            "window": 0.05,
            "quiet": 0.2,
        }
        return StreamSettings(**(values | changes))


async def collect(stream: AsyncIterator[Any], until: Callable[[list[Any]], bool]) -> list[Any]:
    """Return what a stream yields until ``until`` holds; fails after ``DEADLINE`` seconds."""
    got: list[Any] = []
    try:
        async with asyncio.timeout(DEADLINE):
            async for item in stream:
                got.append(item)
                if until(got):
                    return got
    except TimeoutError:
        raise AssertionError(f"nothing more came after {got}") from None
    finally:
        await stream.aclose()
    return got
