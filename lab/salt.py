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
import logging
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lab import saltconfig
from lab.saltconfig import (
    REACTIONS,
    free_ports,
    make_keys,
    socket_dir,
    write_config,
    write_pillar,
)

START_SECONDS = 180
STOP_SECONDS = 2
"""Daemons may take this long to end by themselves; Salt's often sleep through a SIGTERM."""
PING_AFTER = 4


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

    def __enter__(self) -> SaltLab:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def client(self) -> Any:
        """Return a new ``salt.client.LocalClient`` of this master, a context manager.

        One for each call: its subscription to the event bus stays open, and one that was not
        read for long misses the answers of a later call.
        """
        import salt.client

        return salt.client.LocalClient(mopts=dict(self.opts))

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
        with self.client() as client:
            found = client.cmd(
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

        with contextlib.suppress(SaltClientError), self.client() as client:
            found = client.cmd(
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
    ports = free_ports(2)
    sockets = socket_dir(root)
    fingerprint = make_keys(root, settings)
    opts = saltconfig.master_opts(root, sockets, ports, master_opts or {}, reactions)
    master = _daemon("master", "salt-master", root / "master", opts)
    write_pillar(root / "pillar", pillar or {})
    daemons = {}
    for name, more in settings.items():
        opts = saltconfig.minion_opts(root, sockets, ports, name, more, fingerprint)
        daemons[name] = _daemon(name, "salt-minion", root / "minions" / name, opts)
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


def _daemon(name: str, command: str, home: Path, opts: Mapping[str, Any]) -> Daemon:
    write_config(home, command.removeprefix("salt-"), opts)
    return Daemon(name, command, home / "conf", home / "log")
