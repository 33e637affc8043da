"""Certificates over a real Salt bus: hosts ask, the master's own pillar decides."""

from __future__ import annotations

import getpass
import json
import shutil
import ssl
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization

from lab import salt
from lab.saltconfig import REACTIONS, REPOSITORY
from saltern.pki import Request, x509ca

ONE, TWO = "one.example.org", "two.example.org"
ALIAS = "review.example.org"
TAG = "saltern/pki/request"
DAY = 86400


class Site:
    """A master with the authority and two minions; ``tls`` of the pillar can be changed."""

    def __init__(self, root: Path):
        self.root = root
        self.files = root / "files"
        self.authority = root / "authority"
        self.lab: salt.SaltLab | None = None

    def start(self) -> None:
        self.files.mkdir()
        settings = {"root": str(self.authority), "issued": str(self.files / "issued")}
        self.lab = salt.start(
            self.root / "salt",
            minions=[ONE, TWO],
            pillar={ONE: self.pillar(), TWO: self.pillar()},
            master_opts={
                "file_roots": {"base": [str(REPOSITORY / "salt"), str(self.files)]},
                "saltern_authority": settings,
            },
            reactions=[*REACTIONS, ("saltern/pki/request", "pki_request")],
        )

    def pillar(self, **tls: float) -> dict[str, Any]:
        hosts = {
            ONE: {"address": "192.0.2.1", "roles": [], "aliases": [ALIAS]},
            TWO: {"address": "192.0.2.2", "roles": [], "aliases": []},
        }
        return {"site": {"domain": "example.org", "hosts": hosts}, "tls": tls}

    def state(self, minion: str, fun: str, name: Path, **kwargs: Any) -> dict[str, Any]:
        """Return what one state returned on ``minion``."""
        found = self.lab.call(minion, "state.single", fun, str(name), check=False, **kwargs)
        assert isinstance(found, dict), found
        return next(iter(found.values()))

    def make_authority(self) -> dict[str, Any]:
        return self.state(
            ONE,
            "pki.authority",
            self.authority,
            issued=str(self.files / "issued"),
            common_name="Test CA",
            domains=["example.org"],
            user=getpass.getuser(),
        )

    def tls(self, minion: str, hosts: list[str], **more: Any) -> dict[str, Any]:
        folder = self.root / "tls" / minion
        return self.state(minion, "pki.tls", folder, hosts=hosts, timeout=60, **more)

    def certificate(self, minion: str) -> x509.Certificate:
        path = self.root / "tls" / minion / "host.crt"
        return x509.load_pem_x509_certificate(path.read_bytes())

    def send(self, minion: str, data: dict[str, Any]) -> dict[str, Any]:
        """Have ``minion`` send ``data`` as an event; return what the runner made of it."""
        with self.lab_bus() as bus:
            self.lab.call(minion, "event.send", TAG, data=data)
            return self.verdict(bus)

    def lab_bus(self) -> Any:
        import salt.utils.event

        sockets = str(self.lab.sockets / "master")
        return salt.utils.event.get_master_event(self.lab.opts, sockets)

    @staticmethod
    def verdict(bus: Any) -> dict[str, Any]:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            event = bus.get_event(wait=1, tag="salt/run/")
            if event and event.get("fun") == "runner.authority.sign" and "return" in event:
                return event["return"]
        raise AssertionError("the reactor ran no authority.sign within 60 s")

    def wish(self, host: str, hosts: list[str]) -> Request:
        csr = x509ca.signing_request(x509ca.new_key(), hosts)
        return Request(host, "tls", time.time(), csr)

    def key(self, minion: str) -> Path:
        return self.root / "salt/minions" / minion / "pki/minion.pem"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A site whose authority exists."""
    made = Site(tmp_path_factory.mktemp("pki"))
    made.start()
    try:
        assert made.make_authority()["result"] is True
        yield made
    finally:
        made.lab.stop()
        shutil.rmtree(made.root, ignore_errors=True)


def test_host_without_certificate_gets_one_for_its_names(site: Site) -> None:
    """The first run makes the key and installs a certificate for id and alias; the second does
    nothing; both TLS stacks accept it under the authority."""
    told = site.tls(ONE, [ONE, ALIAS])
    assert told["result"] is True, told["comment"]
    again = site.tls(ONE, [ONE, ALIAS])
    assert (again["result"], again["changes"]) == (True, {})
    folder = site.root / "tls" / ONE
    assert x509ca.names_of(site.certificate(ONE)) == (ONE, ALIAS)
    context = ssl.create_default_context(cafile=str(folder / "ca.crt"))
    context.load_cert_chain(folder / "host.pem")
    assert (folder / "host.key").stat().st_mode & 0o777 == 0o640


def test_test_run_announces_and_makes_nothing(site: Site) -> None:
    """With test=True the state says that it would ask, and no key comes to be."""
    told = site.tls(TWO, [TWO], test=True)
    assert told["result"] is None
    assert not (site.root / "tls" / TWO).exists()


def test_name_of_another_host_is_refused_with_the_reason(site: Site) -> None:
    """A host asking for another's alias hears why; nothing is issued."""
    told = site.tls(TWO, [TWO, ALIAS])
    assert told["result"] is False
    assert f"{ALIAS} is none of its names" in told["comment"]
    assert not (site.files / "issued" / TWO / "tls.crt").exists()


def test_request_in_anothers_name_is_refused_and_not_answered(site: Site) -> None:
    """TWO signs a request that names ONE: its own key does not do, and ONE's folder stays."""
    folder = site.files / "issued" / ONE
    before = {path.name: path.read_bytes() for path in folder.glob("*")}
    verdict = site.send(TWO, site.wish(ONE, [ONE]).signed(site.key(TWO)))
    assert (verdict["status"], verdict["code"]) == ("refused", "signature")
    assert {path.name: path.read_bytes() for path in folder.glob("*")} == before


def test_forged_envelope_changes_nothing(site: Site) -> None:
    """An event whose data claims to be an envelope of ONE is judged by its signature alone."""
    import salt.channel.client
    import salt.config

    conf = str(site.root / "salt/minions" / TWO / "conf/minion")
    opts = salt.config.minion_config(conf)
    opts["master_uri"] = f"tcp://127.0.0.1:{opts['master_port']}"
    forged = site.wish(ONE, [ONE, ALIAS]).signed(site.key(TWO))
    envelope = {"id": ONE, "tag": TAG, "cmd": "_minion_event", "data": forged}
    load = {"cmd": "_minion_event", "id": TWO, "events": [{"tag": TAG, "data": envelope}]}
    with site.lab_bus() as bus:
        with salt.channel.client.ReqChannel.factory(opts) as channel:
            channel.send(load)
        verdict = site.verdict(bus)
    assert (verdict["status"], verdict["code"]) == ("refused", "signature")


def test_replayed_request_is_refused(site: Site) -> None:
    """A request that was answered gets no second certificate."""
    data = site.wish(TWO, [TWO]).signed(site.key(TWO))
    assert site.send(TWO, data)["status"] == "issued"
    assert site.send(TWO, data)["code"] == "replay"


def test_certificate_near_its_end_is_renewed_for_the_same_key(site: Site) -> None:
    """With a lifetime of seconds the next run after half of it renews, and keeps the key."""
    path = site.root / "salt/pillar" / "of_two_example_org.sls"
    old = path.read_text()
    path.write_text("#!json\n" + json.dumps(site.pillar(days=20 / DAY)))
    try:
        told = site.tls(TWO, [TWO])
        assert told["result"] is True, told["comment"]
        first = site.certificate(TWO)
        assert site.tls(TWO, [TWO])["changes"] == {}, "renewed too early"
        half = (first.not_valid_after_utc - x509ca.now()).total_seconds()
        assert half < 25
    finally:
        path.write_text(old)
    folder = site.root / "tls" / TWO
    key = (folder / "host.key").read_bytes()
    _until_due(first)
    told = site.tls(TWO, [TWO])
    assert told["result"] is True
    assert "ends at" in told["comment"]
    assert site.certificate(TWO).serial_number != first.serial_number
    assert (folder / "host.key").read_bytes() == key


def _until_due(certificate: x509.Certificate) -> None:
    """Wait until the certificate has ended, by the clock."""
    deadline = time.monotonic() + 60
    while certificate.not_valid_after_utc > x509ca.now():
        assert time.monotonic() < deadline
        time.sleep(0.2)


def test_ssh_host_key_gets_a_certificate_that_ssh_keygen_reads(site: Site) -> None:
    """The host certificate is of the right type, for the names, and not asked for twice."""
    import subprocess

    key = site.root / "ssh" / "ssh_host_ed25519_key"
    told = site.state(ONE, "pki.ssh_host", key, hosts=[ONE, ALIAS], timeout=60)
    assert told["result"] is True, told["comment"]
    again = site.state(ONE, "pki.ssh_host", key, hosts=[ONE, ALIAS])
    assert (again["result"], again["changes"]) == (True, {})
    read = ["ssh-keygen", "-L", "-f", str(key.with_name(key.name + "-cert.pub"))]
    shown = subprocess.run(read, capture_output=True, text=True, check=True).stdout
    assert "host certificate" in shown
    assert ALIAS in shown
    published = site.files / "issued" / ONE / "ssh_host_ed25519_key.pub"
    serialization.load_ssh_public_key(published.read_bytes())


def test_rotation_keeps_every_host_trusted_all_the_way(site: Site) -> None:
    """Prepare, spread, switch, renew, retire: after each step the certificate in use verifies
    under the bundle in use; retiring while one is by the former key is refused."""
    assert site.tls(ONE, [ONE, ALIAS])["result"] is True
    assert _run(site, "authority.rotate")["step"] == "prepared"
    assert site.tls(ONE, [ONE, ALIAS])["changes"]["files"] == ["ca.crt"]
    trusted = x509.load_pem_x509_certificates((site.root / "tls" / ONE / "ca.crt").read_bytes())
    assert _run(site, "authority.rotate")["step"] == "switched"
    refused = site.lab.run("authority.retire", "--out=json")
    assert "still signed by a former key" in refused.stdout
    assert refused.returncode == 1
    for minion, names in ((ONE, [ONE, ALIAS]), (TWO, [TWO])):
        assert "another authority" in site.tls(minion, names)["comment"]
    assert any(x509ca.issued_by(site.certificate(ONE), each) for each in trusted)
    key = site.root / "ssh" / "ssh_host_ed25519_key"
    assert site.state(ONE, "pki.ssh_host", key, hosts=[ONE, ALIAS])["changes"]
    assert _run(site, "authority.retire") == {"retired": 1}
    assert site.tls(ONE, [ONE, ALIAS])["changes"]["files"] == ["ca.crt"]


def test_list_shows_the_latest_of_each_host(site: Site) -> None:
    """authority.list has one row a host and kind, with its end."""
    rows = _run(site, "authority.list")["certificates"]
    assert {(row["host"], row["kind"]) for row in rows} >= {(ONE, "tls"), (TWO, "tls")}
    assert len({(row["host"], row["kind"]) for row in rows}) == len(rows)


def _run(site: Site, *args: str) -> Any:
    done = site.lab.run(*args, "--out=json")
    assert done.stdout, done.stderr
    return json.loads(done.stdout)


def test_rollout_that_cannot_be_done_ends_with_its_status(site: Site) -> None:
    """A host that the site lacks is 2; a highstate that fails is 1: salt-run says so, too."""
    unknown = site.lab.run("rollout.upgrade", "hosts=[nobody]", "--out=json")
    assert (unknown.returncode, "has no host nobody" in unknown.stdout) == (2, True)
    failed = site.lab.run("rollout.upgrade", f"hosts=[{ONE}]", "patience=5", "--out=json")
    assert (failed.returncode, '"failed"' in failed.stdout) == (1, True)
