"""One process: a site, its HTTP server, its ssh server."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from dataclasses import dataclass
from pathlib import Path

from . import VERSION
from .http import HttpServer
from .site import Site
from .ssh import SshServer

# Importing a module registers its routes or commands.
from . import (  # noqa: F401  isort:skip
    rest_access,
    rest_accounts,
    rest_branches,
    rest_changes,
    rest_config,
    rest_files,
    rest_groups,
    rest_members,
    rest_projects,
    rest_review,
    rest_server,
    ssh_admin,
    ssh_changes,
    ssh_listing,
)


@dataclass
class Options:
    """How to run: ports of 0 are chosen freely."""

    root: Path
    host: str = "127.0.0.1"
    http_port: int = 0
    ssh_port: int = 0
    admin_password: str = ""
    admin_ssh_key: str | None = None
    lock_wait: float = 0.5
    max_comments: int = 5000
    cumulative_comment_size_limit: int = 3 << 20
    data: Path | None = None
    """Directory of the records; ``None``: ``root``."""
    ssh_host: str | None = None
    """Address that ssh listens on; ``None``: ``host``."""
    host_keys: Path | None = None
    """Directory with the ssh host keys under Gerrit's names; ``None``: made in ``root``."""
    canonical_url: str = ""
    """URL that texts and events show; empty: where HTTP listens."""
    advertised: tuple[str, int] | None = None
    """Host and port of ssh that texts show; ``None``: where it listens."""


class Server:
    """A running stand-in."""

    def __init__(self, options: Options):
        self.options = options
        options.root.mkdir(parents=True, exist_ok=True)
        self.site = Site(options.root, options.data)
        self.site.lock_wait = options.lock_wait
        self.site.max_comments = options.max_comments
        self.site.cumulative_comment_size_limit = options.cumulative_comment_size_limit
        self._http, self._ssh = HttpServer(self.site), SshServer(self.site, options.host_keys)

    async def start(self) -> dict:
        """Listen; what a client needs to know."""
        options, site = self.options, self.site
        if options.admin_password:
            site.bootstrap(options.admin_password, options.admin_ssh_key)
        http_port = await self._http.start(options.host, options.http_port)
        site.http_url = options.canonical_url or f"http://{options.host}:{http_port}"
        ssh_host = options.host if options.ssh_host is None else options.ssh_host
        ssh_port = await self._ssh.start(ssh_host, options.ssh_port)
        site.ssh_host, site.ssh_port = options.advertised or (ssh_host, ssh_port)
        return {
            "http_url": site.http_url,
            "ssh_host": site.ssh_host,
            "ssh_port": site.ssh_port,
            "ssh_host_key": self._ssh.host_key,
            "pid": os.getpid(),
            "version": VERSION,
        }

    async def stop(self) -> None:
        """Close both servers and the site."""
        self.site.events.cut()
        await self._ssh.stop()
        await self._http.stop()
        self.site.close()


async def serve_until_stopped(server: Server) -> None:
    """Start, print where it listens as one line of JSON, and serve until SIGTERM or SIGINT."""
    ready = await server.start()
    stopped = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    print(json.dumps(ready), flush=True)
    await stopped.wait()
    await server.stop()
