"""A client of the mirror, the logs and the artifacts, with the keys of the security contexts."""

from __future__ import annotations

import hashlib
import shlex
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from lab.hosts.machine import Machine
from tests.lab.clients import until
from tests.lab.conftest import Site

TRY = "try-uploads"
"""Folder, repository and artifact that these tests make and remove."""
KEYS = {
    "logs-jobs": "logs-upload.key",
    "logs-release": "logs-release.key",
    "artifacts-check": "artifacts-check.key",
    "artifacts-release": "artifacts-upload.key",
}
"""Account of a security context -> its key in pillar/dev."""
SSH = (
    "ssh -o IdentitiesOnly=yes -o IdentityAgent=none -o BatchMode=yes -o ConnectTimeout=20"
    " -o StrictHostKeyChecking=yes -o UserKnownHostsFile=/dev/null"
)
Done = subprocess.CompletedProcess[str]


@dataclass(frozen=True)
class Answer:
    """What a web server answered; names of headers are in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True)
class Client:
    """A folder with the contexts' keys on a host that has no right of its own on the others."""

    site: Site
    machine: Machine
    folder: str = f"/root/{TRY}"

    @property
    def seen(self) -> Path:
        """The folder as this process sees it."""
        return self.machine.root / self.folder[1:]

    def run(self, *words: str) -> Done:
        """Run a command in the folder; its status is the caller's affair."""
        return self.machine.call("env", "-C", self.folder, *words, check=False)

    def put(self, name: str, content: str | bytes) -> None:
        """Write a file in the folder."""
        path = self.seen / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)

    def url(self, service: str, path: str) -> str:
        """Return an address on a service of the site."""
        return f"https://{self.site.lab.site.services[service]}/{path}"

    def get(self, service: str, path: str, *options: str) -> Answer:
        """Ask with curl, which checks the certificate."""
        words = ("curl", "-sS", "--max-time", "30", "-D", "headers", "-o", "body", *options)
        self.put("body", b"")
        done = self.run(*words, self.url(service, path))
        assert done.returncode == 0, done.stderr
        first, *rows = (self.seen / "headers").read_text().splitlines()
        headers = {k.lower(): v for k, _, v in (row.partition(": ") for row in rows if row)}
        return Answer(int(first.split()[1]), headers, (self.seen / "body").read_bytes())

    def ssh(self, account: str, *words: str, key: str = "") -> list[str]:
        """Return the ssh command to an account, with its key or that of another account."""
        host = self.site.lab.site.services[account.partition("-")[0]]
        return [*SSH.split(), "-i", KEYS[key or account], *words, f"{account}@{host}"]

    def rsync(self, account: str, *words: str, key: str = "") -> Done:
        """Run rsync; ``REMOTE:`` in a word stands for the account on its host."""
        *shell, remote = self.ssh(account, key=key)
        words = tuple(word.replace("REMOTE:", f"{remote}:") for word in words)
        return self.run("rsync", "-rlt", "--timeout=60", "--rsh", shlex.join(shell), *words)

    def upload(self, account: str, source: str, target: str) -> None:
        """Upload as a job does."""
        done = self.rsync(account, "--mkpath", source, f"REMOTE:{target}")
        assert done.returncode == 0, done.stderr


def artifact(client: Client, account: str, name: str, content: str) -> None:
    """Upload an artifact as the documentation says: its sums last."""
    digest = hashlib.sha256(content.encode()).hexdigest()
    shutil.rmtree(client.seen / "artifact", ignore_errors=True)
    client.put("artifact/tool", content)
    client.upload(account, "artifact/tool", f"{name}/")
    client.put("artifact/SHA256SUMS", f"{digest}  tool\n")
    client.upload(account, "artifact/SHA256SUMS", f"{name}/")


def published(client: Client, path: str, *, by_timer: bool = False) -> bytes:
    """Return what an artifact's address gives once it was published, by the timer or at once."""
    machine = client.site.only("artifacts")

    def look() -> bytes | None:
        if not by_timer:
            machine.call("systemctl", "start", "artifacts-publish.service", check=False)
        answer = client.get("artifacts", path)
        return answer.body if answer.status == 200 else None

    return until(look, f"{path} is published", 90)
