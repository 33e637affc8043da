"""Bring a site up, or up to date: the highstate of each host after those it needs.

The order comes from ``salt/roles.yaml`` and the pillar's ``site``. Each host's end releases those
that need it; nothing waits for a phase. A failure holds back what needs that host and nothing
else. The exit status of ``salt-run`` is 0 only when every host is done.

.. versionadded:: 0.2.0
"""

import logging
from contextlib import closing
from functools import partial

try:
    from saltern import rollout
    from saltern.errors import SalternError
    from saltern_salt import highstate
    from saltern_salt.jobs import Jobs
    from saltern_salt.runners import ended

    MISSING = ""
except ImportError as error:
    MISSING = f"saltern cannot be loaded by this Salt's Python: {error}"

log = logging.getLogger(__name__)


def __virtual__():
    return "rollout" if not MISSING else (False, MISSING)


def bootstrap(hosts=None, width=8, patience=600, test=False):
    """Bring up an empty site, or repair one: all hosts, as soon as what they need is up.

    hosts
        Minion ids; every host of the site when left out.
    width
        Most highstates at a time.
    patience
        Seconds to wait for a host that does not answer yet.
    test
        Announce what would change, and change nothing.

    CLI Example:

    .. code-block:: bash

        salt-run rollout.bootstrap
        salt-run state.orchestrate orch.bootstrap

    .. versionadded:: 0.2.0
    """
    return _roll(hosts, patience, test, width=int(width), stop_at_failure=False)


def upgrade(hosts=None, patience=600, test=False):
    """Bring a running site to the state of the tree, one host at a time.

    Stops at the first host that fails: the rest stays as it was. Arguments as in ``bootstrap``.

    CLI Example:

    .. code-block:: bash

        salt-run rollout.upgrade
        salt-run state.orchestrate orch.upgrade

    .. versionadded:: 0.2.0
    """
    return _roll(hosts, patience, test, width=1, stop_at_failure=True)


def order():
    """Show which hosts each host needs before it.

    CLI Example:

    .. code-block:: bash

        salt-run rollout.order

    .. versionadded:: 0.2.0
    """
    try:
        return {host: sorted(needs) for host, needs in _needs(None).items()}
    except SalternError as error:
        return ended(__context__, 2, {"error": str(error)})


def _roll(hosts, patience, test, **limits):
    try:
        needs = _needs(hosts)
        with closing(Jobs(__opts__, job_timeout=3600)) as jobs:
            apply = partial(highstate.highstate, jobs, patience=float(patience), test=bool(test))
            outcomes = rollout.roll(needs, apply, tell=_tell, **limits)
    except SalternError as error:
        return ended(__context__, 2, {"error": str(error)})
    undone = any(outcome.status != "done" for outcome in outcomes)
    shown = {outcome.host: _shown(outcome) for outcome in outcomes}
    return ended(__context__, int(undone), {"hosts": shown})


def _needs(hosts):
    table = highstate.role_table(__opts__)
    site = highstate.site_of(__opts__)
    roles = {host: row["roles"] for host, row in site["hosts"].items()}
    needs = rollout.host_needs(roles, {role: row["needs"] for role, row in table.items()})
    return needs if hosts is None else rollout.limited(needs, hosts)


def _shown(outcome):
    shown = {
        "status": outcome.status,
        "changed": outcome.changed,
        "seconds": round(outcome.seconds, 1),
    }
    return {**shown, "reasons": list(outcome.reasons)} if outcome.reasons else shown


def _tell(host, outcome):
    """Say on the bus, where ``salt-run`` shows progress, that a host begins or ends."""
    status = outcome.status if outcome else "begins"
    log.info("rollout: %s %s", host, status)
    data = {"host": host, **(_shown(outcome) if outcome else {"status": status})}
    __jid_event__.fire_event({"data": data, "outputter": "nested"}, "progress")
