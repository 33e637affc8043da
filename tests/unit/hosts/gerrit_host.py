"""A Gerrit site of the packaged stand-in in a folder, run by this process instead of systemd."""

from __future__ import annotations

import hashlib
import shutil
import signal
import socket
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

from lab.gerrit.package import packed
from saltern.hosts.gerrit import Installation, Release, install
from saltern.settings import GerritSettings

CONFIG = """[gerrit]
\tbasePath = git
\tcanonicalWebUrl = https://review.example.org/
[auth]
\ttype = HTTP
[httpd]
\tlistenUrl = proxy-https://127.0.0.1:{http}/
[sshd]
\tlistenAddress = 127.0.0.1:{ssh}
"""
PASSWORD = "not-a-secret-gerrit"


@dataclass
class ProcessService:
    """The daemon as a child process."""

    words: list[str]
    output: Path
    process: subprocess.Popen | None = None
    starts: int = 0

    def start(self) -> None:
        """Start it."""
        self.starts += 1
        with self.output.open("ab") as output:
            self.process = subprocess.Popen(self.words, stdout=output, stderr=output)

    def stop(self) -> None:
        """Stop it and wait."""
        if self.process is not None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(30)

    def alive(self) -> bool:
        """Return whether it runs."""
        return self.process is not None and self.process.poll() is None

    def log(self) -> str:
        """Return what it wrote."""
        return self.output.read_text()[-500:]


@dataclass
class GerritHost:
    """A folder with a site, its programs and copies."""

    root: Path
    ports: tuple[int, int] = field(default_factory=lambda: free_ports())

    def __post_init__(self) -> None:
        (self.root / "site" / "etc").mkdir(parents=True)
        self.config.write_text(CONFIG.format(http=self.ports[0], ssh=self.ports[1]))
        self.config.chmod(0o640)
        war = self.root / "wars" / "current.war"
        words = [sys.executable, str(war), "daemon", "-d", str(self.root / "site")]
        self.service = ProcessService(words, self.root / "daemon.log")

    @property
    def config(self) -> Path:
        """The configuration, which belongs to the pillar."""
        return self.root / "site" / "etc" / "gerrit.config"

    @property
    def server(self) -> GerritSettings:
        """How the service account reaches it."""
        url = f"http://127.0.0.1:{self.ports[0]}"
        return GerritSettings(url=url, username="saltern", password=PASSWORD)

    @property
    def installation(self) -> Installation:
        """What the product is told."""
        return Installation(
            site=self.root / "site",
            wars=self.root / "wars",
            backups=self.root / "backups",
            command=(sys.executable,),
            service=self.service,
            server=self.server,
            ssh=("127.0.0.1", self.ports[1]),
            up_seconds=180,
        )

    def war(self, version: str, defect: str = "") -> tuple[Release, Path]:
        """Package the stand-in as a release."""
        data = packed(version, defect)
        path = self.root / f"{version}{defect}.war"
        path.write_bytes(data)
        return Release(version, hashlib.sha256(data).hexdigest()), path

    def install(self, version: str, defect: str = "") -> list[str]:
        """Install a release of the stand-in."""
        return install(self.installation, *self.war(version, defect))

    def copy_of(self, other: GerritHost) -> None:
        """Take over what a stopped host has; only the ports stay this one's own."""
        config = self.config.read_text()
        shutil.rmtree(self.root / "site")
        for name in ("site", "wars"):
            shutil.copytree(other.root / name, self.root / name, symlinks=True)
        self.config.write_text(config)


def free_ports() -> tuple[int, int]:
    """Return two ports that nobody listens on."""
    with socket.socket() as one, socket.socket() as two:
        for each in (one, two):
            each.bind(("127.0.0.1", 0))
        return one.getsockname()[1], two.getsockname()[1]
