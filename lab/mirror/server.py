"""git's smart HTTP over ``git http-backend``: fetches only, one folder, loopback."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
from pathlib import Path
from urllib.parse import unquote

from aiohttp import web

_SERVICES = re.compile(r"/(?P<name>.+?)(?:\.git)?/(?P<tail>info/refs|git-upload-pack)")
_CHUNK = 64 * 1024
_PROCESSES = 8
_EXIT_SECONDS = 10.0
_CONFIG = {"http.receivepack": "false", "http.getanyfile": "false", "safe.directory": "*"}


class MirrorServer:
    """Serves ``ROOT/NAME.git`` as ``/NAME`` and ``/NAME.git``."""

    def __init__(self, root: Path):
        self._root = root.resolve()
        self._slots = asyncio.Semaphore(_PROCESSES)

    def application(self) -> web.Application:
        """Return the aiohttp application."""
        app = web.Application(client_max_size=64 * 1024 * 1024)
        app.router.add_route("*", "/{path:.*}", self._serve)
        return app

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        path = unquote(request.rel_url.raw_path)
        if "git-receive-pack" in (request.query.get("service"), path.rpartition("/")[2]):
            return web.Response(status=403, text="this mirror is read-only: push to Gerrit\n")
        found = _SERVICES.fullmatch(path)
        if not found or request.method != ("GET" if found["tail"] == "info/refs" else "POST"):
            return web.Response(status=404, text="only git fetch and git clone are served here\n")
        if not self._is_served(found["name"]):
            return web.Response(status=404, text="no such repository\n")
        async with self._slots:
            return await self._run(request, found["name"], found["tail"])

    def _is_served(self, name: str) -> bool:
        parts = name.split("/")
        if "\0" in name or parts[0] == ".saltern" or {"", ".", ".."} & set(parts):
            return False
        path = (self._root / f"{name}.git").resolve()
        return self._root in path.parents and (path / "HEAD").is_file()

    async def _run(self, request: web.Request, name: str, tail: str) -> web.StreamResponse:
        process = await asyncio.create_subprocess_exec(
            "git",
            "http-backend",
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            env=self._environment(request, f"/{name}.git/{tail}"),
        )
        feeding = asyncio.ensure_future(_feed(request, process.stdin))
        try:
            response = await _answer(request, process.stdout)
            await asyncio.wait_for(process.wait(), _EXIT_SECONDS)
            return response
        finally:
            feeding.cancel()
            with contextlib.suppress(asyncio.CancelledError, OSError):
                await feeding
            if process.returncode is None:
                process.kill()

    def _environment(self, request: web.Request, path: str) -> dict[str, str]:
        config = {f"GIT_CONFIG_KEY_{n}": key for n, key in enumerate(_CONFIG)}
        config |= {f"GIT_CONFIG_VALUE_{n}": value for n, value in enumerate(_CONFIG.values())}
        return {
            "PATH": os.environ.get("PATH", os.defpath),
            "GIT_CONFIG_COUNT": str(len(_CONFIG)),
            **config,
            "GIT_PROJECT_ROOT": os.fspath(self._root),
            "GIT_HTTP_EXPORT_ALL": "1",
            "GATEWAY_INTERFACE": "CGI/1.1",
            "REQUEST_METHOD": request.method,
            "PATH_INFO": path,
            "QUERY_STRING": "service=git-upload-pack" if request.method == "GET" else "",
            "CONTENT_TYPE": request.headers.get("Content-Type", ""),
            "HTTP_GIT_PROTOCOL": request.headers.get("Git-Protocol", ""),
            "REMOTE_ADDR": request.remote or "",
        }


async def _feed(request: web.Request, stdin: asyncio.StreamWriter) -> None:
    """Pass the body on; aiohttp has undone chunks and compression."""
    try:
        async for data in request.content.iter_chunked(_CHUNK):
            stdin.write(data)
            await stdin.drain()
    finally:
        stdin.close()


async def _answer(request: web.Request, stdout: asyncio.StreamReader) -> web.StreamResponse:
    status, headers = 200, {}
    while line := (await stdout.readline()).decode("latin-1").strip():
        name, _, value = line.partition(":")
        if name.lower() == "status":
            status = int(value.split()[0])
        else:
            headers[name] = value.strip()
    response = web.StreamResponse(status=status, headers=headers)
    with contextlib.suppress(ConnectionError):  # a client may go when it has what it wants
        await response.prepare(request)
        while data := await stdout.read(_CHUNK):
            await response.write(data)
        await response.write_eof()
        return response
    while await stdout.read(_CHUNK):
        pass
    return response
