"""upload-pack: which refs are advertised, and fetches through git itself."""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING

from . import VERSION, pkt
from .repo import ZERO, ObjectMissing

if TYPE_CHECKING:
    from .model import Project, User
    from .site import Site

AGENT = f"agent=stand-in/{VERSION}"
_CAPS = (
    "include-tag multi_ack_detailed multi_ack ofs-delta side-band side-band-64k thin-pack "
    "no-progress shallow"
)


def visible_refs(site: Site, user: User, project: Project) -> dict[str, str]:
    """The refs a user may see, HEAD first if it resolves, in name order."""
    refs = {
        ref: project.repo.refs[ref]
        for ref in sorted(project.repo.refs)
        if site.reads_ref(user, project, ref)
    }
    head = refs.get(project.repo.head)
    return {"HEAD": head, **refs} if head else refs


def _peeled(project: Project, ref: str, oid: str) -> str | None:
    if not ref.startswith("refs/tags/"):
        return None
    try:
        kind, data = project.repo.read(oid)
    except ObjectMissing:
        return None
    return data.split(b"\n", 1)[0].split(b" ")[1].decode() if kind == b"tag" else None


def advertise(site: Site, user: User, project: Project, stateless: bool) -> bytes:
    """Protocol v0: the refs with the capabilities."""
    refs = visible_refs(site, user, project)
    caps = _CAPS + (" no-done" if stateless else "") + f" {AGENT}"
    if "HEAD" in refs:
        caps += f" symref=HEAD:{project.repo.head}"
    if not refs:
        return pkt.line(f"{ZERO} capabilities^{{}}\0 {caps}\n") + pkt.FLUSH
    out = []
    for ref, oid in refs.items():
        suffix = f"\0 {caps}" if not out else ""
        out.append(pkt.line(f"{oid} {ref}{suffix}\n"))
        peeled = _peeled(project, ref, oid)
        if peeled:
            out.append(pkt.line(f"{peeled} {ref}^{{}}\n"))
    return b"".join(out) + pkt.FLUSH


def advertise_v2() -> bytes:
    """Protocol v2: the capabilities."""
    lines = ("version 2", "ls-refs", "fetch=shallow", "server-option", AGENT)
    return b"".join(pkt.line(x) for x in lines) + pkt.FLUSH


def ls_refs(site: Site, user: User, project: Project, args: list[bytes]) -> bytes:
    """Protocol v2: the answer to ls-refs."""
    prefixes = [a[11:].strip().decode() for a in args if a.startswith(b"ref-prefix ")]
    symrefs, peel = b"symrefs" in args, b"peel" in args
    out = []
    for ref, oid in visible_refs(site, user, project).items():
        if prefixes and not ref.startswith(tuple(prefixes)):
            continue
        text = f"{oid} {ref}"
        if symrefs and ref == "HEAD":
            text += f" symref-target:{project.repo.head}"
        peeled = _peeled(project, ref, oid) if peel else None
        out.append(pkt.line(text + (f" peeled:{peeled}" if peeled else "") + "\n"))
    return b"".join(out) + pkt.FLUSH


def command_v2(body: bytes) -> tuple[str, list[bytes]]:
    """``(command, arguments)`` of a protocol v2 request."""
    command, args, after = "", [], False
    for packet, _ in pkt.read(body):
        if packet is None:
            after = True
        elif packet.startswith(b"command="):
            command = packet[8:].strip().decode()
        elif after:
            args.append(packet.strip())
    return command, args


def _environment(version: int) -> dict[str, str]:
    env = {k: v for k, v in os.environ.items() if not k.startswith("GIT_")}
    env |= {"GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": os.devnull}
    if version:
        env["GIT_PROTOCOL"] = f"version={version}"
    return env


def _arguments(site: Site, user: User, project: Project, stateless: bool) -> list[str]:
    hidden = [ref for ref in project.repo.refs if not site.reads_ref(user, project, ref)]
    settings = ["-c", "safe.directory=*", "-c", "uploadpack.allowFilter=true"]
    for ref in hidden[:2000]:
        settings += ["-c", f"uploadpack.hideRefs={ref}"]
    mode = ["--stateless-rpc"] if stateless else []
    return ["git", *settings, "upload-pack", "--strict", *mode, str(project.repo.path)]


async def serve_request(
    site: Site, user: User, project: Project, body: bytes, version: int
) -> bytes:
    """One stateless upload-pack request over HTTP."""
    if version == 2:
        command, args = command_v2(body)
        if command == "ls-refs":
            return ls_refs(site, user, project, args)
    process = await asyncio.create_subprocess_exec(
        *_arguments(site, user, project, True),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        env=_environment(version),
    )
    out, _ = await process.communicate(body)
    return out


async def start_session(
    site: Site, user: User, project: Project, version: int
) -> asyncio.subprocess.Process:
    """An interactive upload-pack for ssh."""
    return await asyncio.create_subprocess_exec(
        *_arguments(site, user, project, False),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        env=_environment(version),
    )
