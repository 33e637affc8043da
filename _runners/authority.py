"""The site's internal authority: answers hosts' requests for certificates, lists, rotates.

Its keys are in the directory that the master's setting ``saltern_authority`` names (``root``);
what it publishes goes below ``issued``, which the file server serves. A request is trusted by its
own signature, never by the event that brought it (:mod:`saltern.pki.request`).

.. versionadded:: 0.2.0
"""

import logging
import time
from pathlib import Path

import salt.utils.yaml

try:
    from saltern.errors import Refused, SalternError
    from saltern.pki import Authority, Desk
    from saltern.pki.desk import Grant
    from saltern.pki.request import SSH, TLS
    from saltern_salt.highstate import pillar_of
    from saltern_salt.runners import ended

    MISSING = ""
except ImportError as error:
    MISSING = f"saltern cannot be loaded by this Salt's Python: {error}"

log = logging.getLogger(__name__)

ROOT = "/var/lib/saltern/pki"
ISSUED = "/var/lib/saltern/files/issued"


def __virtual__():
    return "authority" if not MISSING else (False, MISSING)


def sign(request):
    """Answer a host's request for a certificate; the reactor calls this.

    request
        The data of the event ``saltern/pki/request``.

    CLI Example:

    .. code-block:: bash

        salt-run authority.sign request='{body: ..., signature: ...}'

    .. versionadded:: 0.2.0
    """
    try:
        answer = _desk().answer(request, _granted)
    except SalternError as error:
        log.warning("saltern/pki/request: %s", error)
        return ended(
            __context__, 1, {"status": "refused", "code": error.code, "reason": str(error)}
        )
    told = log.info if answer["status"] == "issued" else log.warning
    told(
        "saltern/pki/request: %s %s %s %s",
        answer["host"],
        answer["kind"],
        answer["status"],
        answer.get("reason", answer.get("serial")),
    )
    return answer


def list_(host=None):
    """Show the certificates that count: the latest of each host and kind, the first to end first.

    Exit status 1 when one has ended.

    CLI Example:

    .. code-block:: bash

        salt-run authority.list
        salt-run authority.list host=review01.example.org

    .. versionadded:: 0.2.0
    """
    rows = [row for row in _desk().ledger.latest() if host in (None, row["host"])]
    now = time.time()
    shown = [_shown(row, now) for row in sorted(rows, key=lambda row: row["until"])]
    return ended(
        __context__, int(any(row["until"] <= now for row in rows)), {"certificates": shown}
    )


def rotate():
    """Take one step towards new keys of the authority.

    First they are made and published beside the old ones: apply the highstate everywhere, so that
    all hosts trust both. The second call switches; the next highstates renew every certificate.
    What signed before stays trusted until ``authority.retire``.

    CLI Example:

    .. code-block:: bash

        salt-run authority.rotate

    .. versionadded:: 0.2.0
    """
    next_steps = {
        "prepared": "apply the highstate on every host, then run authority.rotate again",
        "switched": "apply the highstate on every host, then run authority.retire",
    }
    return _change(lambda own: (step := own.rotate()) and {"step": step, "next": next_steps[step]})


def retire():
    """Trust the authority's former keys no longer. Refused while a host's certificate is by one.

    CLI Example:

    .. code-block:: bash

        salt-run authority.retire

    .. versionadded:: 0.2.0
    """
    return _change(lambda own: {"retired": _retire(own)})


def _retire(own):
    signers = {kind: own.signer(kind) for kind in (TLS, SSH)}
    rows = Desk(own, Path(), Path()).ledger.latest()
    old = [row for row in rows if row["signer"] != signers[row["kind"]]]
    if late := [f"{row['host']} ({row['kind']})" for row in old if row["until"] > time.time()]:
        raise Refused(f"still signed by a former key: {', '.join(late)}: highstate first")
    return own.retire()


def _change(step):
    try:
        desk = _desk()
        told = step(desk.authority)
        desk.publish()
    except SalternError as error:
        return ended(__context__, 1, {"error": str(error)})
    return told


def _granted(host):
    """Return what the master's own pillar for ``host`` grants: nothing the host says counts."""
    pillar = pillar_of(__opts__, host)
    row = pillar.get("site", {}).get("hosts", {}).get(host)
    if row is None:
        raise Refused(f"site.yaml has no host {host}", code="host")
    days = {**_defaults(), **(pillar.get("tls") or {})}
    names = (host, *row.get("aliases", ()))
    return Grant(names, {TLS: float(days["days"]), SSH: float(days["ssh_days"])})


def _defaults():
    for root in __opts__["file_roots"].get("base", []):
        path = Path(root, "tls/defaults.yaml")
        if path.is_file():
            return salt.utils.yaml.safe_load(path.read_text("utf-8"))
    raise Refused("no tls/defaults.yaml in the file roots", code="settings")


def _desk():
    given = __opts__.get("saltern_authority") or {}
    own = Authority(Path(given.get("root", ROOT)))
    accepted = Path(__opts__["pki_dir"], "minions")
    return Desk(own, Path(given.get("issued", ISSUED)), accepted)


def _shown(row, now):
    return {
        "host": row["host"],
        "kind": row["kind"],
        "serial": row["serial"],
        "names": row["names"],
        "until": time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(row["until"])),
        "days_left": round((row["until"] - now) / 86400, 1),
    }


__func_alias__ = {"list_": "list"}
