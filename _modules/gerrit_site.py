"""The Gerrit site on this host: its release, its first administrator, labels.

How it is reached is the pillar's ``saltern:gerrit``, but on loopback where a function asks for a
``url``; what else there is to know are arguments. No secret is ever returned.

:depends: saltern in the minion's Python

.. versionadded:: 0.2.0
"""

import hashlib
from dataclasses import replace
from pathlib import Path

from salt.exceptions import CommandExecutionError

try:
    from saltern.errors import SalternError
    from saltern.hosts import gerrit as library
    from saltern.providers.gerrit.client import Client
    from saltern.settings import GerritSettings, build

    MISSING = ""
except ImportError as error:
    MISSING = f"saltern cannot be loaded by this minion's Python: {error}"


def __virtual__():
    return "gerrit_site" if not MISSING else (False, MISSING)


def release(site, version, source, sha256=None, test=False, **place):
    """Make a release the site's own; returns ``changes`` and ``done``, what was done in words.

    site
        Directory of the site.

    version
        What the program must say that it is.

    source
        Path on this host, ``salt://`` or ``https://`` of the program.

    sha256
        Of the program; needed for ``https://``.

    place
        ``wars``, ``backups``, ``command``, ``unit``, ``url``, ``ssh_port``, ``user``,
        ``up_seconds``, ``keep``: the fields of saltern.hosts.gerrit.Installation.

    CLI Example:

    .. code-block:: bash

        salt review01 state.apply gerrit

    .. versionadded:: 0.2.0
    """
    host = _installation(site, **place)
    digest = sha256 or _digest(source)
    if digest is None:
        if test:
            return {"changes": {"release": {"old": None, "new": version}}, "done": []}
        raise CommandExecutionError(f"{source} is not there")
    wanted = library.Release(version, digest)
    changes = _call(library.changes, host, wanted)
    if test or not changes:
        return {"changes": changes, "done": []}
    done = _call(library.install, host, wanted, Path(_fetched(source, digest)))
    return {"changes": changes, "done": done}


def wait(url, seconds=300):
    """Wait until Gerrit answers and return its version.

    CLI Example:

    .. code-block:: bash

        salt review01 gerrit_site.wait http://127.0.0.1:8080

    .. versionadded:: 0.2.0
    """
    return _call(library.wait_until_up, _settings(url), seconds)


def administrator(url, email=None, test=False):
    """Make the service account an administrator, and what init made inactive. Returns changes.

    CLI Example:

    .. code-block:: bash

        salt review01 gerrit_site.administrator http://127.0.0.1:8080 test=True

    .. versionadded:: 0.2.0
    """
    return _call(library.administrator_present, _settings(url), email, test=test)


def label(name, values, project="All-Projects", test=False):
    """Define a label of a project. Returns what changed, old and new.

    Gerrit capability needed: owner of the project.

    CLI Example:

    .. code-block:: bash

        salt review01 gerrit_site.label Verified "{-1: Fails, 0: No score, 1: Works}"

    .. versionadded:: 0.2.0
    """
    client = Client(_settings())
    try:
        return _call(library.label_present, client, project, name, values, test=test)
    finally:
        client.close()


def _call(function, *args, **kwargs):
    try:
        return function(*args, **kwargs)
    except (SalternError, OSError) as error:
        failed = CommandExecutionError(str(error))
        failed.code = getattr(error, "code", "error")
        raise failed from None


def _settings(url=None):
    pillar = (__pillar__.get("saltern") or {}).get("gerrit")
    settings = _call(build, GerritSettings, pillar, "pillar saltern:gerrit")
    return replace(settings, url=url) if url else settings


def _installation(site, wars, backups, command, unit, url, ssh_port, user, up_seconds, keep):
    return library.Installation(
        site=Path(site),
        wars=Path(wars),
        backups=Path(backups),
        command=tuple(command),
        service=library.Systemd(unit),
        server=_settings(url),
        ssh=("127.0.0.1", ssh_port),
        user=user,
        up_seconds=up_seconds,
        keep=keep,
    )


def _digest(source):
    """Return the SHA-256 of what ``source`` is now, ``None`` if it is not there."""
    if source.startswith("salt://"):
        found = __salt__["cp.hash_file"](source)
        return found.get("hsum") if found else None
    try:
        with open(source, "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except FileNotFoundError:
        return None


def _fetched(source, digest):
    if source.startswith("/"):
        return source
    path = __salt__["cp.cache_file"](source, source_hash=f"sha256={digest}")
    if not path:
        raise CommandExecutionError(f"{source} cannot be fetched: is it there, is it reachable?")
    return path
