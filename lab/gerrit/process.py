"""A stand-in in a process of its own, for tests and the demo."""

from __future__ import annotations

import base64
import json
import os
import secrets
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

_PROJECT_ROOT = Path(__file__).resolve().parents[2]
READY_SECONDS = 120.0


class StandIn:
    """A running stand-in.

    Attributes: ``http_url``, ``ssh_host``, ``ssh_port``, ``ssh_host_key`` (known_hosts form
    without the host), ``admin_user``, ``admin_password``, ``admin_ssh_key`` (path of the
    private key), ``pid``, ``root``.
    """

    admin_user = "admin"
    is_stand_in = True

    def __init__(self, root: Path, options: dict):
        self.root = root
        self.options = options
        self.admin_password = ""
        self.admin_ssh_key = root / "admin_key"
        self._process: subprocess.Popen | None = None
        self._prepare()
        self._launch()

    def _prepare(self) -> None:
        self.root.mkdir(parents=True, exist_ok=True)
        secret = self.root / "admin_password"
        if not secret.exists():
            secret.write_text(secrets.token_hex(16))
            secret.chmod(0o600)
        self.admin_password = secret.read_text()
        if not self.admin_ssh_key.exists():
            subprocess.run(
                ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(self.admin_ssh_key)],
                check=True,
            )

    def _launch(self, http_port: int = 0, ssh_port: int = 0) -> None:
        command = [sys.executable, "-m", "lab.gerrit", "--root", str(self.root)]
        command += ["--admin-password-file", str(self.root / "admin_password")]
        command += ["--admin-ssh-key", f"{self.admin_ssh_key}.pub"]
        settings = {"http_port": http_port, "ssh_port": ssh_port, **self.options}
        for name, value in settings.items():
            for each in value if isinstance(value, list) else [value]:
                text = each if isinstance(each, str | int | float) else json.dumps(each)
                command += [f"--{name.replace('_', '-')}", str(text)]
        path = os.pathsep.join([str(_PROJECT_ROOT), os.environ.get("PYTHONPATH", "")])
        with (self.root / "stderr.log").open("ab") as errors:
            self._process = subprocess.Popen(
                command,
                stdout=subprocess.PIPE,
                stderr=errors,
                env={**os.environ, "PYTHONPATH": path.rstrip(os.pathsep)},
            )
        line = self._process.stdout.readline()
        if not line:
            self._process.wait()
            log = (self.root / "stderr.log").read_text()
            raise RuntimeError(f"the stand-in did not start (see {self.root}/stderr.log):\n{log}")
        ready = json.loads(line)
        self.http_url, self.pid = ready["http_url"], ready["pid"]
        self.ssh_host, self.ssh_port = ready["ssh_host"], ready["ssh_port"]
        self.ssh_host_key, self.version = ready["ssh_host_key"], ready["version"]

    # --- life ---

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def kill(self) -> None:
        """SIGKILL, and wait for the end."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """SIGTERM, and wait for the end; SIGKILL if it does not come."""
        self._end(signal.SIGTERM)

    def wait_dead(self, seconds: float = READY_SECONDS) -> None:
        """Wait until the process has ended by itself (a fault made it die)."""
        self._process.wait(seconds)
        self._process.stdout.close()

    def _end(self, number: int) -> None:
        if self.running:
            self._process.send_signal(number)
            try:
                self._process.wait(10)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        self._process.stdout.close()

    def restart(self) -> None:
        """End it if it runs, and start it on the same data and ports."""
        if self.running:
            self.kill()
        http_port = int(self.http_url.rsplit(":", 1)[1])
        deadline = time.monotonic() + READY_SECONDS
        while True:
            try:
                return self._launch(http_port, self.ssh_port)
            except RuntimeError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.1)

    # --- controls ---

    def control(self, method: str, path: str, data: dict | None = None) -> object:
        """A call to /standin/...: JSON in, JSON out."""
        login = base64.b64encode(f"admin:{self.admin_password}".encode()).decode()
        request = urllib.request.Request(  # noqa: S310 (always our own http URL)
            f"{self.http_url}/standin/{path}",
            method=method,
            data=None if data is None else json.dumps(data).encode(),
            headers={"Authorization": f"Basic {login}", "Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310
            return json.loads(answer.read().split(b"\n", 1)[1])

    def call_log(self, since: int = 0, kind: str | None = None) -> list[dict]:
        """Requests so far, those after number ``since``, of one kind (rest, git, ssh) or all."""
        query = f"since={since}" + (f"&kind={kind}" if kind else "")
        return self.control("GET", f"calls?{query}")

    def unsupported(self) -> list[dict]:
        """Requests that the stand-in answered with 501."""
        return self.control("GET", "unsupported")

    def fault(self, name: str, **fields: object) -> int:
        """Arm a fault (see lab/gerrit/faults.py); its id."""
        return self.control("POST", "faults", {"fault": name, **fields})["id"]

    def clear_faults(self, number: int | None = None) -> None:
        """Disarm one fault or all."""
        self.control("DELETE", f"faults/{number}" if number else "faults")

    def streams(self) -> list[str]:
        """User names of the connected event listeners."""
        return self.control("GET", "streams")


def start(root: str | Path, **options: object) -> StandIn:
    """Start a stand-in with its state below ``root``.

    Options are those of ``python -m lab.gerrit``: ``http_port``, ``ssh_port``, ``lock_wait``,
    ``max_comments``, ``cumulative_comment_size_limit``, ``fault`` (a dict or a list of them).
    Raises RuntimeError if it does not come up.
    """
    return StandIn(Path(root), options)
