"""Applying the highstate to hosts of a lab, and reading what came of it."""

from __future__ import annotations

import json
import threading
from collections.abc import Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field

from lab.hosts.machine import Machine
from lab.hosts.progress import Progress
from lab.hosts.site import Site

SALT_CALL = "/opt/saltern/bin/salt-call"
WIDTH = 3
"""Highstates at a time: most of one is waiting for packages and services."""


@dataclass(frozen=True)
class Applied:
    """What one highstate did on one host."""

    host: str
    states: dict[str, dict] = field(default_factory=dict)
    errors: tuple[str, ...] = ()
    """What stopped it before any state ran."""

    @property
    def failed(self) -> list[str]:
        """Lines that name the failing states, with their comments."""
        lines = list(self.errors)
        for state in self.states.values():
            if state.get("result") is False:
                lines.append(f"{_called(state)}: {state.get('comment', '').strip()}")
        return lines

    @property
    def changed(self) -> list[str]:
        """Ids of the states that changed something, or would."""
        return [_called(s) for s in self.states.values() if s.get("changes") or s["result"] is None]

    @property
    def ok(self) -> bool:
        return bool(self.states) and not self.failed

    def summary(self) -> str:
        """One line of counts."""
        if self.errors:
            return "refused before any state ran"
        return f"{len(self.states)} states, {len(self.changed)} changed, {len(self.failed)} failed"


def _called(state: dict) -> str:
    return f"{state.get('__id__', '?')} ({state.get('__sls__', '?')})"


def highstate(machine: Machine, *, test: bool = False, sls: str | None = None) -> Applied:
    """Apply the highstate (or one SLS) to a host from the host itself, as its minion."""
    function = ["state.apply", sls] if sls else ["state.highstate"]
    words = [SALT_CALL, "--out=json", "--log-level=error", *function, "queue=True"]
    done = machine.call(*words, *(["test=True"] if test else []), check=False)
    return read(machine.host.id, done.stdout, done.stderr)


def read(host: str, stdout: str, stderr: str) -> Applied:
    """Read the JSON that ``salt-call`` printed for a state run."""
    start = stdout.find("{")
    try:
        answer, _ = json.JSONDecoder().raw_decode(stdout[max(start, 0) :])
        local = answer["local"]
    except (ValueError, KeyError, TypeError):
        return Applied(host, errors=((stdout + stderr).strip()[-3000:] or "no answer",))
    if isinstance(local, dict) and all(isinstance(row, dict) for row in local.values()):
        return Applied(host, states=local)
    lines = local if isinstance(local, list) else [str(local)]
    return Applied(host, errors=tuple(str(line) for line in lines))


def apply_all(
    site: Site, machines: Sequence[Machine], progress: Progress, *, test: bool = False
) -> list[Applied]:
    """Apply the highstate to hosts, each as soon as those it needs are done.

    A host whose needs failed is left out, with that as its error.
    """
    waiting = {machine.host.id: machine for machine in machines}
    ids = set(waiting)
    ended: dict[str, Applied] = {}
    running: dict[Future[Applied], str] = {}
    with ThreadPoolExecutor(WIDTH) as pool:
        while waiting or running:
            for id_ in [id_ for id_ in waiting if not (site.needs[id_] & ids) - set(ended)]:
                machine = waiting.pop(id_)
                bad = [need for need in site.needs[id_] & ids if not ended[need].ok]
                if bad and not test:
                    ended[id_] = Applied(id_, errors=(f"held back: {', '.join(bad)} failed",))
                    report(ended[id_], progress)
                else:
                    running[pool.submit(_timed, machine, progress, test)] = id_
            _collect(running, ended)
    return [ended[machine.host.id] for machine in machines]


def _timed(machine: Machine, progress: Progress, test: bool) -> Applied:
    progress.tell(f"{machine.host.id}: highstate begins")
    applied = highstate(machine, test=test)
    with _printing:
        report(applied, progress)
    return applied


_printing = threading.Lock()


def _collect(running: dict[Future[Applied], str], ended: dict[str, Applied]) -> None:
    if not running:
        return
    done, _ = wait(running, return_when=FIRST_COMPLETED)
    for future in done:
        ended[running.pop(future)] = future.result()


def report(applied: Applied, progress: Progress) -> None:
    """Tell how a highstate ended: counts, and every failing state with its comment."""
    progress.tell(f"{applied.host}: {applied.summary()}")
    for line in applied.failed:
        progress.tell("    " + line.replace("\n", "\n" + " " * 15))
