"""The Gerrit host, used from another host by ssh, git and curl: what it serves, and what it
survives. With GERRIT_WAR the same is asked of a real Gerrit."""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
import yaml

from lab.hosts import states, war
from lab.hosts.machine import Machine
from lab.hosts.places import run
from lab.hosts.states import Applied
from lab.saltconfig import REPOSITORY
from tests.lab import wars
from tests.lab.clients import until
from tests.lab.conftest import Site
from tests.lab.people import Person

pytestmark = [pytest.mark.lab, pytest.mark.timeout(900)]

PROGRAM = "srv/saltern-private/gerrit_program.sls"
TRIAL = "srv/cache/trial.war"
FAULTS = {
    "stand-in": r"\d+ of \d+ projects are gone: \w",
    "real": r"Gerrit ended while it started",
}
REMARK = "Why three?"


@pytest.fixture(scope="module")
def host(site: Site) -> Machine:
    """The Gerrit host."""
    (machine,) = site.with_role("gerrit")
    return machine


@pytest.fixture(scope="module")
def master(site: Site) -> Machine:
    """The Salt master's host, on which the clients are too."""
    (machine,) = site.with_role("salt-master")
    return machine


@pytest.fixture(scope="module")
def service(site: Site, master: Machine) -> Iterator[Person]:
    """Saltern's own account: an administrator over HTTP."""
    text = (REPOSITORY / "pillar/dev/secrets/gerrit.sls").read_text()
    password = yaml.safe_load(text)["saltern"]["gerrit"]["password"]
    person = Person.arrive("saltern", master, site.lab.site.services["gerrit"], password=password)
    yield person
    person.leave()


@dataclass(frozen=True)
class Held:
    """What somebody had made on the Gerrit before anything happened to it."""

    owner: Person
    project: str
    commit: str
    number: int
    """Of a change with one comment."""


@pytest.fixture(scope="module")
def held(service: Person) -> Iterator[Held]:
    """A project with a commit, a change with a comment, an account with an ssh key."""
    name = f"trial{secrets.token_hex(3)}"
    owner = Person.arrive(name, service.machine, service.server)
    try:
        owner.call("rm", "id", ".netrc")
        owner.call("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", "id")
        key = (owner.folder / "id.pub").read_text().strip()
        account = {"name": name, "email": owner.email, "ssh_key": key}
        service.rest("PUT", f"accounts/{name}", account)
        service.rest("PUT", f"projects/{name}", {"branches": ["master"]})
        commit = push(service, service.repository(name), "one", "HEAD:refs/heads/master")[0]
        yield Held(owner, name, commit, make_change(owner, service, name))
        service.rest("PUT", f"projects/{name}/config", {"state": "READ_ONLY"})
        service.rest("DELETE", f"accounts/{name}/active")
    finally:
        owner.leave()


def push(person: Person, url: str, text: str, refspec: str) -> tuple[str, str]:
    """Push a commit of a file with ``text``; return its id and what the server said."""
    person.call("git", "clone", "--quiet", url, "pushed")
    person.write("pushed/file", text)
    git = ("git", "-C", "pushed")
    person.call(*git, "add", "file")
    message = f"{text}\n\nChange-Id: I{secrets.token_hex(20)}"
    person.call(*git, "commit", "--quiet", "-m", message)
    told = person.call(*git, "push", "origin", refspec).stderr
    commit = person.call(*git, "rev-parse", "HEAD").stdout.strip()
    person.call("rm", "-r", "pushed")
    return commit, told


def make_change(owner: Person, service: Person, project: str) -> int:
    """Push a change over ssh and comment a line of it; return its number."""
    told = push(owner, owner.repository(project, "ssh"), "three", "HEAD:refs/for/master")[1]
    found = re.search(rf"/c/{project}/\+/(\d+)", told)
    assert found, told
    comments = {"file": [{"line": 1, "message": REMARK}]}
    service.rest("POST", f"changes/{found[1]}/revisions/current/review", {"comments": comments})
    return int(found[1])


def told(person: Person, path: str, *options: str) -> str:
    """Return what curl without a login gets of the server, headers too."""
    url = path if ":" in path else f"https://{person.server}/{path}"
    words = ("curl", "--silent", "--show-error", "--include", "--max-time", "20", *options, url)
    done = person.call(*words, check=False)
    return done.stdout + done.stderr


def check_served(held: Held, service: Person, version: str) -> None:
    """Fail unless Gerrit serves over ssh, TLS and REST, as ``version``, with all that is held."""
    owner, name = held.owner, held.project
    assert owner.gerrit("version") == f"gerrit version {version}\n"
    url = f"https://{owner.server}/{name}"
    owner.call("git", "clone", "--quiet", url, "clone")
    assert owner.call("git", "-C", "clone", "rev-parse", "HEAD").stdout.strip() == held.commit
    change = f"refs/changes/{held.number % 100:02}/{held.number}/1"
    owner.call("git", "-C", "clone", "fetch", "--quiet", "origin", change)
    assert owner.call("git", "-C", "clone", "show", "FETCH_HEAD:file").stdout == "three"
    owner.call("rm", "-r", "clone")
    comments = service.rest("GET", f"changes/{held.number}/comments")
    assert [each["message"] for each in comments["file"]] == [REMARK]


@dataclass(frozen=True)
class Releases:
    """The release that the pillar names, and how to name another one."""

    master: Machine
    host: Machine
    program: dict
    """Pillar of the lab's program as it was found."""

    @property
    def version(self) -> str:
        """The release found."""
        return str(self.program["gerrit"]["war"]["version"])

    @property
    def kind(self) -> str:
        """What program it is."""
        return "stand-in" if "standin" in self.program["gerrit"]["war"] else "real"

    def take(self, version: str, *, broken: bool = False) -> Applied:
        """Make a release, change the pillar to it, and apply the host's state for Gerrit."""
        target = self.host.root / TRIAL
        target.parent.mkdir(exist_ok=True)
        if self.kind == "real":
            wars.real(self.host.root / war.PLACE, target, version, broken=broken)
        else:
            wars.standin(target, version, broken=broken)
        named = {"version": version, "file": f"/{TRIAL}"}
        self.write({**self.program, "gerrit": {**self.program["gerrit"], "war": named}})
        return states.highstate(self.host, sls="gerrit")

    def write(self, program: dict) -> None:
        """Replace the pillar of the program."""
        (self.master.root / PROGRAM).write_text(json.dumps(program))


@pytest.fixture
def releases(master: Machine, host: Machine) -> Iterator[Releases]:
    """Leaves the release that was there."""
    pillar, current = master.root / PROGRAM, host.root / "srv/gerrit-wars/current.war"
    before, link = pillar.read_text(), current.readlink()
    yield Releases(master, host, yaml.safe_load(before))
    pillar.write_text(before)
    (host.root / TRIAL).unlink()
    if current.readlink() != link:
        applied = states.highstate(host, sls="gerrit")
        assert applied.ok, applied.failed
    assert current.readlink() == link


@pytest.fixture(scope="module")
def version(master: Machine) -> str:
    """The release that the pillar names."""
    program = yaml.safe_load((master.root / PROGRAM).read_text())
    return str(program["gerrit"]["war"]["version"])


def test_clients_of_another_host_are_served(held: Held, service: Person, version: str) -> None:
    """ssh with the host key of the site's known_hosts, git and REST over TLS that is checked."""
    check_served(held, service, version)


def test_other_host_key_is_refused_by_the_client(held: Held) -> None:
    """It is the site's known_hosts that makes ssh trust Gerrit."""
    owner = held.owner
    words = f"$GIT_SSH_COMMAND -p 29418 -o HostKeyAlias=other {owner.server} gerrit version"
    done = owner.call("sh", "-c", words, check=False)
    assert "Host key verification failed" in done.stderr


def test_certificate_of_no_known_authority_is_refused_by_the_client(held: Held) -> None:
    """It is the site's authority that makes git and curl trust Gerrit."""
    owner = held.owner
    other = "http.sslCAInfo=/usr/share/ca-certificates/mozilla/ISRG_Root_X1.crt"
    words = ("-c", other, "-c", "http.sslCAPath=/srv", "ls-remote")
    done = owner.call("git", *words, f"https://{owner.server}/{held.project}", check=False)
    assert done.returncode != 0
    assert "certificate" in done.stderr


def test_plain_http_is_redirected(held: Held) -> None:
    """Whoever comes without TLS is sent to the same page with it."""
    answer = told(held.owner, f"http://{held.owner.server}/q/is:open?n=1")
    assert answer.startswith("HTTP/1.1 301")
    assert f"Location: https://{held.owner.server}/q/is:open?n=1\n" in answer.replace("\r", "")


def test_forged_user_header_logs_nobody_in(held: Held) -> None:
    """Gerrit believes the proxy's header, and the proxy believes nobody."""
    forged = ("--header", "X-Forwarded-User: admin")
    assert told(held.owner, "accounts/self", *forged).startswith("HTTP/2 403")
    assert told(held.owner, "login/", *forged).startswith("HTTP/2 401")


def test_gerrits_own_http_port_is_closed(site: Site, held: Held, host: Machine) -> None:
    """It listens on loopback only: neither the site's hosts nor anybody outside reach it."""
    assert "HTTP/1.1 200" in host.call("curl", "-sI", "http://127.0.0.1:8080/projects/").stdout
    listening = host.call("ss", "-Hltn", "sport = :8080").stdout.split()[3]
    assert "127.0.0.1" in listening
    url = f"http://{host.host.address}:8080/projects/"
    inside = told(held.owner, url, "--connect-timeout", "3")
    router = ("ip", "netns", "exec", site.lab.network.router)
    outside = run(*router, "curl", "-sS", "--connect-timeout", "3", url, check=False)
    assert "HTTP" not in inside
    assert "curl: " in inside
    assert outside.returncode in (7, 28), outside.stdout


def test_upgrade_keeps_the_data(
    held: Held, service: Person, host: Machine, releases: Releases
) -> None:
    """Another version in the pillar: the site is copied, upgraded, and has all that was in it."""
    wanted = f"{releases.version}.trial"
    applied = releases.take(wanted)
    assert applied.ok, applied.failed
    check_served(held, service, wanted)
    copies = [path.name for path in (host.root / "srv/gerrit-backups").iterdir()]
    (copy,) = [name for name in copies if name in json.dumps(applied.states)]
    assert (host.root / "srv/gerrit-backups" / copy / f"git/{held.project}.git").is_dir()


def test_upgrade_to_a_broken_release_is_taken_back(
    held: Held, service: Person, host: Machine, releases: Releases
) -> None:
    """The release before serves again with its data, and the state says why."""
    applied = releases.take(f"{releases.version}.broken", broken=True)
    (failed,) = [line for line in applied.failed if "was not taken" in line]
    assert re.search(FAULTS[releases.kind], failed), failed
    assert re.search(rf"{re.escape(releases.version)}-\w+ serves again", failed), failed
    check_served(held, service, releases.version)


def test_backup_restored_after_the_loss_of_everything(
    held: Held, service: Person, host: Machine, version: str
) -> None:
    """Backup, loss of the site and its programs, restore: proved by what was in it."""
    host.call("saltern-backup", "run", "gerrit")
    try:
        host.call("systemctl", "stop", "gerrit")
        host.call("rm", "-rf", "/srv/gerrit", "/srv/gerrit-wars")
        host.call("saltern-backup", "restore", "gerrit")
        until(lambda: " 200" in told(held.owner, "projects/")[:12], "Gerrit serves")
        check_served(held, service, version)
    finally:
        host.call("sh", "-c", "rm -f /var/backups/saltern/gerrit-*")


def test_drift_is_repaired_and_reported(
    held: Held, service: Person, host: Machine, version: str
) -> None:
    """A file edited, a unit stopped and a package removed by hand: each is named and undone."""
    config = host.root / "srv/gerrit/etc/gerrit.config"
    config.write_text(config.read_text() + "[auth]\n\ttype = DEVELOPMENT_BECOME_ANY_ACCOUNT\n")
    host.call("systemctl", "stop", "gerrit")
    host.call("systemctl", "disable", "gerrit")
    host.call("apt-get", "-qq", "remove", "nginx")
    applied = states.highstate(host)
    assert applied.ok, applied.failed
    changed = {line.split()[0] for line in applied.changed}
    assert {"gerrit-config", "gerrit", "nginx"} <= changed
    assert "DEVELOPMENT" in json.dumps([row["changes"] for row in applied.states.values()])
    check_served(held, service, version)
    again = states.highstate(host, sls="gerrit")
    assert (again.changed, again.failed) == ([], [])


def test_reboot_serves_again(held: Held, service: Person, host: Machine, version: str) -> None:
    """Nobody has to start anything."""
    host.reboot()
    until(lambda: " 200" in told(held.owner, "projects/")[:12], "Gerrit serves")
    check_served(held, service, version)
