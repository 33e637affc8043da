"""The ssh side: public keys, commands, git, the event stream."""

from __future__ import annotations

import asyncio
import logging
import re
import shlex
from pathlib import Path

import asyncssh

from . import VERSION, receive, upload
from .errors import Refusal
from .model import Account
from .site import Site
from .sshcommands import Fatal, Plain, Session, Unsupported, run_command

log = logging.getLogger("lab.gerrit")


class _Server(asyncssh.SSHServer):
    """One connection: only registered keys of active accounts get in."""

    def __init__(self, site: Site):
        self._site = site
        self._account: Account | None = None

    def begin_auth(self, username: str) -> bool:
        found = self._site.accounts.by_username(username)
        self._account = found if found and found.active else None
        return True

    def public_key_auth_supported(self) -> bool:
        return True

    def validate_public_key(self, username: str, key: asyncssh.SSHKey) -> bool:
        if self._account is None:
            return False
        offered = key.export_public_key().split()[1].decode()
        return any(text.split()[1] == offered for text in self._account.keys.values())


class SshServer:
    """Serves one site; its host keys are in ``host_keys``, or made in the site's root."""

    def __init__(self, site: Site, host_keys: Path | None = None):
        self.site = site
        self.host_key = ""
        self._folder = host_keys
        self._acceptor: asyncssh.SSHAcceptor | None = None

    async def start(self, host: str, port: int) -> int:
        """Listen; the port."""
        keys = [asyncssh.read_private_key(path) for path in self._host_keys()]
        self.host_key = keys[0].export_public_key().decode().strip()
        self._acceptor = await asyncssh.listen(
            host,
            port,
            server_factory=lambda: _Server(self.site),
            server_host_keys=keys,
            process_factory=self._process,
            encoding=None,
            server_version=f"GerritCodeReview_{VERSION}",
            allow_scp=False,
            agent_forwarding=False,
            x11_forwarding=False,
            line_editor=False,
            keepalive_interval=0,
        )
        return self._acceptor.sockets[0].getsockname()[1]

    def _host_keys(self) -> list[Path]:
        if self._folder is not None:
            return [self._folder / name for name in HOST_KEY_FILES.values()]
        return [_made_key(self.site.root / f"ssh_host_{kind}", kind) for kind in HOST_KEY_FILES]

    async def stop(self) -> None:
        if self._acceptor:
            self._acceptor.close()

    async def _process(self, process: asyncssh.SSHServerProcess) -> None:
        name = process.get_extra_info("username")
        account = self.site.accounts.by_username(name)
        command = process.command or ""
        code, err, supported = 255, b"", True
        try:
            code, err = await self._run(process, account, command)
        except Unsupported as unsupported:
            code, err, supported = 1, f"fatal: {unsupported}\n".encode(), False
        except (asyncssh.Error, BrokenPipeError, ConnectionError):
            return
        except Exception:
            log.exception("ssh %s", command)
            err = b"fatal: internal server error\n"
        finally:
            self._log(name, command, code, supported)
        try:
            process.stderr.write(err)
            await process.stdout.drain()
            process.exit(code)
        except (asyncssh.Error, OSError):
            return

    def _log(self, user: str, command: str, code: int, supported: bool) -> None:
        if not command.startswith("git-receive-pack"):
            unsupported = {} if supported else {"unsupported": True}
            self.site.calls.add("ssh", user, command=command, exit=code, **unsupported)

    async def _run(self, process, account: Account, command: str) -> tuple[int, bytes]:
        user = self.site.user(account)
        if not command:
            return 127, _welcome(self.site, account).encode()
        match = re.match(r"git[- ](upload|receive)-pack\s+(.*)$", command, re.DOTALL)
        if match:
            return await self._git(process, user, match[1], match[2])
        try:
            words = split(command)
        except ValueError as error:
            return 1, f"fatal: {error}\n".encode()
        if words[:2] == ["gerrit", "stream-events"]:
            return await self._stream(process, user, words[2:])
        session = Session(self.site, user, process)
        try:
            out = await run_command(session, words)
        except Plain as plain:
            return plain.code, str(plain).encode()
        except Unsupported:
            raise
        except (Fatal, Refusal) as refusal:
            text = refusal.text if isinstance(refusal, Refusal) else str(refusal)
            return 1, f"fatal: {text}\n".encode()
        process.stdout.write(out.encode())
        return 0, session.err.encode()

    # --- git ---

    async def _git(self, process, user, service: str, argument: str) -> tuple[int, bytes]:
        name = shlex.split(argument)[0] if argument.strip() else ""
        plain = name.lstrip("/").rstrip("/").removesuffix(".git")
        project = self.site.project(plain)
        if project is None or not self.site.permissions.sees(user, project):
            return 1, f"fatal: project {plain} not found\n".encode()
        if service == "receive":
            process.stdout.write(receive.advertise(self.site, user, project))
            data = await _push_data(process)
            if data:
                process.stdout.write(await receive.serve(self.site, user, project, data))
            return 0, b""
        version = 2 if "version=2" in process.env.get("GIT_PROTOCOL", "") else 0
        return await self._upload(process, user, project, version)

    async def _upload(self, process, user, project, version: int) -> tuple[int, bytes]:
        child = await upload.start_session(self.site, user, project, version)

        async def feed() -> None:
            while data := await process.stdin.read(65536):
                child.stdin.write(data)
                await child.stdin.drain()
            child.stdin.close()

        feeder = asyncio.ensure_future(feed())
        try:
            while data := await child.stdout.read(65536):
                process.stdout.write(data)
                await process.stdout.drain()
            return await child.wait(), b""
        finally:
            feeder.cancel()
            if child.returncode is None:
                child.kill()
                await child.wait()

    # --- events ---

    async def _stream(self, process, user, words: list[str]) -> tuple[int, bytes]:
        types, rest = [], list(words)
        while rest:
            word = rest.pop(0)
            if word in ("-s", "--subscribe") and rest:
                types.append(rest.pop(0))
            else:
                return 1, f'fatal: "{word}" is not a valid option\n'.encode()
        if not self.site.permissions.capability(user, "streamEvents"):
            return 1, b"stream events not permitted\n"
        listener = self.site.events.listen(user, types)
        gone = asyncio.ensure_future(_until_closed(process))
        try:
            await self._pump(process, listener, gone)
        finally:
            self.site.events.leave(listener)
            gone.cancel()
        process.get_extra_info("connection").abort()
        return 255, b""

    async def _pump(self, process, listener, gone: asyncio.Future) -> None:
        while not listener.closed:
            stalled = self.site.faults.stalled(listener.user.name or "")
            line = None if stalled else listener.take()
            if line is None:
                listener.changed.clear()
                waiter = asyncio.ensure_future(listener.changed.wait())
                await asyncio.wait({waiter, gone}, return_when=asyncio.FIRST_COMPLETED)
                waiter.cancel()
                if gone.done():
                    return
                continue
            process.stdout.write(line.encode() + b"\n")
            await process.stdout.drain()


async def _until_closed(process) -> None:
    await process.channel.wait_closed()


async def _push_data(process) -> bytes:
    """Everything a pusher sends: to the end, or to the flush if no pack follows."""
    data = b""
    while chunk := await process.stdin.read(65536):
        data += chunk
        if len(data) < 4 or data.startswith(b"0000"):
            if data.startswith(b"0000"):
                return b""
            continue
        if b"PACK" not in data and _complete_without_pack(data):
            return data
    return data


def _complete_without_pack(data: bytes) -> bool:
    from . import pkt

    try:
        head, at = pkt.section(data)
        commands, caps = receive.parse(head)
        if data[at - 4 : at] != pkt.FLUSH:
            return False
        if "push-options" in caps:
            _, end = pkt.section(data, at)
            if data[end - 4 : end] != pkt.FLUSH or end == at:
                return False
    except ValueError:
        return False
    return bool(commands) and all(c.new == "0" * 40 for c in commands)


HOST_KEY_FILES = {
    "ssh-ed25519": "ssh_host_ed25519_key",
    "ecdsa-sha2-nistp256": "ssh_host_ecdsa_key",
    "ssh-rsa": "ssh_host_rsa_key",
}
"""Kinds of host keys, and the real server's names for their files in ``SITE/etc``."""


def _made_key(path: Path, kind: str) -> Path:
    if not path.exists():
        key = asyncssh.generate_private_key(kind)
        key.write_private_key(path)
        path.chmod(0o600)
    return path


def _welcome(site: Site, account: Account) -> str:
    where = f"{account.username}@{site.ssh_host}:{site.ssh_port}"
    return (
        "\n  ****    Welcome to Gerrit Code Review    ****\n\n"
        f"  Hi {account.name}, you have successfully connected over SSH.\n\n"
        "  Unfortunately, interactive shells are disabled.\n"
        "  To clone a hosted Git repository, use:\n\n"
        f"  git clone ssh://{where}/REPOSITORY_NAME.git\n\n"
    )


def split(command: str) -> list[str]:
    """A command line's words: quotes group, a backslash escapes outside single quotes."""
    lexer = shlex.shlex(command, posix=True, punctuation_chars=False)
    lexer.whitespace_split = True
    lexer.commenters = ""
    return list(lexer)
