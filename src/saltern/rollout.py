"""In which order the hosts of a site get their highstate, and carrying that out.

Roles need roles (``salt/roles.yaml``), so hosts need hosts. A host starts as soon as the hosts it
needs are done; one that failed keeps back what needs it and nothing else.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter

from saltern.errors import Broken, SalternError


@dataclass(frozen=True)
class Outcome:
    """What became of one host. ``status`` is ``done``, ``failed`` or ``held`` (not begun)."""

    host: str
    status: str
    changed: int = 0
    reasons: tuple[str, ...] = ()
    seconds: float = 0.0


Apply = Callable[[str], Outcome]


def host_needs(
    hosts: Mapping[str, Iterable[str]], role_needs: Mapping[str, Iterable[str]]
) -> dict[str, frozenset[str]]:
    """Return host -> the other hosts that must be up before it.

    ``hosts`` maps a host to its roles, ``role_needs`` a role to the roles it needs. Roles on one
    host need no order here: the host's own highstate has it. Raises :class:`Broken` for a role
    that the table lacks, and for hosts that need each other.
    """
    having: dict[str, set[str]] = {}
    for host, roles in hosts.items():
        for role in roles:
            if role not in role_needs:
                raise Broken(
                    f"host {host} has the role {role}, which roles.yaml lacks", code="role"
                )
            having.setdefault(role, set()).add(host)
    needs = {
        host: frozenset(
            other
            for role in roles
            for needed in role_needs[role]
            for other in having.get(needed, ())
            if host not in having.get(needed, ())
        )
        for host, roles in hosts.items()
    }
    try:
        TopologicalSorter(needs).prepare()
    except CycleError as error:
        circle = " -> ".join(error.args[1])
        raise Broken(f"these hosts need each other: {circle}: move a role", code="role") from error
    return needs


def limited(needs: Mapping[str, frozenset[str]], hosts: Iterable[str]) -> dict[str, frozenset[str]]:
    """Return ``needs`` for ``hosts`` alone, what they need of others left out.

    Raises :class:`Broken` for a host that the site lacks.
    """
    wanted = set(hosts)
    if unknown := sorted(wanted.difference(needs)):
        raise Broken(f"the site has no host {', '.join(unknown)}", code="role")
    return {host: frozenset(wanted & needs[host]) for host in needs if host in wanted}


def roll(
    needs: Mapping[str, frozenset[str]],
    apply: Apply,
    *,
    width: int = 8,
    stop_at_failure: bool = False,
    tell: Callable[[str, Outcome | None], None] = lambda host, outcome: None,
) -> list[Outcome]:
    """Call ``apply`` for every host, each after those it needs, at most ``width`` at a time.

    ``tell`` hears, in the caller's thread, of each host when it begins (``None``) and ends. With
    ``stop_at_failure`` no host begins after the first failure. Returns one outcome a host.
    """
    return _Roll(needs, apply, stop_at_failure, tell).run(width)


class _Roll:
    def __init__(
        self,
        needs: Mapping[str, frozenset[str]],
        apply: Apply,
        stop_at_failure: bool,
        tell: Callable[[str, Outcome | None], None],
    ) -> None:
        self._needs, self._apply, self._tell = needs, apply, tell
        self._stop = stop_at_failure
        self._order = TopologicalSorter(needs)
        self._ready: list[str] = []
        self._outcomes: dict[str, Outcome] = {}
        self._running: dict[Future[Outcome], str] = {}

    def run(self, width: int) -> list[Outcome]:
        self._order.prepare()
        with ThreadPoolExecutor(width) as pool:
            self._begin(pool, width)
            while self._running:
                ended, _ = wait(self._running, return_when=FIRST_COMPLETED)
                for future in ended:
                    self._end(self._running.pop(future), future.result())
                self._begin(pool, width)
        return [self._outcomes[host] for host in self._needs]

    def _begin(self, pool: ThreadPoolExecutor, width: int) -> None:
        self._ready += sorted(self._order.get_ready())
        while self._ready and len(self._running) < width:
            host = self._ready.pop(0)
            if reason := self._held(host):
                self._end(host, Outcome(host, "held", reasons=(reason,)))
                self._ready += sorted(self._order.get_ready())
            else:
                # Here, as all that is told: Salt's events may be sent from one thread only.
                self._tell(host, None)
                self._running[pool.submit(self._one, host)] = host

    def _held(self, host: str) -> str:
        not_done = [other for other in list(self._outcomes.values()) if other.status != "done"]
        missing = sorted(other.host for other in not_done if other.host in self._needs[host])
        if missing:
            return f"needs {', '.join(missing)}"
        failed = [other.host for other in not_done if other.status == "failed"]
        return f"stopped: {failed[0]} failed" if self._stop and failed else ""

    def _one(self, host: str) -> Outcome:
        began = time.monotonic()
        try:
            return self._apply(host)
        except SalternError as error:
            return Outcome(host, "failed", 0, (str(error),), time.monotonic() - began)

    def _end(self, host: str, outcome: Outcome) -> None:
        self._outcomes[host] = outcome
        self._order.done(host)
        self._tell(host, outcome)
