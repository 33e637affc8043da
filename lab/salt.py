"""A private Salt master and its minions, unprivileged, on loopback, under one directory.

``start(root, ...)`` writes the configuration, makes the keys (once: a second start with the same
``root`` reuses them), starts the daemons and returns when every minion answers::

    with start(root, pillar={"review01": {...}}, minions=["review01"]) as salt:
        print(salt.run("projects.converge").stdout)

Everything stays under ``root`` except the sockets, which go to a short-named directory in the
temporary directory when ``root`` is too long for a socket's path.
"""

from __future__ import annotations

import atexit
import contextlib
import getpass
import hashlib
import json
import logging
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

REPOSITORY = Path(__file__).resolve().parent.parent
START_SECONDS = 60
STOP_SECONDS = 2
"""Daemons may take this long to end by themselves; Salt's often sleep through a SIGTERM."""
PING_AFTER = 4
SOCKET_ROOM = 60
"""Longest directory for sockets; the system's limit is 107 bytes for the whole path."""

REACTIONS = (
    ("saltern/gerrit/change-merged", "gerrit_change_merged"),
    ("saltern/gerrit/ref-updated", "gerrit_ref_updated"),
    ("saltern/gerrit/config-updated", "gerrit_config_updated"),
    ("saltern/gerrit/connected", "gerrit_stream"),
    ("saltern/gerrit/dropped", "gerrit_stream"),
    ("salt/minion/*/start", "minion_start"),
)

MASTER = {
    "interface": "127.0.0.1",
    "worker_threads": 2,
    "fileserver_backend": ["roots"],
    "enable_gpu_grains": False,
    "enable_fqdns_grains": False,
    "grains_cache": True,
    "grains_cache_expiration": 30 * 86400,
    "reactor_worker_threads": 4,
    "timeout": 10,
    "gather_job_timeout": 5,
    "keep_jobs_seconds": 86400,
    "max_event_size": 64 << 20,
    "master_sign_pubkey": False,
    "require_minion_sign_messages": True,
    "drop_messages_signature_fail": True,
    "publish_signing_algorithm": "PKCS1v15-SHA224",
    "signing_algorithm": "PKCS1v15-SHA224",
    "publisher_acl": {},
    "external_auth": {},
    "peer": {},
    "peer_run": {},
    "netapi_enable_clients": [],
    "log_level": "warning",
    "log_level_logfile": "info",
}
"""Master settings beside paths and ports: small, and hardened as a production master should be."""

MINION = {
    "master": "127.0.0.1",
    "minion_sign_messages": True,
    "encryption_algorithm": "OAEP-SHA224",
    "signing_algorithm": "PKCS1v15-SHA224",
    "hash_type": "sha256",
    "mine_enabled": False,
    "enable_gpu_grains": False,
    "enable_fqdns_grains": False,
    "random_reauth_delay": 1,
    "recon_default": 100,
    "recon_max": 1000,
    "acceptance_wait_time": 1,
    "max_event_size": 64 << 20,
    "log_level": "warning",
    "log_level_logfile": "info",
}
"""Minion settings beside paths and ports."""


class SaltStartError(RuntimeError):
    """A daemon did not come up; the text ends with its log."""


@dataclass
class Daemon:
    """One Salt daemon: its configuration directory and, while it runs, its process."""

    name: str
    program: str
    conf_dir: Path
    log: Path
    process: subprocess.Popen | None = None

    @property
    def pid(self) -> int | None:
        """Process id of the daemon's leader (it leads its own session), ``None`` when stopped."""
        return self.process.pid if self.process else None

    def start(self) -> None:
        """Start the daemon in a session of its own, so that Ctrl-C does not reach it."""
        command = [sys.executable, "-W", "ignore", program(self.program), "-c", str(self.conf_dir)]
        if self.program == "salt-minion":
            command.append("--disable-keepalive")
        with self.log.with_suffix(".out").open("ab") as out:
            self.process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                start_new_session=True,
            )

    def signal(self, number: int) -> None:
        """Send a signal to the daemon and its children."""
        if self.process:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, number)

    def kill(self) -> None:
        """End the daemon and its children at once, as a power cut would."""
        self.signal(signal.SIGKILL)
        if self.process:
            self.process.wait()
        self.process = None

    def signal_leader(self, number: int) -> None:
        """Send a signal to the daemon's main process only."""
        if self.process and self.process.poll() is None:
            self.process.send_signal(number)

    def stop(self, deadline: float) -> None:
        """End the daemon: SIGTERM to its leader, SIGKILL to what is left at ``deadline``."""
        if self.process:
            self.signal_leader(signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(max(0.1, deadline - time.monotonic()))
        self.kill()

    def tail(self, lines: int = 30) -> str:
        """Return the end of the daemon's log and of what it printed."""
        files = [self.log, self.log.with_suffix(".out")]
        text = "\n".join(f.read_text("utf-8", "replace") for f in files if f.exists())
        return "\n".join(text.splitlines()[-lines:])


@dataclass
class SaltLab:
    """A running master and its minions."""

    root: Path
    master: Daemon
    minions: dict[str, Daemon]
    opts: dict[str, Any]
    """The master's whole configuration as Salt reads it."""
    sockets: Path
    _client: Any = field(default=None, repr=False)

    def __enter__(self) -> SaltLab:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def client(self) -> Any:
        """A ``salt.client.LocalClient`` of this master."""
        if self._client is None:
            import salt.client

            self._client = salt.client.LocalClient(mopts=dict(self.opts))
        return self._client

    def command(self, *args: str) -> list[str]:
        """Return the ``salt-run`` command line with ``args`` for this master."""
        conf = str(self.master.conf_dir)
        return [sys.executable, "-W", "ignore", program("salt-run"), "-c", conf, *args]

    def run(self, *args: str, timeout: float = 600) -> subprocess.CompletedProcess[str]:
        """Run ``salt-run`` with ``args``, e.g. ``run("projects.converge", "--out=json")``.

        ``timeout`` is in seconds. The result's ``stdout`` is the data, ``stderr`` the log.
        """
        return subprocess.run(
            self.command(*args),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=timeout,
        )

    def call(
        self, minion: str, function: str, *args: Any, timeout: float = 60, check=True, **kwargs: Any
    ) -> Any:
        """Return what ``function`` on ``minion`` returned.

        Raises ``RuntimeError`` when the minion does not answer or, unless ``check`` is false,
        when Salt says the call failed.
        """
        found = self.client.cmd(
            minion, function, args, timeout=timeout, kwarg=kwargs, full_return=True
        )
        answer = found.get(minion)
        if not isinstance(answer, dict):
            raise RuntimeError(f"{function}: minion {minion} did not answer: {answer!r}")
        if check and answer.get("retcode"):
            raise RuntimeError(f"{function} on {minion}: {answer.get('ret')}")
        return answer["ret"]

    def wait_for_minions(self, names: Iterable[str], seconds: float = START_SECONDS) -> None:
        """Return when each of the minions said it started, or answers a ping.

        Raises :class:`SaltStartError` when one ends, or after ``seconds``.
        """
        import salt.utils.event

        waiting, deadline = set(names), time.monotonic() + seconds
        ping_at = time.monotonic() + PING_AFTER
        with salt.utils.event.get_master_event(self.opts, str(self.sockets / "master")) as bus:
            while waiting:
                event = bus.get_event(wait=0.2, tag="salt/minion/")
                waiting.discard((event or {}).get("id"))
                if time.monotonic() > ping_at:
                    waiting -= self._answering(waiting)
                    ping_at = time.monotonic() + PING_AFTER
                self._check(waiting, deadline)

    def _answering(self, minions: Iterable[str]) -> set[str]:
        from salt.exceptions import SaltClientError

        with contextlib.suppress(SaltClientError):
            found = self.client.cmd(
                list(minions), "test.ping", tgt_type="list", timeout=2, gather_job_timeout=1
            )
            return {name for name, answer in found.items() if answer is True}
        return set()

    def _check(self, waiting: Iterable[str], deadline: float) -> None:
        """Raise when something that is waited for ended, or the time is over."""
        for daemon in [self.master, *(self.minions[n] for n in waiting if n in self.minions)]:
            if daemon.process and daemon.process.poll() is not None:
                what = f"ended with status {daemon.process.returncode}"
            elif time.monotonic() > deadline and daemon.name in waiting:
                what = "did not come up"
            else:
                continue
            raise SaltStartError(f"{daemon.name} {what}; see {daemon.log}:\n{daemon.tail()}")

    def stop(self) -> None:
        """Stop the minions, then the master; nothing is left. Calling it again does nothing."""
        atexit.unregister(self.stop)
        deadline = time.monotonic() + STOP_SECONDS
        for daemon in self.minions.values():
            daemon.signal_leader(signal.SIGTERM)
        for daemon in self.minions.values():
            daemon.stop(deadline)
        self.master.stop(time.monotonic() + STOP_SECONDS)
        if self._client is not None:
            self._client.destroy()
            self._client = None
        if self.root not in self.sockets.parents:
            shutil.rmtree(self.sockets, ignore_errors=True)


def start(
    root: str | Path,
    *,
    minions: Iterable[str] | Mapping[str, Mapping[str, Any]] = ("review01",),
    pillar: Mapping[str, Mapping[str, Any]] | None = None,
    master_opts: Mapping[str, Any] | None = None,
    reactions: Iterable[tuple[str, str]] = REACTIONS,
) -> SaltLab:
    """Start a master and ``minions`` (ids, or id -> more minion settings) and wait for them.

    ``pillar`` maps a minion's id to its pillar; ``master_opts`` are more master settings, e.g.
    ``{"saltern": {...}, "engines": [...], "schedule": {...}}``; ``reactions`` are pairs of an
    event tag and the name of a file in ``reactor/``. Raises :class:`SaltStartError`.
    """
    root = Path(root).resolve()
    settings = dict(minions) if isinstance(minions, Mapping) else {name: {} for name in minions}
    ports = _ports(2)
    sockets = _socket_dir(root)
    master = _master(root, sockets, ports, {**(master_opts or {})}, list(reactions))
    fingerprint = _keys(root, settings)
    _write_pillar(root / "pillar", pillar or {})
    daemons = {
        name: _minion(root, sockets, ports, name, more, fingerprint)
        for name, more in settings.items()
    }
    lab = SaltLab(root, master, daemons, {}, sockets)
    atexit.register(lab.stop)
    try:
        _launch(lab)
    except BaseException:
        lab.stop()
        raise
    return lab


def _launch(lab: SaltLab) -> None:
    lab.master.start()
    for daemon in lab.minions.values():
        daemon.start()
    import salt.config

    logging.getLogger("salt").setLevel(logging.CRITICAL)
    lab.opts = salt.config.client_config(str(lab.master.conf_dir / "master"))
    deadline = time.monotonic() + START_SECONDS
    while not (lab.sockets / "master/master_event_pub.ipc").exists():
        lab._check({"master"}, deadline)
        time.sleep(0.02)
    lab.wait_for_minions(lab.minions)


def program(name: str) -> str:
    """Return the path of one of Salt's commands beside this Python. Raises `SaltStartError`."""
    beside = Path(sys.executable).parent / name
    if beside.exists():
        return str(beside)
    found = shutil.which(name)
    if found is None:
        raise SaltStartError(f"{name} is not installed beside {sys.executable}")
    return found


def _master(root: Path, sockets: Path, ports: list[int], more: dict, reactions: list) -> Daemon:
    home = root / "master"
    opts = {
        **MASTER,
        **_paths(home, sockets / "master"),
        "publish_port": ports[0],
        "ret_port": ports[1],
        "file_roots": {"base": [str(REPOSITORY / "salt")]},
        "pillar_roots": {"base": [str(root / "pillar")]},
        "runner_dirs": [str(REPOSITORY / "_runners")],
        "engines_dirs": [str(REPOSITORY / "_engines")],
        "outputter_dirs": [str(REPOSITORY / "_output")],
        "reactor": [{tag: [str(REPOSITORY / f"reactor/{name}.sls")]} for tag, name in reactions],
        **more,
    }
    return _daemon("master", "salt-master", home, opts)


def _minion(root: Path, sockets: Path, ports: list[int], name: str, more: Mapping, finger: str):
    home = root / "minions" / name
    opts = {
        **MINION,
        **_paths(home, sockets / hashlib.sha256(name.encode()).hexdigest()[:6]),
        "id": name,
        "publish_port": ports[0],
        "master_port": ports[1],
        "master_finger": finger,
        "module_dirs": [str(REPOSITORY / "_modules")],
        "states_dirs": [str(REPOSITORY / "_states")],
        "grains_dirs": [str(REPOSITORY / "_grains")],
        **more,
    }
    return _daemon(name, "salt-minion", home, opts)


def _paths(home: Path, sockets: Path) -> dict[str, Any]:
    return {
        "user": getpass.getuser(),
        "root_dir": "/",
        "pki_dir": str(home / "pki"),
        "cachedir": str(home / "cache"),
        "extension_modules": str(home / "cache/extmods"),
        "sqlite_queue_dir": str(home / "cache/queues"),
        "token_dir": str(home / "cache/tokens"),
        "sock_dir": str(sockets),
        "pidfile": str(home / "pid"),
        "log_file": str(home / "log"),
        "key_logfile": str(home / "key.log"),
    }


def _daemon(name: str, command: str, home: Path, opts: Mapping[str, Any]) -> Daemon:
    for path in (home / "conf", home / "pki", home / "cache", Path(opts["sock_dir"])):
        path.mkdir(parents=True, exist_ok=True, mode=0o700)
    config = home / "conf" / command.removeprefix("salt-")
    _write_private(config, json.dumps(dict(opts), indent=1))
    return Daemon(name, command, home / "conf", home / "log")


def _write_pillar(folder: Path, pillar: Mapping[str, Mapping[str, Any]]) -> None:
    """Write one file a minion, as JSON under a renderer line: values are never templates."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    names = {minion: "of_" + re.sub(r"[^A-Za-z0-9]", "_", minion) for minion in pillar}
    top = {"base": {minion: [name] for minion, name in names.items()}}
    _write_private(folder / "top.sls", "#!json\n" + json.dumps(top))
    for minion, data in pillar.items():
        _write_private(folder / f"{names[minion]}.sls", "#!json\n" + json.dumps(dict(data)))


def _keys(root: Path, minions: Iterable[str]) -> str:
    """Make missing key pairs, accept the minions', and return the master key's fingerprint."""
    master = root / "master/pki"
    public = _key_pair(master, "master")
    accepted = master / "minions"
    accepted.mkdir(exist_ok=True)
    for name in minions:
        folder = root / "minions" / name / "pki"
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        (accepted / name).write_text(_key_pair(folder, "minion"))
        (folder / "minion_master.pub").write_text(public)
    body = "\n".join(public.strip().splitlines()[1:-1]) + "\n"
    digest = hashlib.sha256(body.encode()).hexdigest()
    return ":".join(re.findall("..", digest))


def _key_pair(folder: Path, name: str) -> str:
    private, public = folder / f"{name}.pem", folder / f"{name}.pub"
    if not (private.exists() and public.exists()):
        key = rsa.generate_private_key(65537, 2048)
        pem = key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.TraditionalOpenSSL,
            serialization.NoEncryption(),
        )
        _write_private(private, pem.decode())
        form = serialization.PublicFormat.SubjectPublicKeyInfo
        public.write_bytes(key.public_key().public_bytes(serialization.Encoding.PEM, form))
    return public.read_text()


def _write_private(path: Path, text: str) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with open(descriptor, "w", encoding="utf-8") as file:
        file.write(text)


def _socket_dir(root: Path) -> Path:
    folder = root / "s"
    if len(str(folder)) <= SOCKET_ROOM:
        return folder
    return Path(tempfile.mkdtemp(prefix="salt-"))


def _ports(count: int) -> list[int]:
    with contextlib.ExitStack() as held:
        sockets = [held.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]
