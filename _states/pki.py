"""Certificates of the site's internal authority, on the master and on every host.

A host makes its keys itself. What it needs it asks the master for in an event that it signs with
its Salt key; the answer lies on the master's file server (``salt://issued/``).

.. versionadded:: 0.2.0
"""

import grp
import hashlib
import json
import os
import pwd
import time
from pathlib import Path

from salt.exceptions import CommandExecutionError

try:
    from saltern.errors import SalternError
    from saltern.pki import Authority, Desk, Request
    from saltern.pki.host import SshFiles, TlsFiles
    from saltern.pki.request import SSH, TLS, digest

    MISSING = ""
except ImportError as error:
    MISSING = f"saltern cannot be loaded by this Salt's Python: {error}"

TAG = "saltern/pki/request"
POLL = 0.5
"""Seconds between two looks for the master's answer."""
FETCHES = 5
ASK_AGAIN = 15
"""Seconds after which an unanswered request is sent again: the master may have been restarting."""


def __virtual__():
    return "pki" if not MISSING else (False, MISSING)


def authority(name, issued, common_name, domains=(), days=3650, user="salt"):
    """The authority's keys and certificates in ``name``, made once, and their public parts.

    issued
        Directory of the master's file server for what it publishes.
    common_name, domains, days
        Name of a new authority, the domains whose hosts it may sign, its lifetime.
    user
        Account that the master runs under; it owns the keys.

    .. versionadded:: 0.2.0
    """
    missing = Authority(Path(name)).missing()
    if missing and __opts__["test"]:
        return _result(name, None, f"would make {', '.join(missing)}", {"new": missing})
    try:
        owner = _owner(user)
        own = Authority(Path(name), owner)
        made = own.make(common_name, list(domains), float(days))
        if __opts__["test"]:
            return _result(name, True, "the authority is there")
        _folder(Path(issued), owner)
        published = Desk(own, Path(issued), Path()).publish(owner)
    except (SalternError, OSError, KeyError) as error:
        return _result(name, False, str(error))
    changes = {"new": made + published} if made or published else {}
    return _result(name, True, "made" if changes else "the authority is there", changes)


def tls(name, hosts, group=None, renew_days=30, timeout=90):
    """A TLS key of this host in the directory ``name``, certified by the authority for ``hosts``.

    ``host.key``, ``host.crt``, ``host.pem`` (both) and ``ca.crt``. A new certificate is asked for
    when there is none, it ends within ``renew_days``, it has other names, or the authority has a
    new key.

    hosts
        The names; the first is the minion's id.
    group
        Group that may read the key.
    timeout
        Seconds in which the master must answer.

    .. code-block:: yaml

        host-certificate:
          pki.tls:
            - name: /etc/saltern/tls
            - hosts: [review01.example.org, review.example.org]
            - group: ssl-cert

    .. versionadded:: 0.2.0
    """
    try:
        bundle = _published("issued/ca.crt")
        if bundle is None:
            return _no_authority(name)
        gid = None if group is None else _group(group)
        files = TlsFiles(Path(name), tuple(hosts), gid, float(renew_days))
        why = files.lacking(bundle.encode())
        stale = [] if why else files.stale(bundle.encode())
        if __opts__["test"] or not (why or stale):
            return _looked(name, why, stale)
        if why:
            subject = files.signing_request()
            certificate = _ask(TLS, subject, hosts, "tls.crt", timeout).encode()
        else:
            certificate = (Path(name) / "host.crt").read_bytes()
        changed = files.install(certificate, bundle.encode())
    except (SalternError, CommandExecutionError, OSError, KeyError) as error:
        return _result(name, False, str(error))
    return _result(name, True, why or "put right", {"files": changed, "why": why or "stale"})


def ssh_host(name, hosts, renew_days=30, timeout=90):
    """A certificate for sshd's host key ``name``, beside it; the key is made if it is missing.

    The parameters are those of :func:`tls`.

    .. code-block:: yaml

        ssh-host-certificate:
          pki.ssh_host:
            - name: /etc/ssh/ssh_host_ed25519_key
            - hosts: [review01.example.org, review.example.org]

    .. versionadded:: 0.2.0
    """
    try:
        signers = _published("issued/ssh_ca.pub")
        if signers is None:
            return _no_authority(name)
        files = SshFiles(Path(name), tuple(hosts), float(renew_days))
        why = files.lacking(signers.splitlines())
        if __opts__["test"] or not why:
            return _looked(name, why, [])
        text = _ask(SSH, files.public(), hosts, "ssh_host_ed25519_key-cert.pub", timeout)
        changed = files.install(text, signers.splitlines())
    except (SalternError, CommandExecutionError, OSError) as error:
        return _result(name, False, str(error))
    return _result(name, True, why, {"files": changed, "why": why})


def mod_watch(name, **kwargs):
    """Do what the state itself does: nothing that is watched changes a certificate."""
    own = {"tls": tls, "ssh_host": ssh_host, "authority": authority}[kwargs.pop("sfun")]
    known = own.__code__.co_varnames[: own.__code__.co_argcount]
    return own(name, **{key: value for key, value in kwargs.items() if key in known})


def _ask(kind, subject, hosts, answer, timeout):
    """Return the text of the file ``answer`` that the master makes for this request."""
    salt_key = Path(__opts__["pki_dir"], "minion.pem")
    folder = f"issued/{__opts__['id']}"
    deadline, again, sent = time.monotonic() + timeout, 0.0, []
    while time.monotonic() < deadline:
        if time.monotonic() >= again:
            wish = Request(__opts__["id"], kind, time.time(), subject, tuple(hosts))
            data = wish.signed(salt_key)
            if not __salt__["event.send"](TAG, data):
                raise CommandExecutionError("the master did not take the request")
            sent.append(digest(data))
            again = time.monotonic() + ASK_AGAIN
        told = _answer(f"{folder}/{kind}.json", sent)
        if told and told["status"] == "issued":
            return _published(f"{folder}/{answer}") or ""
        if told:
            raise CommandExecutionError(f"the master refused: {told['reason']}")
        time.sleep(POLL)
    raise CommandExecutionError(
        f"no answer to the request for a certificate within {timeout} s: see the master's log "
        "(saltern/pki/request) and whether its clock and this host's agree"
    )


def _answer(path, sent):
    text = _published(path)
    told = json.loads(text) if text else {}
    return told if told.get("request") in sent else None


def _published(path):
    """Return the text of a file on the master's file server, ``None`` where there is none.

    A file that is replaced while it is fetched arrives as a mixture (Salt 3008 fetches again over
    the longer one before), so what came is compared with what the master has.
    """
    for _ in range(FETCHES):
        served = __salt__["cp.hash_file"](f"salt://{path}")
        if not served:
            return None
        text = __salt__["cp.get_file_str"](f"salt://{path}") or ""
        if hashlib.new(served["hash_type"], text.encode()).hexdigest() == served["hsum"]:
            return text or None
    raise CommandExecutionError(f"salt://{path} changed in each of {FETCHES} fetches")


def _owner(user):
    found = pwd.getpwnam(user)
    return found.pw_uid, found.pw_gid


def _group(name):
    """Return the gid of group ``name``; in a test run it may be still to come."""
    try:
        return grp.getgrnam(name).gr_gid
    except KeyError:
        if __opts__["test"]:
            return None
        raise


def _folder(path, owner):
    path.mkdir(parents=True, exist_ok=True)
    os.chown(path, *owner)
    path.chmod(0o755)


def _no_authority(name):
    if __opts__["test"]:
        return _result(name, None, "the authority is still to be made", {"new": [name]})
    return _result(name, False, "the master has no authority yet: apply the state ca on it first")


def _looked(name, why, stale):
    if not (why or stale):
        return _result(name, True, "the certificate does")
    about = why or f"not as they should be: {', '.join(stale)}"
    return _result(name, None, f"would ask for a certificate: {about}", {"why": about})


def _result(name, result, comment, changes=None):
    return {"name": name, "result": result, "comment": comment, "changes": changes or {}}
