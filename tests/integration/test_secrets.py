"""Secrets reach only the minion that uses them."""

from __future__ import annotations

import base64
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.integration.saltsite import REGISTRY, Site, everything_on_the_bus

PILLAR = ("pillar", "master/cache/pillar", "minions/review01/cache/pillar")
"""Where Salt itself keeps a minion's pillar: its source and its caches."""


def test_password_is_in_no_log_event_return_journal_or_command_line(site: Site) -> None:
    """After runs that work and runs that fail, the password is nowhere but in the pillar."""
    secret = site.gerrit.admin_password
    forms = [secret.encode(), base64.b64encode(f"admin:{secret}".encode())]
    with everything_on_the_bus(site) as events, command_lines() as seen:
        site.add({"project": "secret/one"})
        assert site.converge()["status"] == "done"
        site.gerrit.fault("refuse-calls", method="GET", path="projects/", count=0, status=403)
        assert site.converge()["status"] != "done"
        site.gerrit.clear_faults()
        site.gerrit.fault("refuse-pushes", project="secret/two", count=0, text="no")
        site.add({"project": "secret/two"})
        assert site.converge()["status"] == "failed"
        site.gerrit.clear_faults()
        assert site.converge()["status"] == "done"
        site.salt.call(site.minion, "gerrit.project_get", REGISTRY)
        site.salt.call(site.minion, "gerrit.access_get", "All-Projects")
    assert events
    assert seen
    for form in forms:
        assert not [e for e in events if form in e]
        assert not [line for line in seen if form in line]
        assert not [path for path in files(site) if form in path.read_bytes()]


def test_pillar_with_the_password_is_the_minions_alone(site: Site) -> None:
    """The password is there for the minion, so that the test above looks for the right thing."""
    place = site.root / "salt/pillar"
    assert any(site.gerrit.admin_password in p.read_text() for p in place.iterdir())
    assert all(p.stat().st_mode & 0o077 == 0 for p in place.iterdir())


def test_file_server_serves_states_and_modules_but_no_pillar(site: Site) -> None:
    """The file root holds links to the module folders and nothing of the pillar."""
    served = site.salt.call(site.minion, "cp.list_master")
    assert "_modules/gerrit.py" in served
    assert "_states/gerrit.py" in served
    assert not [name for name in served if "pillar" in name]
    for path in ("pillar/dev/saltern.sls", "../pillar/dev/saltern.sls", "_modules/../../pillar"):
        assert not site.salt.call(site.minion, "cp.get_file_str", f"salt://{path}")


def files(site: Site) -> Iterator[Path]:
    """Yield Salt's and the converge's files, Salt's own copies of the pillar left out."""
    for folder in (site.root / "salt", site.root / "state"):
        for path in folder.rglob("*"):
            relative = str(path.relative_to(folder))
            if path.is_file() and not relative.startswith(PILLAR):
                yield path


@contextmanager
def command_lines() -> Iterator[set[bytes]]:
    """Collect the command line of every process that runs meanwhile."""
    seen: set[bytes] = set()
    ended = threading.Event()

    def look() -> None:
        while not ended.wait(0.005):
            for path in Path("/proc").glob("[0-9]*/cmdline"):
                try:
                    seen.add(path.read_bytes())
                except OSError:
                    continue  # the process ended meanwhile

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield seen
    finally:
        ended.set()
        thread.join()
