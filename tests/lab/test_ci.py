"""ZooKeeper, PostgreSQL and Zuul on real hosts, each asked from another host by a real client."""

from __future__ import annotations

import json
import subprocess

import pytest

from lab.hosts.machine import Machine
from tests.lab.clients import until
from tests.lab.conftest import Site

pytestmark = [pytest.mark.lab, pytest.mark.timeout(3600)]

TLS = "/etc/saltern/tls"
IDENTITY = ("-cert", f"{TLS}/host.crt", "-key", f"{TLS}/host.key")
CURL = ("curl", "--silent", "--show-error", "--fail", "--max-time", "20")
DAEMONS = {"scheduler", "web", "executor", "launcher"}


def ruok(client: Machine, server: str, *identity: str) -> str:
    """Return what ZooKeeper on ``server`` answers ``client``, its certificate being checked."""
    script = (
        'host=$1; shift; { printf ruok; sleep 2; } | timeout 15 openssl s_client -quiet "$@" '
        f"-connect $host:2281 -CAfile {TLS}/ca.crt -verify_return_error -verify_hostname $host"
    )
    return client.call("bash", "-c", script, "bash", server, *identity, check=False).stdout


def sql(client: Machine, statement: str, **options: str) -> subprocess.CompletedProcess[str]:
    """Run ``statement`` as Zuul's role over the network, from a host that has its password."""
    where = {"user": "zuul", "dbname": "zuul", "sslmode": "verify-full", **options}
    words = " ".join(f"{key}={value}" for key, value in where.items())
    login = "PGPASSFILE=/etc/saltern/postgresql/zuul.pgpass"
    psql = ("psql", "--no-psqlrc", "-w", "-At", words, "-c", statement)
    return client.call("env", login, *psql, check=False)


def api(site: Site, path: str) -> object:
    """Return what the REST API answers to the master's host."""
    url = f"https://{site.lab.site.services['zuul']}/api/{path}"
    return json.loads(site.only("salt-master").call(*CURL, url).stdout)


def running(site: Site) -> set[str]:
    """Return the daemons that Zuul itself says are running; empty when it does not answer."""
    url = f"https://{site.lab.site.services['zuul']}/api/components"
    done = site.only("salt-master").call(*CURL, url, check=False)
    found = json.loads(done.stdout) if done.returncode == 0 else {}
    return {kind for kind, rows in found.items() if rows[0]["state"] == "running"}


def serves(site: Site) -> None:
    """Fail unless every service of the CI hosts answers a client on another host."""
    until(lambda: running(site) >= DAEMONS, f"the daemons run: {running(site)}")
    zookeeper, executor = site.only("zookeeper"), site.only("zuul-executor")
    assert "imok" in ruok(executor, zookeeper.host.id, *IDENTITY)
    database = site.only("database")
    answer = sql(database, "select 1", host=database.host.id, sslrootcert=f"{TLS}/ca.crt")
    assert answer.stdout == "1\n", answer.stderr
    until(lambda: [row["name"] for row in api(site, "tenants")] == ["lab"], "the tenant is served")


def test_every_service_answers_from_another_host(site: Site) -> None:
    """REST over TLS, ZooKeeper over TLS, SQL over TLS, with the site's authority checked."""
    serves(site)


def test_asking_whether_a_daemon_is_ready_leaves_it_alone(site: Site) -> None:
    """Each of several looks finds it: none keeps Zuul's command socket busy."""
    scheduler = site.only("zuul-scheduler")
    for _ in range(4):
        look = ("/usr/local/lib/saltern/zuul-ready", "--check", "scheduler")
        assert scheduler.call(*look, check=False).returncode == 0


def test_zookeeper_without_a_certificate_does_not_answer(site: Site) -> None:
    """A client of the site without a certificate learns nothing."""
    assert "imok" not in ruok(site.only("zuul-executor"), site.only("zookeeper").host.id)


def test_zookeeper_is_closed_for_hosts_without_a_zuul_role(site: Site) -> None:
    """A test node has a certificate, and jobs: the port is closed for it."""
    node = site.only("test-node")
    assert "imok" not in ruok(node, site.only("zookeeper").host.id, *IDENTITY)


def test_database_refuses_plain_connections(site: Site) -> None:
    """No password and no row crosses the network in clear."""
    database = site.only("database")
    refused = sql(database, "select 1", host=database.host.id, sslmode="disable")
    assert "no encryption" in refused.stderr


def test_database_role_has_no_rights_beyond_its_database(site: Site) -> None:
    """Zuul's role makes no roles, no databases, and reads no file of the server."""
    database = site.only("database")
    for statement in (
        "create role other",
        "create database other",
        "select pg_read_file('/etc/passwd')",
    ):
        refused = sql(
            database, statement, host=database.host.id, sslrootcert=f"{TLS}/ca.crt"
        ).stderr
        assert "permission denied" in refused, statement


def test_zuul_client_lists_builds(site: Site) -> None:
    """Zuul's own client works against the site, and asks the database through it."""
    machine = site.only("zuul-executor")
    client = (
        "env",
        "REQUESTS_CA_BUNDLE=/etc/ssl/certs/ca-certificates.crt",
        "/opt/zuul/current/bin/zuul-client",
        "--zuul-url",
        f"https://{site.lab.site.services['zuul']}",
    )
    assert machine.call(*client, "builds", "--tenant", "lab", check=False).returncode == 0


def test_sandbox_of_jobs_shows_no_secret(site: Site) -> None:
    """In the sandbox of an untrusted job neither Zuul's configuration nor its keys exist."""
    machine = site.only("zuul-executor")
    look = "ls /usr >/dev/null && ! cat /etc/zuul/zuul.conf && ! ls /var/lib/zuul && echo kept"
    sandbox = ("/opt/zuul/current/bin/zuul-bwrap", "/tmp", "/tmp", "--")
    done = machine.call("runuser", "-u", "zuul", "--", *sandbox, "sh", "-c", look, check=False)
    assert "kept" in done.stdout, done.stderr


def test_secrets_are_in_no_process_list(site: Site) -> None:
    """Passwords go by files: nobody reads them from arguments."""
    for name in ("ci01", "ci02"):
        listed = site.machine(name).call("ps", "-eww", "-o", "args").stdout
        assert "not-a-secret" not in listed


def test_database_restored_from_backup_has_its_rows(site: Site) -> None:
    """Backup, loss of a table, restore: proved by a row that was in it."""
    database = site.only("database")
    here = {"host": database.host.id, "sslrootcert": f"{TLS}/ca.crt"}
    sql(database, "create table kept as select 42 as answer", **here)
    database.call("saltern-backup", "run", "postgresql")
    assert sql(database, "drop table kept", **here).returncode == 0
    database.call("saltern-backup", "restore", "postgresql")
    assert sql(database, "select answer from kept", **here).stdout == "42\n"
    sql(database, "drop table kept", **here)


def test_project_keys_are_in_the_backup(site: Site) -> None:
    """The export of the project keys is packed, readable for Zuul only."""
    scheduler = site.only("zuul-scheduler")
    scheduler.call("saltern-backup", "run", "zuul")
    shown = scheduler.call("stat", "-c", "%a %U", "/var/lib/zuul/export/keys.json").stdout
    assert shown == "600 zuul\n"


def test_reboot_of_the_ci_hosts_brings_everything_back(site: Site) -> None:
    """ZooKeeper's host first, then the executor's: nobody has to start anything."""
    for name in ("ci01", "ci02"):
        site.machine(name).reboot()
    serves(site)
