"""One process: a site, its HTTP server, its ssh server."""

from __future__ import annotations

import os
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


class Server:
    """A running stand-in."""

    def __init__(self, options: Options):
        self.options = options
        options.root.mkdir(parents=True, exist_ok=True)
        self.site = Site(options.root)
        self.site.lock_wait = options.lock_wait
        self._http, self._ssh = HttpServer(self.site), SshServer(self.site)

    async def start(self) -> dict:
        """Listen; what a client needs to know."""
        options, site = self.options, self.site
        site.bootstrap(options.admin_password, options.admin_ssh_key)
        http_port = await self._http.start(options.host, options.http_port)
        site.http_url = f"http://{options.host}:{http_port}"
        site.ssh_host = options.host
        site.ssh_port = await self._ssh.start(options.host, options.ssh_port)
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
