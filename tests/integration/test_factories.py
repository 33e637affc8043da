"""A master and a minion as pytest-salt-factories starts them, set up as the role salt-master does.

The other tests here run the lab's own Salt. These show that nothing depends on it: the settings
come from the role's template, and the minion has its modules from the master's file server.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml
from jinja2 import Environment

from lab.saltconfig import REPOSITORY, write_pillar
from tests.conftest import grant
from tests.integration.saltsite import Site, until

PATIENCE = 240
"""Seconds until a daemon or a command is given up: far longer than a busy machine takes."""
ACL = """\
[access]
\tinheritFrom = All-Projects
[access "refs/heads/*"]
\tlabel-Code-Review = -2..+2 group {group}
"""


class FactorySite(Site):
    """The stand-in, with daemons of pytest-salt-factories instead of the lab's beside it."""

    def use(self, master: Any) -> None:
        """Speak to ``master``, a running ``saltfactories`` one, from here on."""
        self._salt = SimpleNamespace(
            opts=master.config,
            sockets=Path(master.config["sock_dir"]).parent,
            run=master.salt_run_cli(timeout=PATIENCE).run,
            stop=lambda: None,
        )

    def group(self, name: str) -> Any:
        """Return Gerrit's description of a group, or ``None``."""
        return self.rest("GET", f"groups/{name}")


def acl_file(project: str) -> dict[str, str]:
    """Return the registry's ACL file of a project, which names the group PROJECT-core."""
    return {f"gerrit/acls/{project}.config": ACL.format(group=f"{project}-core")}


def role_opts(site: Site) -> dict[str, Any]:
    """Return what the role salt-master configures, with this checkout's and this site's values.

    Paths, account and address of a real host's daemon are left to the factory.
    """
    template = (REPOSITORY / "salt/salt_master/files/master.conf").read_text("utf-8")
    defaults = yaml.safe_load((REPOSITORY / "salt/salt_master/defaults.yaml").read_text("utf-8"))
    environment = Environment(autoescape=False)  # noqa: S701 - the text is YAML
    environment.filters["json"] = json.dumps
    text = environment.from_string(template).render(
        config={**defaults, "events": {"username": "saltern", "port": 29418, "ignore_users": []}},
        pillar={"site": {"services": {"gerrit": "review.example.org"}}},
        pillar_roots=[],
        saltern=site.settings(),
    )
    opts = yaml.safe_load(text.replace("/srv/saltern", str(REPOSITORY)))
    opts["engines"][0]["gerrit_stream"] |= site.stream()
    wanted = ("file_roots", "runner_dirs", "engines_dirs", "outputter_dirs", "saltern", "engines")
    return {name: opts[name] for name in (*wanted, "reactor", "schedule", "max_event_size")}


def quiet_log(role: str) -> dict[str, Any]:
    """Return settings that keep a daemon's debug messages out of pytest's report of a failure."""
    return {"log_level_logfile": "info", f"pytest-{role}": {"log": {"level": "warning"}}}


@pytest.fixture(scope="session")
def salt_factories_config() -> Iterator[dict[str, Any]]:
    """Everything under one directory, short enough for the paths of sockets."""
    with tempfile.TemporaryDirectory(prefix="sf-", dir="/tmp") as root:
        yield {"root_dir": root}


@pytest.fixture(scope="module")
def stand_in(salt_factories: Any) -> Iterator[FactorySite]:
    """The stand-in with the rights granted and a registry, no Salt yet."""
    root = Path(salt_factories.root_dir) / "site"
    root.mkdir()
    site = FactorySite(root)
    try:
        grant(site.gerrit)
        site.make_registry()
        yield site
    finally:
        site.stop()


@pytest.fixture(scope="module")
def factory_site(salt_factories: Any, stand_in: FactorySite) -> Iterator[FactorySite]:
    """A site whose master and minion run; the minion's modules are synced, nothing is under way."""
    pillar = stand_in.root / "pillar"
    write_pillar(pillar, {stand_in.minion: {"saltern": stand_in.pillar()}})
    opts = {**role_opts(stand_in), "pillar_roots": {"base": [str(pillar)]}}
    master = salt_factories.salt_master_daemon(
        "master", overrides=opts | quiet_log("master"), start_timeout=PATIENCE
    )
    minion = master.salt_minion_daemon(
        stand_in.minion, overrides=quiet_log("minion"), start_timeout=PATIENCE
    )
    with master.started(), minion.started():
        stand_in.use(master)
        salt = master.salt_cli(timeout=PATIENCE)
        synced = salt.run("saltutil.sync_all", f"--timeout={PATIENCE}", minion_tgt=stand_in.minion)
        assert {"modules.gerrit", "modules.mirror"} <= set(synced.data["modules"]), synced
        until(stand_in.gerrit.streams, what="the engine to listen")
        assert stand_in.converge()["status"] == "done"
        stand_in.quiet()
        yield stand_in


def core_rules(site: FactorySite, name: str) -> dict[str, Any]:
    """Return who has the label that :data:`ACL` gives, by group UUID; empty before it is set."""
    access = (site.rest("GET", f"projects/{name}/access") or {}).get("local", {})
    permissions = access.get("refs/heads/*", {}).get("permissions", {})
    return permissions.get("label-Code-Review", {}).get("rules", {})


def assert_made(site: FactorySite, name: str) -> None:
    """Wait for the project's mirror and ACL, in whatever order; its group and branch are there."""
    head = until(lambda: site.head_of_mirror(name), what=f"the mirror of {name}")
    rules = until(lambda: core_rules(site, name), what=f"the ACL of {name}")
    assert site.project(name)["state"] == "ACTIVE"
    assert site.rest("GET", f"projects/{name}/branches/master")["revision"] == head
    assert list(rules) == [site.group(f"{name}-core")["id"]]


def test_event_on_the_bus_makes_project_group_and_mirror(factory_site: FactorySite) -> None:
    """Reactor, runner and minion do it; the direct push before the event starts nothing."""
    site = factory_site
    known = site.run_ids()
    commit = site.add({"project": "fired"}, files=acl_file("fired"))
    assert site.project("fired") is None
    assert site.group("fired-core") is None
    site.fire(("saltern/gerrit/change-merged", {"revision": commit, "newrev": commit}))
    assert_made(site, "fired")
    site.quiet()
    causes = [run["cause"] for run in site.runs() if run["id"] not in known]
    assert causes, "no run in the journal"
    assert all("merged" in cause for cause in causes), causes


def test_merged_change_reaches_the_mirror_with_nobody_calling(factory_site: FactorySite) -> None:
    """The engine hears of the submit over the stand-in's ssh and fires the event itself."""
    site = factory_site
    assert site.gerrit.streams()
    site.merge({"project": "heard"}, files=acl_file("heard"))
    assert_made(site, "heard")
