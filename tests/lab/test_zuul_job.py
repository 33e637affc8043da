"""Zuul at work on the site's hosts: a change is tested on a node and merged, its logs are served;
after a wipe the backup brings back the keys that the jobs' secrets need, and the builds."""

from __future__ import annotations

import json
import re
import secrets
import shutil
from collections.abc import Iterator

import pytest
import yaml

from lab.hosts import states
from lab.hosts.machine import Machine
from lab.saltconfig import REPOSITORY
from tests.lab import test_ci
from tests.lab.clients import until
from tests.lab.conftest import Site
from tests.lab.people import Person

pytestmark = [pytest.mark.lab, pytest.mark.timeout(1200, func_only=True)]

CONFIG = "zuul-config"
KEY = f"tenant/lab/key/{CONFIG}.pub"
BUILDS = f"tenant/lab/builds?project={CONFIG}&job_name=run-script"
ENCRYPT = """
set -euo pipefail
umask 077
trap 'rm -f /root/logs.key' EXIT
export REQUESTS_CA_BUNDLE=/etc/ssl/certs/ca-certificates.crt
cat >/root/logs.key
{ echo '- secret:'; echo '    name: logs_upload'; echo '    data:'; echo '      context: jobs'
  /opt/zuul/current/bin/zuul-client --zuul-url "$1" encrypt --tenant lab --project "$2" \
      --secret-name logs_upload --field-name key --infile /root/logs.key | sed -n '/key:/,$p'; }
"""
"""As the README of examples/zuul-config says."""


@pytest.fixture(scope="module")
def admin(site: Site) -> Iterator[Person]:
    """An administrator of Gerrit, at work on the master's host."""
    key = (REPOSITORY / "pillar/dev/labadmin.key").read_text()
    desk = site.only("salt-master")
    person = Person.arrive("labadmin", desk, site.lab.site.services["gerrit"], key=key)
    yield person
    person.leave()


def asked(site: Site, path: str) -> str:
    """Return what Zuul's REST API answers as text, or nothing."""
    return got(site, f"https://{site.lab.site.services['zuul']}/api/{path}")


def got(site: Site, url: str) -> str:
    """Return what a client on another host gets over TLS, or nothing."""
    return site.only("salt-master").call(*test_ci.CURL, url, check=False).stdout


@pytest.fixture(scope="module")
def config(site: Site, admin: Person) -> str:
    """The example's config project, with the node's host key and an encrypted secret, as the
    README of the example has an admin make it. Return the project's public key."""
    if CONFIG not in admin.gerrit("ls-projects").split():
        admin.gerrit("create-project", CONFIG)
    reconfigure(site)
    key = until(lambda: asked(site, KEY), "Zuul has a key for the config project")
    admin.call("git", "clone", "--quiet", admin.repository(CONFIG, "ssh"), CONFIG)
    write_config(site, admin)
    commit(admin, "The configuration")
    admin.call("git", "-C", CONFIG, "push", "--quiet", "origin", "HEAD:refs/heads/master")
    reconfigure(site)
    jobs = f"tenant/lab/project/{CONFIG}"
    until(lambda: "run-script" in asked(site, jobs), "the job is there")
    assert json.loads(asked(site, "tenant/lab/config-errors")) == []
    return key


def reconfigure(site: Site) -> None:
    """Have the scheduler read the tenant again."""
    scheduler = site.only("zuul-scheduler")
    words = ("/opt/zuul/current/bin/zuul-scheduler", "tenant-reconfigure", "lab")
    scheduler.call("runuser", "-u", "zuul", "--", "env", "-C", "/", *words)


def write_config(site: Site, admin: Person) -> None:
    """Write the example as the site needs it, and a script for its own job to run."""
    clone = admin.folder / CONFIG
    shutil.copytree(REPOSITORY / "examples" / CONFIG, clone, dirs_exist_ok=True)
    node = site.only("test-node")
    public = (node.root / "etc/ssh/ssh_host_ed25519_key.pub").read_text().split()
    nodes = clone / "zuul.d/nodes.yaml"
    nodes.write_text(re.sub("host-key: .*", f"host-key: {' '.join(public[:2])}", nodes.read_text()))
    secret = (REPOSITORY / "pillar/dev/logs-upload.key").read_text()
    url = f"https://{site.lab.site.services['zuul']}"
    executor = site.only("zuul-executor")
    words = ("bash", "-c", ENCRYPT, "bash", url, CONFIG)
    (clone / "zuul.d/secrets.yaml").write_text(executor.call(*words, stdin=secret).stdout)
    own = [{"project": {"name": CONFIG, "templates": ["tested-by-script"]}}]
    (clone / "zuul.d/own.yaml").write_text(yaml.safe_dump(own))
    script = clone / "run-tests"
    script.write_text("#!/bin/sh\necho tested on $(hostname)\n")
    script.chmod(0o755)


def commit(admin: Person, subject: str) -> None:
    """Commit all that is in the clone, as a change of its own."""
    change = f"Change-Id: I{secrets.token_hex(20)}"
    admin.call("git", "-C", CONFIG, "add", "--all")
    admin.call("git", "-C", CONFIG, "commit", "--quiet", "-m", subject, "-m", change)


def verified(admin: Person, number: int) -> int:
    """Return Zuul's vote on the change."""
    told = admin.gerrit("query", "--format=JSON", "--current-patch-set", f"change:{number}")
    approvals = json.loads(told.splitlines()[0])["currentPatchSet"].get("approvals", [])
    votes = [row for row in approvals if row["type"] == "Verified"]
    return next((int(row["value"]) for row in votes if row["by"]["username"] == "zuul"), 0)


def voted_change(site: Site, admin: Person) -> str:
    """Upload a change, wait for Zuul's vote; return the change's number as Gerrit told it."""
    (admin.folder / CONFIG / "note").write_text(secrets.token_hex(8))
    admin.call("git", "-C", CONFIG, "fetch", "--quiet", "origin", "master")
    admin.call("git", "-C", CONFIG, "reset", "--quiet", "--soft", "FETCH_HEAD")
    commit(admin, "A note")
    said = admin.call("git", "-C", CONFIG, "push", "origin", "HEAD:refs/for/master").stderr
    (number,) = re.findall(r"/\+/(\d+)", said)
    assert until(lambda: verified(admin, int(number)), "Zuul votes") == 1, builds(site)
    return number


def builds(site: Site) -> list[dict]:
    """Return the builds of the job, the newest first."""
    return json.loads(asked(site, BUILDS) or "[]")


def log(site: Site, build: dict) -> str:
    """Return the script's log as the log host serves it."""
    return got(site, f"{build['log_url']}node/script.txt")


def test_change_is_tested_on_a_node_its_logs_are_served_and_it_is_merged(
    site: Site, config: str, admin: Person
) -> None:
    """Upload to vote to merge: scheduler, launcher, executor, test node, log host and Gerrit."""
    number = voted_change(site, admin)
    build = builds(site)[0]
    assert build["result"] == "SUCCESS"
    assert build["log_url"].startswith(f"https://{site.lab.site.services['logs']}/jobs/")
    assert log(site, build) == "tested on node01\n"
    admin.gerrit("review", "--code-review", "+2", f"{number},1")
    query = ("query", f"change:{number}", "status:merged")
    until(lambda: f"number: {number}" in admin.gerrit(*query), "Zuul merges the change")


def test_zuul_wiped_keys_and_builds_come_back_from_the_backup(
    site: Site, config: str, admin: Person
) -> None:
    """ZooKeeper's data and the database are lost: a highstate and the backup bring back the same
    keys, so that the secret in the job can still be read, and the builds of before."""
    before = {build["uuid"] for build in builds(site)}
    assert before
    ci = site.only("zuul-scheduler")
    assert set(ci.host.roles) >= {"zookeeper", "database", "zuul-web"}
    for name in ("zuul", "postgresql"):
        ci.call("saltern-backup", "run", name)
    executors = site.with_role("zuul-executor")
    for machine in [*executors, ci]:
        machine.call("systemctl", "stop", "zuul-*")
    wipe(ci)
    for machine in [ci, *executors]:
        applied = states.highstate(machine)
        assert applied.ok, applied.failed
    other = until(lambda: asked(site, KEY), "the empty Zuul makes a key")
    assert other != config
    assert builds(site) == []
    for name in ("zuul", "postgresql"):
        ci.call("saltern-backup", "restore", name)
    for machine in executors:
        machine.call("systemctl", "restart", "zuul-*")
    until(lambda: asked(site, KEY) == config, "Zuul has the key of before")
    test_ci.serves(site)
    assert {build["uuid"] for build in builds(site)} == before
    voted_change(site, admin)
    assert log(site, builds(site)[0]) == "tested on node01\n"


def wipe(machine: Machine) -> None:
    """Take away what ZooKeeper and PostgreSQL keep."""
    machine.call("systemctl", "stop", "zookeeper")
    machine.call("find", "/var/lib/zookeeper", "-mindepth", "1", "-delete")
    machine.call("runuser", "-u", "postgres", "--", "dropdb", "--force", "zuul")
