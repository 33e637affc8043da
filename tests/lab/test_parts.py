"""What of the lab needs no host: the order of roles, answers of Salt, scripts, the Vagrantfile."""

from __future__ import annotations

import hashlib
import io
import json
import shutil
import subprocess
import zipfile
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml

from lab.hosts import places, states, war
from lab.hosts.places import LabError
from lab.hosts.progress import Progress
from lab.hosts.site import Host, load
from lab.saltconfig import REPOSITORY

STATE = {"__id__": "nginx", "__sls__": "nginx", "comment": "Job failed.", "changes": {}}


def answer(*rows: dict) -> str:
    """What salt-call prints for a state run of ``rows``."""
    return json.dumps({"local": {str(number): row for number, row in enumerate(rows)}})


def test_site_loaded_hosts_come_after_what_they_need() -> None:
    """The master is first, and the executor comes after ZooKeeper's host."""
    site = load()
    order = list(site.hosts)
    assert site.hosts[order[0]].is_master
    for host, needs in site.needs.items():
        assert all(order.index(need) < order.index(host) for need in needs)
    assert "ci01.lab.example.org" in site.needs["ci02.lab.example.org"]


def test_state_failed_its_id_and_comment_are_told() -> None:
    """A failing state makes the highstate not ok and is named."""
    applied = states.read("a", answer({**STATE, "result": False}), "")
    assert not applied.ok
    assert applied.failed == ["nginx (nginx): Job failed."]


def test_state_announced_counts_as_a_change() -> None:
    """In test mode a state that would change something has no result and counts as changed."""
    applied = states.read("a", answer({**STATE, "result": None}), "")
    assert applied.ok
    assert applied.changed == ["nginx (nginx)"]


@pytest.mark.parametrize(
    ("printed", "told"),
    [
        ('{"local": ["Rendering SLS base:x failed"]}', "Rendering SLS base:x failed"),
        ("", "minion has no master"),
        ('noise {"local": "not available"}', "not available"),
    ],
    ids=["render error", "nothing", "text"],
)
def test_highstate_that_did_not_run_is_an_error(printed: str, told: str) -> None:
    """An answer without states is never a success, and its reason is told."""
    applied = states.read("a", printed, "minion has no master")
    assert not applied.ok
    assert told in applied.failed[0]


@pytest.mark.parametrize("name", ["", "../x", "UP", "a" * 30, "a b"])
def test_lab_name_that_is_no_name_is_refused(name: str) -> None:
    """A lab's name becomes part of paths and of namespaces, so it is checked."""
    with pytest.raises(LabError, match="lab name"):
        places.work(name)


@pytest.fixture(scope="session")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The keys of a master and one minion."""
    folder = tmp_path_factory.mktemp("keys")
    subprocess.run([REPOSITORY / "provision/keys", folder, "a.example.org"], check=True)
    return folder


def test_keys_made_again_stay(keys: Path) -> None:
    """A second run makes keys for new hosts only."""
    before = {path: path.read_bytes() for path in keys.rglob("*.p*")}
    words = [REPOSITORY / "provision/keys", keys, "a.example.org", "b.example.org"]
    subprocess.run(words, check=True)
    assert all(path.read_bytes() == content for path, content in before.items())
    assert (keys / "minions/b.example.org.pub").exists()


def test_finger_of_the_script_is_the_one_that_salt_computes(keys: Path) -> None:
    """What provision/host writes as master_finger is what the minion compares."""
    crypt = pytest.importorskip("salt.utils.crypt")
    script = (REPOSITORY / "provision/host").read_text().splitlines()
    function = next(line for line in script if line.startswith("finger() "))
    words = ["bash", "-c", f'{function}\nfinger "$1"', "bash", str(keys / "master.pub")]
    printed = subprocess.run(words, check=True, capture_output=True, text=True).stdout.strip()
    assert printed == crypt.pem_finger(str(keys / "master.pub"), sum_type="sha256")
    assert len(printed.replace(":", "")) == 2 * hashlib.sha256().digest_size


def test_provision_scripts_pass_shellcheck() -> None:
    """shellcheck has nothing to say about the scripts."""
    if not shutil.which("shellcheck"):
        pytest.skip("no shellcheck on this machine: apt-get install shellcheck")
    scripts = sorted((REPOSITORY / "provision").iterdir())
    done = subprocess.run(["shellcheck", *scripts], capture_output=True, text=True, check=False)
    assert done.stdout == ""
    assert done.returncode == 0


RECORD = """
require "json"
$seen = {}
class Recorder
  def initialize(name = nil); @name = name; end
  def method_missing(called, *words, **named, &block)
    $seen[@name] << [called, words, named] if @name
    yield(Recorder.new(@name)) if block && %i[provider].include?(called)
    self
  end
  def respond_to_missing?(*) = true
  def trigger = Trigger.new
  def define(name, **_named); $seen[name] = []; yield(Recorder.new(name)); end
end
class Trigger
  def before(*) = yield(Recorder.new)
end
module Vagrant
  def self.configure(_version) = yield(Recorder.new)
end
load "Vagrantfile"
puts JSON.dump($seen)
"""


def test_vagrantfile_defines_the_hosts_of_the_pillar() -> None:
    """Each host has its address and the provision script; only the master gets the pillar."""
    if not shutil.which("ruby"):
        pytest.skip("no ruby on this machine: apt-get install ruby")
    words = ["ruby", "-e", RECORD]
    done = subprocess.run(words, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    seen = {name: json.dumps(calls) for name, calls in json.loads(done.stdout).items()}
    site = load()
    assert set(seen) == {id_.split(".")[0] for id_ in site.hosts}
    for host in site.hosts.values():
        told = seen[host.id.split(".")[0]]
        assert host.address in told
        assert f"provision/host --id {host.id} " in told
        assert ("saltern-private" in told) is host.is_master
        assert ("master.pem" in told) is host.is_master


class Answering:
    """A machine whose Salt answers at once; the master's state fails."""

    def __init__(self, host: Host, began: list[str]):
        self.host = host
        self.began = began

    def call(self, *words: str, check: bool) -> SimpleNamespace:
        self.began.append(self.host.id)
        row = {**STATE, "result": not self.host.is_master}
        return SimpleNamespace(stdout=answer(row), stderr="")


def test_failed_host_holds_back_what_needs_it_but_not_in_test_mode() -> None:
    """The site's order counts; a test run looks at every host all the same."""
    site, began = load(), []
    machines = [Answering(host, began) for host in site.hosts.values()]
    applied = states.apply_all(site, machines, Progress())
    assert began == [site.master.id]
    assert [each.host for each in applied] == list(site.hosts)
    assert applied[1].errors == (f"held back: needs {site.master.id}",)
    states.apply_all(site, machines, Progress(), test=True)
    assert sorted(began[1:]) == sorted(site.hosts)


def packed(name: str, data: bytes) -> bytes:
    """An archive with one file."""
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as archive:
        archive.writestr(name, data)
    return held.getvalue()


def test_war_given_the_pillar_takes_the_version_it_says(tmp_path: Path) -> None:
    """The version is read where Gerrit itself reads it, and goes into the lab's pillar."""
    file = tmp_path / "gerrit.war"
    file.write_bytes(packed("WEB-INF/lib/common.jar", packed(war.SAID_IN, b"3.13.1\n")))
    program = yaml.safe_load(war.pillar(file))["gerrit"]
    assert program["war"] == {"version": "3.13.1", "file": "/srv/cache/gerrit.war"}
    usual = yaml.safe_load((REPOSITORY / "pillar/dev/gerrit_program.sls").read_text())["gerrit"]
    assert set(program) == set(usual)


@pytest.mark.parametrize("data", [b"text", packed("WEB-INF/lib/a.jar", packed("a", b""))])
def test_war_that_is_none_is_refused(tmp_path: Path, data: bytes) -> None:
    """Nothing is booted for a file that is no Gerrit."""
    file = tmp_path / "gerrit.war"
    file.write_bytes(data)
    with pytest.raises(LabError, match="GERRIT_WAR="):
        war.pillar(file)
