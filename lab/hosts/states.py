"""Applying the highstate to hosts of a lab, and reading what came of it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field

from lab.hosts.machine import Machine
from lab.hosts.progress import Progress
from lab.hosts.site import Site
from saltern.rollout import Outcome, limited, roll

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

    A host whose needs failed is left out, with that as its error; with ``test`` none is.
    """
    chosen = {machine.host.id: machine for machine in machines}
    needs = dict.fromkeys(chosen, frozenset()) if test else limited(site.needs, chosen)
    applied: dict[str, Applied] = {}

    def apply(id_: str) -> Outcome:
        found = applied[id_] = highstate(chosen[id_], test=test)
        return Outcome(id_, "done" if found.ok else "failed")

    def tell(id_: str, outcome: Outcome | None) -> None:
        if outcome is None:
            progress.tell(f"{id_}: highstate begins")
            return
        if outcome.status == "held":
            applied[id_] = Applied(id_, errors=(f"held back: {', '.join(outcome.reasons)}",))
        report(applied[id_], progress)

    roll(needs, apply, width=WIDTH, tell=tell)
    return [applied[id_] for id_ in chosen]


def report(applied: Applied, progress: Progress) -> None:
    """Tell how a highstate ended: counts, and every failing state with its comment."""
    progress.tell(f"{applied.host}: {applied.summary()}")
    for line in applied.failed:
        progress.tell("    " + line.replace("\n", "\n" + " " * 15))
