"""git over HTTP: /P, /P.git, /a/P and /a/P.git."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiohttp import web

from . import pkt, receive, upload
from .projects import strip_suffix
from .rest import decode

if TYPE_CHECKING:
    from .model import Project, User
    from .site import Site

_SUFFIXES = ("/info/refs", "/git-upload-pack", "/git-receive-pack")


def concerns(path: str, query: str) -> bool:
    """Whether a path is git's."""
    return path.endswith(_SUFFIXES[1:]) or (path.endswith("/info/refs") and "service=" in query)


async def serve(
    site: Site, user: User, request: web.BaseRequest, path: str, query: str, payload: bytes
) -> web.Response:
    """One git request."""
    suffix = next(s for s in _SUFFIXES if path.endswith(s))
    service = query.rsplit("service=git-", 1)[-1] if suffix == "/info/refs" else suffix[5:]
    name = strip_suffix(decode(path[: -len(suffix)].strip("/")))
    user = site.refresh(user)
    project = _visible(site, user, name)
    if project is None or (service == "receive-pack" and user.account is None):
        if user.account is None:
            return web.Response(
                status=401,
                body=b"Unauthorized",
                headers={"WWW-Authenticate": 'Basic realm="Gerrit Code Review"'},
            )
        return _refused(site, user, service, name, suffix == "/info/refs")
    version = 2 if "version=2" in request.headers.get("Git-Protocol", "") else 0
    if suffix == "/info/refs":
        body = _advertisement(site, user, project, service, version)
        return _answer(service, "advertisement", body)
    if service == "receive-pack":
        return _answer(service, "result", await receive.serve(site, user, project, payload))
    site.calls.add("git", user.name, service=service, project=name)
    body = await upload.serve_request(site, user, project, payload, version)
    return _answer(service, "result", body)


def _visible(site: Site, user: User, name: str) -> Project | None:
    project = site.project(name)
    if project is None or not site.permissions.sees(user, project):
        return None
    return None if project.config.state == "HIDDEN" else project


def _advertisement(site, user, project, service: str, version: int) -> bytes:
    if service == "upload-pack" and version == 2:
        return upload.advertise_v2()
    start = pkt.line(f"# service=git-{service}\n") + pkt.FLUSH
    if service == "receive-pack":
        return start + receive.advertise(site, user, project)
    site.calls.add("git", user.name, service="info/refs", project=project.name)
    return start + upload.advertise(site, user, project, stateless=True)


def _answer(service: str, kind: str, body: bytes) -> web.Response:
    return web.Response(
        body=body,
        headers={
            "Content-Type": f"application/x-git-{service}-{kind}",
            "Cache-Control": "no-cache, max-age=0, must-revalidate",
        },
    )


def _refused(site: Site, user: User, service: str, name: str, advertised: bool) -> web.Response:
    site.calls.add("git", user.name, service=service, project=name, status=403)
    start = pkt.line(f"# service=git-{service}\n") + pkt.FLUSH if advertised else b""
    return web.Response(
        status=403,
        body=start + pkt.line(f"ERR {name} unavailable"),
        headers={"Content-Type": f"application/x-git-{service}-advertisement"},
    )
