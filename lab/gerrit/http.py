"""The HTTP side: login, REST dispatch, git, and the stand-in's own controls."""

from __future__ import annotations

import asyncio
import base64
import binascii
import gzip
import inspect
import logging

from aiohttp import web

from . import VERSION, git_http, rest
from .errors import LOCK_FAILURE, Refusal
from .faults import POINTS, TABLE, HalfMade
from .model import User
from .repo import LockFailure
from .rest import Call, Reply
from .site import Site
from .wording import words

REALM = 'Basic realm="Gerrit Code Review"'
_ENDPOINTS = ("accounts", "access", "changes", "config", "groups", "plugins", "projects", "tools")
log = logging.getLogger("lab.gerrit")


class Unauthorized(Exception):
    """Credentials are missing or wrong."""


class HttpServer:
    """Serves one site on a loopback port."""

    def __init__(self, site: Site):
        self.site = site
        self._runner: web.ServerRunner | None = None

    async def start(self, host: str, port: int) -> int:
        """Listen; the port."""
        self._runner = web.ServerRunner(web.Server(self.handle), handle_signals=False)
        await self._runner.setup()
        listener = web.TCPSite(self._runner, host, port, shutdown_timeout=0.5, backlog=512)
        await listener.start()
        return self._runner.addresses[0][1]

    async def stop(self) -> None:
        if self._runner:
            await self._runner.cleanup()

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """One request of any kind."""
        payload = await _read(request)
        path, _, query = request.raw_path.partition("?")
        authenticated = path.startswith("/a/")
        try:
            user = self._login(request, authenticated)
        except Unauthorized:
            return _unauthorized()
        plain = path[2:] if authenticated else path
        if plain.startswith("/standin/"):
            return self._respond(self._control(request.method, plain, query, user, payload))
        if git_http.concerns(plain, query):
            return await git_http.serve(self.site, user, request, plain, query, payload)
        if plain.strip("/").split("/")[0] in _ENDPOINTS:
            return await self._rest(request, plain, query, user, payload, authenticated)
        return self._respond(Reply(200, text=f"{VERSION}: this is not Gerrit\n"))

    # --- login ---

    def _login(self, request: web.BaseRequest, required: bool) -> User:
        header = request.headers.get("Authorization", "")
        if not header.startswith("Basic "):
            if required:
                raise Unauthorized
            return self.site.user(None)
        try:
            name, _, password = base64.b64decode(header[6:]).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            raise Unauthorized from None
        user = self.site.accounts.login(name, password)
        if user is None:
            raise Unauthorized
        return user

    # --- REST ---

    async def _rest(self, request, path, query, user, payload, prefixed) -> web.StreamResponse:
        method, cut = request.method, False
        reply = Reply(500, text="Internal server error\n")
        try:
            await self.site.faults.before_call(method, request.raw_path)
            user = self.site.refresh(user)
            reply = await self._dispatch(method, path, query, user, request, payload)
        except Refusal as refusal:
            reply = Reply(refusal.status, text=refusal.text + "\n")
        except LockFailure:
            await asyncio.sleep(self.site.lock_wait)
            reply = Reply(503, text=LOCK_FAILURE.text + "\n")
        except HalfMade:
            cut = True
        except Exception:
            log.exception("%s %s", method, request.raw_path)
        full = ("/a" if prefixed else "") + path + (f"?{query}" if query else "")
        status = None if cut else reply.status
        self.site.calls.add("rest", user.name, method=method, path=full, status=status)
        if self.site.faults.after_call(method, request.raw_path) or cut:
            request.transport.abort()
            await asyncio.sleep(0)
        return self._respond(reply)

    async def _dispatch(self, method, path, query, user, request, payload) -> Reply:
        if "%0A" in path.upper() or "%0D" in path.upper() or "..%2F" in path[: path.find("%") + 3]:
            raise Refusal(405, f"Not implemented: {method} {path}")
        raw = path.split("/")[1:]
        while raw and raw[-1] == "":
            raw.pop()
        segments = [rest.decode(s) for s in raw]
        found = rest.find_route(method, segments)
        if found is None:
            raise _unrouted(method, segments, path)
        each, args = found
        if user.account is None and not each.anonymous:
            raise Refusal(403, "Authentication required")
        headers = {k.lower(): v for k, v in request.headers.items()}
        call = Call(self.site, user, method, path, args, rest.parse_query(query), headers, payload)
        result = each.handler(call)
        if inspect.isawaitable(result):
            result = await result
        return result if isinstance(result, Reply) else Reply(200, result)

    # --- the stand-in's own ---

    def _control(self, method: str, path: str, query: str, user: User, payload: bytes) -> Reply:
        if not self.site.permissions.is_admin(user):
            return Reply(403, text="administrators only\n")
        call = Call(self.site, user, method, path, {}, rest.parse_query(query), {}, payload)
        try:
            return Reply(200, self._controls(call, path.removeprefix("/standin/").strip("/")))
        except Refusal as refusal:
            return Reply(refusal.status, text=refusal.text + "\n")

    def _controls(self, call: Call, what: str) -> object:
        if what == "calls":
            entries = self.site.calls.since(call.number("since"))
            kind = call.option("kind")
            return [e for e in entries if kind in (None, e["kind"])]
        if what == "unsupported":
            return self.site.calls.unsupported()
        if what == "streams":
            return [x.user.name for x in self.site.events.listeners]
        if what == "points":
            return POINTS
        name, _, number = what.partition("/")
        if name != "faults":
            raise Refusal(404, f"no such control: {what}")
        if call.method == "POST":
            fields = call.body()
            fault = fields.pop("fault", "")
            return {"id": self.site.faults.add(fault, fields)}
        if call.method == "DELETE":
            self.site.faults.clear(int(number) if number else None)
        known = {n: {"does": d, "fields": f} for n, (d, f) in TABLE.items()}
        return {"active": self.site.faults.describe(), "known": known}

    @staticmethod
    def _respond(reply: Reply) -> web.Response:
        kind = reply.content_type
        plain_json = reply.text is None and reply.data is None
        if plain_json and reply.status != 204:
            kind = "application/json;charset=utf-8"
        headers = {**reply.headers, "Cache-Control": "private, no-cache, no-store"}
        if reply.status != 204:
            headers["Content-Type"] = kind
        return web.Response(status=reply.status, body=reply.body(), headers=headers)


async def _read(request: web.BaseRequest) -> bytes:
    chunks = [chunk async for chunk in request.content.iter_any()]
    data = b"".join(chunks)
    if request.headers.get("Content-Encoding") == "gzip" and data[:2] == b"\x1f\x8b":
        return gzip.decompress(data)
    return data


def _unauthorized() -> web.Response:
    return web.Response(
        status=401,
        body=b"Unauthorized",
        headers={"WWW-Authenticate": REALM, "Content-Type": "text/plain;charset=iso-8859-1"},
    )


def _unrouted(method: str, segments: list[str], path: str) -> Refusal:
    """What is not supported answers 501; what a real server has no view for, 404."""
    if segments[0] == "projects" and len(segments) == 3 and segments[2] not in _PROJECT_VIEWS:
        return Refusal(404, f"Not found: {segments[2]}")
    return Refusal(501, f"the stand-in does not support {method} {path}")


_PROJECT_VIEWS = words(
    "access access:review ban branches branches:delete check check.access children commits "
    "config config:review create.change cherrypick dashboards description gc HEAD index "
    "index.changes labels labels:review parent statistics.git submit_requirements tags "
    "tags:delete"
)
