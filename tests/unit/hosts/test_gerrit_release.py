"""Releases of a Gerrit on a host: the first, another, one that does not work, one cut off."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from saltern.errors import Broken, Refused
from saltern.hosts.gerrit import Release, administrator_present, changes, install, wait_until_up
from saltern.hosts.gerrit import record as records
from saltern.hosts.gerrit.probe import projects, version
from saltern.providers.gerrit.client import Client
from tests.unit.hosts.gerrit_host import PASSWORD, GerritHost

DEFECTS = {"init": "schema migration failed", "daemon": "cannot start", "lose": "1 of 3 projects"}


def test_empty_site_is_initialised_and_its_configuration_kept(empty_host: GerritHost) -> None:
    """The first release makes the site and leaves the configuration as the pillar wrote it."""
    before = empty_host.config.read_text()
    wanted, war = empty_host.war("1.0")
    planned = changes(empty_host.installation, wanted)
    done = install(empty_host.installation, wanted, war)
    assert planned == {"release": {"old": None, "new": wanted.name}}
    assert done == [f"initialised with {wanted.name}"]
    assert empty_host.config.read_text() == before
    assert empty_host.config.stat().st_mode & 0o777 == 0o640
    assert not empty_host.service.alive()
    assert changes(empty_host.installation, wanted) == {}


def test_first_administrator_is_shut_and_the_service_account_administers(
    empty_host: GerritHost,
) -> None:
    """The password that everybody knows opens nothing once the service account is there."""
    empty_host.install("1.0")
    empty_host.service.start()
    wait_until_up(empty_host.server, 180, empty_host.service.alive, empty_host.service.log)
    planned = administrator_present(empty_host.server, test=True)
    assert list(planned) == ["administrator", "first administrator"]
    assert administrator_present(empty_host.server) == planned
    assert administrator_present(empty_host.server) == {}
    with pytest.raises(Broken, match="does not take the HTTP password"):
        projects(replace(empty_host.server, username="admin", password="secret"))


def test_wrong_password_of_the_service_account_is_told_without_it(host: GerritHost) -> None:
    """A password that Gerrit does not take is an error that does not show it."""
    with pytest.raises(Broken, match="takes neither the password of 'saltern'") as caught:
        administrator_present(replace(host.server, password="another-password"))
    assert "another-password" not in str(caught.value)


def test_other_release_keeps_the_data(host: GerritHost) -> None:
    """After an upgrade the new release serves the same projects and accounts."""
    before = projects(host.server)
    done = host.install("1.1")
    assert version(host.server) == "1.1"
    assert projects(host.server) == before >= {"one"}
    assert "upgraded from 1.0-" in done[1]
    assert changes(host.installation, host.war("1.1")[0]) == {}
    assert [copy.name[:4] for copy in (host.root / "backups").iterdir()] == ["1.0-"]


def test_same_release_again_does_not_stop_the_daemon(host: GerritHost) -> None:
    """What is there already is left running."""
    assert host.install("1.0") == []
    assert host.service.starts == 1


@pytest.mark.parametrize("defect", DEFECTS)
def test_release_that_does_not_work_is_taken_back(host: GerritHost, defect: str) -> None:
    """Whatever a bad release did, the old one serves again with the data as it was."""
    before = projects(host.server)
    wanted, war = host.war("1.1", defect)
    with pytest.raises(Refused, match=r"1\.0-\w+ serves again") as caught:
        install(host.installation, wanted, war)
    assert DEFECTS[defect] in str(caught.value)
    assert version(host.server) == "1.0"
    assert projects(host.server) == before
    assert list(changes(host.installation, wanted)) == ["release"]
    assert records.read(host.installation.wars).failure(wanted.name).times == 1


def test_bad_release_is_tried_again_and_then_a_good_one_taken(host: GerritHost) -> None:
    """A release that failed is no less wanted, and does not stand in the way of another."""
    for _ in range(2):
        with pytest.raises(Refused):
            host.install("1.1", "init")
    wanted, _ = host.war("1.1", "init")
    assert records.read(host.installation.wars).failure(wanted.name).times == 2
    host.install("1.1")
    assert version(host.server) == "1.1"


@pytest.mark.parametrize(
    ("change", "reason"),
    [({"digest": "0" * 64}, "SHA-256 is"), ({"version": "9.9"}, "says it is 1.1")],
    ids=["digest", "version"],
)
def test_file_that_is_not_what_was_asked_for_stops_nothing(
    host: GerritHost, change: dict[str, str], reason: str
) -> None:
    """A wrong digest or version is found before the daemon is touched."""
    wanted, war = host.war("1.1")
    with pytest.raises(Broken, match=reason):
        install(host.installation, replace(wanted, **change), war)
    assert host.service.starts == 1
    assert version(host.server) == "1.0"


def test_upgrade_killed_in_the_middle_is_undone_by_the_next(host: GerritHost) -> None:
    """After a SIGKILL during init the next highstate puts the site back and goes on."""
    before = projects(host.server)
    wanted, war = host.war("1.1", "hang")
    host.service.stop()
    child = _install_elsewhere(host, wanted, war)
    _wait_for(lambda: not (host.root / "site/data/state.db").exists())
    os.killpg(child.pid, signal.SIGKILL)
    child.wait()
    assert list(changes(host.installation, wanted)) == ["interrupted", "release"]
    done = host.install("1.2")
    assert "interrupted while changing" in done[0]
    assert version(host.server) == "1.2"
    assert projects(host.server) == before


def test_old_copies_and_programs_are_removed(host: GerritHost) -> None:
    """As many copies stay as asked for, with the programs they belong to."""
    for number in (1, 2, 3):
        host.install(f"1.{number}")
    copies = sorted(path.name.split("-")[0] for path in (host.root / "backups").iterdir())
    wars = [path for path in (host.root / "wars").glob("*.war") if not path.is_symlink()]
    assert copies == ["1.1", "1.2"]
    assert sorted(path.name.split("-")[0] for path in wars) == ["1.1", "1.2", "1.3"]


def _install_elsewhere(host: GerritHost, wanted: Release, war: Path) -> subprocess.Popen:
    """Start the upgrade in a process group of its own, with the daemon already stopped."""
    code = (
        "import sys; from pathlib import Path\n"
        "from saltern.hosts.gerrit import Installation, Release, install\n"
        "from saltern.settings import GerritSettings\n"
        "class Service:\n"
        "    def start(self): pass\n"
        "    def stop(self): pass\n"
        "    def alive(self): return False\n"
        "    def log(self): return ''\n"
        "root, version, digest, war = sys.argv[1:]\n"
        "root = Path(root)\n"
        "host = Installation(root / 'site', root / 'wars', root / 'backups', (sys.executable,),\n"
        "    Service(), GerritSettings(url='http://127.0.0.1:9'))\n"
        "install(host, Release(version, digest), Path(war))\n"
    )
    words = [sys.executable, "-c", code, str(host.root), wanted.version, wanted.digest, str(war)]
    return subprocess.Popen(words, start_new_session=True)


def _wait_for(condition, seconds: float = 180) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "did not come true"
        time.sleep(0.02)


def test_label_is_defined_once_and_changed_when_asked(host: GerritHost) -> None:
    """A label is read back, and asked for again costs nothing."""
    from saltern.hosts.gerrit import label_present

    client = Client(host.server)
    try:
        made = label_present(client, "All-Projects", "Verified", {-1: "No", 0: "None", 1: "Yes"})
        again = label_present(client, "All-Projects", "Verified", {-1: "No", 0: "None", 1: "Yes"})
        wider = label_present(client, "All-Projects", "Verified", {-2: "N", 0: "None", 2: "Y"})
    finally:
        client.close()
    assert made["values"]["old"] is None
    assert again == {}
    assert wider["values"] == {
        "old": {-1: "No", 0: "None", 1: "Yes"},
        "new": {-2: "N", 0: "None", 2: "Y"},
    }
    assert PASSWORD not in str(made)
