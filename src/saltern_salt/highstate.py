"""The highstates of a site's hosts, as jobs of the master."""

import time
from pathlib import Path

import salt.key
import salt.pillar
import salt.utils.yaml
import tenacity

from saltern.errors import Broken, Retry
from saltern.rollout import Outcome

PAUSE = 2.0
"""Seconds between two tries on a minion that does not answer."""


def pillar_of(opts, minion):
    """Return the pillar that the master renders for ``minion``, by its id alone.

    No grains go in, so nothing that the minion says of itself changes what comes out. Raises
    :class:`Broken` when the pillar does not render.
    """
    grains = {"id": minion}
    pillar = salt.pillar.Pillar(dict(opts), grains, minion, "base").compile_pillar()
    if errors := pillar.get("_errors"):
        raise Broken(f"the pillar of {minion} does not render: {'; '.join(errors)}", code="pillar")
    return pillar


def site_of(opts):
    """Return the ``site`` of the pillar: the hosts with their roles and addresses.

    Every host's pillar has it; it is read from that of the first accepted minion. Raises
    :class:`Broken` when no minion is accepted.
    """
    accepted = salt.key.get_key(opts).list_keys()["minions"]
    if not accepted:
        raise Broken(
            "the master has accepted no minion yet (salt-key --list all)", code="no-minion"
        )
    return pillar_of(opts, sorted(accepted)[0])["site"]


def role_table(opts):
    """Return ``roles.yaml`` of the first file root that has one. Raises :class:`Broken`."""
    roots = [Path(root) for root in opts["file_roots"].get("base", [])]
    for root in roots:
        if (root / "roles.yaml").is_file():
            return salt.utils.yaml.safe_load((root / "roles.yaml").read_text("utf-8"))
    raise Broken(f"no roles.yaml in the file roots {', '.join(map(str, roots))}", code="role")


def highstate(jobs, host, patience, *, test=False):
    """Run the highstate of ``host`` and return its :class:`Outcome`.

    A host that does not answer yet, or loses the job to a restart, is asked again for
    ``patience`` seconds.
    """
    began = time.monotonic()
    again = tenacity.Retrying(
        retry=tenacity.retry_if_exception_type(Retry),
        wait=tenacity.wait_fixed(PAUSE),
        stop=tenacity.stop_after_delay(patience),
        reraise=True,
    )
    kwargs = {"__kwarg__": True, "queue": True, "test": test}
    _, value = again(jobs.run, host, "state.highstate", kwargs)
    return _outcome(host, value, time.monotonic() - began)


def _outcome(host, value, seconds):
    if not isinstance(value, dict):
        reasons = tuple(map(str, value)) if isinstance(value, list) else (str(value),)
        return Outcome(host, "failed", 0, reasons, seconds)
    states = [state for state in value.values() if isinstance(state, dict)]
    reasons = tuple(
        f"{state.get('__id__', state.get('name'))} ({state.get('__sls__')}): {state.get('comment')}"
        for state in states
        if state.get("result") is False
    )
    changed = sum(bool(state.get("changes")) for state in states)
    return Outcome(host, "failed" if reasons or not states else "done", changed, reasons, seconds)
