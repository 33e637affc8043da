"""The internal authority without Salt: who gets what, and what is refused."""

from __future__ import annotations

import dataclasses
import json
import ssl
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from saltern.errors import Broken, Refused
from saltern.pki import Authority, Desk, Request, sshca, x509ca
from saltern.pki.desk import AGE_LIMIT, DAY_LIMIT, Grant
from saltern.pki.host import SshFiles, TlsFiles
from saltern.pki.ledger import Ledger

HOST, OTHER, ALIAS = "one.example.org", "two.example.org", "review.example.org"
DAY = 86400


@pytest.fixture(scope="session")
def salt_keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the Salt keys of both hosts, and the public ones as a master has them."""
    folder = tmp_path_factory.mktemp("keys")
    (folder / "accepted").mkdir()
    for host in (HOST, OTHER):
        key = rsa.generate_private_key(65537, 2048)
        form = serialization.PrivateFormat.TraditionalOpenSSL
        pem = serialization.Encoding.PEM
        secret = key.private_bytes(pem, form, serialization.NoEncryption())
        (folder / f"{host}.pem").write_bytes(secret)
        public = serialization.PublicFormat.SubjectPublicKeyInfo
        (folder / "accepted" / host).write_bytes(key.public_key().public_bytes(pem, public))
    return folder


@pytest.fixture
def desk(tmp_path: Path, salt_keys: Path) -> Desk:
    """A desk whose authority exists and is published."""
    own = Authority(tmp_path / "authority")
    own.make("Test CA", ["example.org"], 3650)
    made = Desk(own, tmp_path / "issued", salt_keys / "accepted")
    made.publish()
    return made


def granted(host: str) -> Grant:
    """What the site gives each host: its id, and the first one the alias."""
    return Grant((host, ALIAS) if host == HOST else (host,), {"tls": 90, "ssh": 90})


@pytest.fixture
def ask(desk: Desk, salt_keys: Path) -> Callable[..., dict[str, Any]]:
    """A function that sends a TLS request of ``host`` for ``names``, signed by ``signer``."""

    def send(host: str, names: list[str], signer: str | None = None, **change: Any) -> dict:
        csr = x509ca.signing_request(x509ca.new_key(), names)
        wish = dataclasses.replace(Request(host, "tls", time.time(), csr), **change)
        return desk.answer(wish.signed(salt_keys / f"{signer or host}.pem"), granted)

    return send


def test_host_gets_a_certificate_for_its_own_names(desk: Desk, ask: Callable) -> None:
    """It is for server and client, names id and alias, and is told of in the host's folder."""
    answer = ask(HOST, [HOST, ALIAS])
    folder = desk.issued / HOST
    made = x509.load_pem_x509_certificate((folder / "tls.crt").read_bytes())
    assert answer["status"] == "issued"
    assert json.loads((folder / "tls.json").read_text())["request"] == answer["request"]
    assert x509ca.names_of(made) == (HOST, ALIAS)
    assert x509ca.issued_by(made, desk.authority.certificate)
    usage = made.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert len(usage) == 2
    assert [row["host"] for row in desk.ledger.rows()] == [HOST]


@pytest.mark.parametrize(
    ("names", "code"),
    [
        pytest.param([OTHER], "name", id="another host's"),
        pytest.param([HOST, ALIAS, "x.example.org"], "name", id="one of three is not its own"),
        pytest.param(["*.example.org"], "name", id="wildcard"),
        pytest.param(["localhost"], "name", id="localhost"),
    ],
)
def test_name_that_is_not_the_hosts_is_refused(
    desk: Desk, ask: Callable, names: list[str], code: str
) -> None:
    """The refusal says why in the host's folder, and no certificate lies there."""
    answer = ask(HOST, names)
    assert (answer["status"], answer["code"]) == ("refused", code)
    assert json.loads((desk.issued / HOST / "tls.json").read_text())["reason"]
    assert not (desk.issued / HOST / "tls.crt").exists()
    assert desk.ledger.rows() == []


def test_request_signed_by_another_host_is_refused_without_an_answer(
    desk: Desk, ask: Callable
) -> None:
    """Nothing is written into the folder of the host that it names."""
    with pytest.raises(Refused, match="not signed by its Salt key"):
        ask(HOST, [HOST], signer=OTHER)
    assert not (desk.issued / HOST).exists()


@pytest.mark.parametrize(
    "host", ["../accepted/two.example.org", "..", "", "A.example.org", "a/b", "a\x00b", "nobody.x"]
)
def test_odd_or_unknown_host_in_a_request_is_refused(ask: Callable, host: str) -> None:
    """An id is never part of a path before it is known to be a host's name."""
    with pytest.raises(Refused):
        ask(host, [HOST], signer=HOST)


@pytest.mark.parametrize(
    "data",
    [
        None,
        [],
        {},
        {"body": 1, "signature": ""},
        {"body": "{}", "signature": "*"},
        {"body": "[]", "signature": "AA=="},
        {"body": "{" * 5000, "signature": "AA=="},
        {"body": "[" * 20_000, "signature": "AA=="},
        {"body": "x" * 30_000, "signature": "AA=="},
        {"body": '{"host": "one.example.org", "more": 1}', "signature": "AA=="},
        {
            "body": json.dumps(
                {"host": HOST, "kind": "tls", "made": True, "subject": "", "names": []}
            ),
            "signature": "AA==",
        },
    ],
    ids=repr,
)
def test_data_that_is_no_request_is_refused(desk: Desk, data: Any) -> None:
    """Whatever a minion puts into the event, the answer is a refusal and no other error."""
    with pytest.raises(Refused):
        desk.answer(data, granted)


def test_changed_body_is_refused(desk: Desk, salt_keys: Path) -> None:
    """A signature over one request is none over another."""
    csr = x509ca.signing_request(x509ca.new_key(), [HOST])
    data = Request(HOST, "tls", time.time(), csr).signed(salt_keys / f"{HOST}.pem")
    data["body"] = data["body"].replace('"tls"', '"ssh"')
    with pytest.raises(Refused, match="not signed"):
        desk.answer(data, granted)


@pytest.mark.parametrize("shift", [-AGE_LIMIT - 60, AGE_LIMIT + 60], ids=["old", "ahead"])
def test_request_with_a_wrong_clock_is_refused_with_the_difference(
    ask: Callable, shift: float
) -> None:
    """The reason tells how far the clocks are apart, so that somebody can mend that."""
    answer = ask(HOST, [HOST], made=time.time() + shift)
    assert answer["code"] == "clock"
    assert f"{shift:+.0f}"[:3] in answer["reason"]


def test_answered_request_is_not_answered_again(desk: Desk, salt_keys: Path) -> None:
    """A recorded event sent again would bring back a former key."""
    csr = x509ca.signing_request(x509ca.new_key(), [HOST])
    data = Request(HOST, "tls", time.time(), csr).signed(salt_keys / f"{HOST}.pem")
    assert desk.answer(data, granted)["status"] == "issued"
    assert desk.answer(data, granted)["code"] == "replay"


def test_host_that_asks_too_often_is_refused(desk: Desk, ask: Callable) -> None:
    """A host cannot fill the master's disk; others still get theirs."""
    now = time.time()
    row = {"host": HOST, "kind": "tls"}
    with desk.ledger.locked() as ledger:
        for number in range(DAY_LIMIT):
            ledger.add({**row, "made": now - number - 10})
    assert ask(HOST, [HOST])["code"] == "too-many"
    assert ask(OTHER, [OTHER])["status"] == "issued"


def test_name_outside_the_authoritys_domains_is_refused(desk: Desk, salt_keys: Path) -> None:
    """The authority's certificate says whom it may sign; programs would refuse the rest."""
    csr = x509ca.signing_request(x509ca.new_key(), [HOST, "one.elsewhere.net"])
    data = Request(HOST, "tls", time.time(), csr).signed(salt_keys / f"{HOST}.pem")
    names = (HOST, "one.elsewhere.net")
    answer = desk.answer(data, lambda host: Grant(names, {"tls": 90, "ssh": 90}))
    assert answer["code"] == "domain"


def test_weak_key_is_refused(desk: Desk, salt_keys: Path) -> None:
    """A short RSA key gets no certificate."""
    key = rsa.generate_private_key(65537, 1024)  # noqa: S505
    csr = x509ca.signing_request(key, [HOST])
    data = Request(HOST, "tls", time.time(), csr).signed(salt_keys / f"{HOST}.pem")
    assert desk.answer(data, granted)["code"] == "csr"


def test_certificate_never_outlives_its_authority(tmp_path: Path) -> None:
    """Near the authority's end a certificate is shorter than asked."""
    own = Authority(tmp_path)
    own.make("Short", [], 5)
    asked, names = x509ca.read_request(x509ca.signing_request(x509ca.new_key(), [HOST]))
    made = x509ca.host_certificate(asked, names, 90, own.certificate, own.key)
    assert made.not_valid_after_utc == own.certificate.not_valid_after_utc


def test_made_authority_is_not_made_again(tmp_path: Path) -> None:
    """A second make changes no file; keys are the owner's alone."""
    own = Authority(tmp_path / "pki")
    assert own.make("Test", ["example.org"], 10)
    before = {path.name: path.read_bytes() for path in own.root.iterdir()}
    assert own.make("Other", ["example.net"], 20) == []
    assert {path.name: path.read_bytes() for path in own.root.iterdir()} == before
    assert {(own.root / name).stat().st_mode & 0o777 for name in ("ca.key", "ssh_ca")} == {0o600}
    assert own.root.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("lost", ["ca.key", "ca.crt"])
def test_half_an_authority_is_an_error_and_nothing_is_overwritten(
    tmp_path: Path, lost: str
) -> None:
    """Losing one of the two files must not silently replace the other."""
    own = Authority(tmp_path)
    own.make("Test", [], 10)
    (tmp_path / lost).unlink()
    with pytest.raises(Broken, match="only one of"):
        own.make("Test", [], 10)


def test_switch_keeps_the_old_authority_trusted_until_it_is_retired(tmp_path: Path) -> None:
    """The bundle begins with the one that signs and holds the others."""
    own = Authority(tmp_path)
    own.make("Test", ["example.org"], 10)
    first = own.certificate
    assert own.rotate() == "prepared"
    assert own.certificate == first
    assert own.rotate() == "switched"
    trusted = x509.load_pem_x509_certificates(own.bundle())
    assert trusted[0] == own.certificate != first
    assert first in trusted
    assert own.domains() == ("example.org",)
    assert len(own.ssh_bundle().splitlines()) == 2
    assert own.retire() == 1
    assert x509.load_pem_x509_certificates(own.bundle()) == [own.certificate]


def test_tls_files_are_installed_once_and_fit_together(
    tmp_path: Path, desk: Desk, salt_keys: Path
) -> None:
    """After install nothing lacks; OpenSSL takes key and chain; the key is not the world's."""
    files = TlsFiles(tmp_path / "tls", (HOST, ALIAS))
    bundle = (desk.issued / "ca.crt").read_bytes()
    assert files.lacking(bundle) == "there is no key"
    wish = Request(HOST, "tls", time.time(), files.signing_request())
    desk.answer(wish.signed(salt_keys / f"{HOST}.pem"), granted)
    certificate = (desk.issued / HOST / "tls.crt").read_bytes()
    assert set(files.install(certificate, bundle)) == {"ca.crt", "host.crt", "host.pem"}
    assert (files.lacking(bundle), files.stale(bundle)) == ("", [])
    context = ssl.create_default_context(cafile=str(files.root / "ca.crt"))
    context.load_cert_chain(files.root / "host.pem")
    assert (files.root / "host.pem").stat().st_mode & 0o007 == 0


@pytest.mark.parametrize(
    ("spoil", "why"),
    [
        pytest.param(lambda f: (f.root / "host.crt").unlink(), "no certificate", id="gone"),
        pytest.param(lambda f: (f.root / "host.crt").write_text("x"), "cannot be read", id="junk"),
        pytest.param(
            lambda f: (f.root / "host.key").write_bytes(x509ca.key_pem(x509ca.new_key())),
            "another key",
            id="new key",
        ),
        pytest.param(lambda f: (f.root / "host.key").unlink(), "no key", id="key gone"),
    ],
)
def test_damaged_files_ask_for_a_certificate(
    tmp_path: Path, desk: Desk, salt_keys: Path, spoil: Callable, why: str
) -> None:
    """What is gone or does not fit is a reason to ask anew."""
    files = _installed(tmp_path / "tls", desk, salt_keys, (HOST,))
    spoil(files)
    assert why in files.lacking((desk.issued / "ca.crt").read_bytes())


def test_changed_names_authority_or_near_end_ask_for_a_certificate(
    tmp_path: Path, desk: Desk, salt_keys: Path
) -> None:
    """Each of the three reasons is told; a host that should renew at more days than the whole
    lifetime does not ask at every run."""
    files = _installed(tmp_path / "tls", desk, salt_keys, (HOST,))
    bundle = (desk.issued / "ca.crt").read_bytes()
    assert dataclasses.replace(files, renew_days=1000).lacking(bundle) == ""
    assert "it names" in dataclasses.replace(files, names=(HOST, ALIAS)).lacking(bundle)
    desk.authority.rotate()
    desk.authority.rotate()
    assert "another authority" in files.lacking(desk.authority.bundle())
    short = lambda host: Grant((host,), {"tls": 2 / DAY, "ssh": 1})  # noqa: E731
    files = _installed(tmp_path / "tls", desk, salt_keys, (HOST,), short)
    bundle = desk.authority.bundle()
    deadline = time.monotonic() + 20
    while "it ends at" not in files.lacking(bundle):
        assert time.monotonic() < deadline
        time.sleep(0.1)


def _installed(
    root: Path, desk: Desk, salt_keys: Path, names: tuple[str, ...], may: Callable = granted
) -> TlsFiles:
    files = TlsFiles(root, names)
    wish = Request(HOST, "tls", time.time(), files.signing_request())
    assert desk.answer(wish.signed(salt_keys / f"{HOST}.pem"), may)["status"] == "issued"
    bundle = desk.authority.bundle()
    certificate = x509.load_pem_x509_certificate((desk.issued / HOST / "tls.crt").read_bytes())
    if certificate.not_valid_after_utc - x509ca.now() > x509ca.SKEW:
        files.install(x509ca.pem(certificate), bundle)
    else:
        (root / "host.crt").write_bytes(x509ca.pem(certificate))
    return files


def test_foreign_certificate_is_not_installed(tmp_path: Path, desk: Desk, salt_keys: Path) -> None:
    """What the file server hands out must be for this key; else the old files stay."""
    files = _installed(tmp_path / "a", desk, salt_keys, (HOST,))
    other = TlsFiles(tmp_path / "b", (HOST,))
    other.signing_request()
    with pytest.raises(Refused, match="another key"):
        other.install((files.root / "host.crt").read_bytes(), desk.authority.bundle())
    assert not (other.root / "host.crt").exists()


def test_ssh_host_key_is_certified_for_its_names(
    tmp_path: Path, desk: Desk, salt_keys: Path
) -> None:
    """The certificate is for the key, by the authority, and does not last for ever."""
    files = SshFiles(tmp_path / "ssh_host_ed25519_key", (HOST, ALIAS))
    wish = Request(HOST, "ssh", time.time(), files.public(), (HOST, ALIAS))
    assert desk.answer(wish.signed(salt_keys / f"{HOST}.pem"), granted)["status"] == "issued"
    signers = desk.authority.ssh_bundle().decode().splitlines()
    text = (desk.issued / HOST / "ssh_host_ed25519_key-cert.pub").read_text()
    assert files.lacking(signers) == "there is no certificate"
    assert files.install(text, signers) == ["ssh_host_ed25519_key-cert.pub"]
    assert files.lacking(signers) == ""
    found = sshca.read_certificate(text)
    assert found is not None
    assert sshca.names_of(found) == (HOST, ALIAS)
    assert files.key.stat().st_mode & 0o777 == 0o600


def test_ssh_key_that_is_none_is_refused(desk: Desk, salt_keys: Path) -> None:
    """What is no public key gets no certificate and no file."""
    wish = Request(HOST, "ssh", time.time(), "ssh-ed25519 AAAA", (HOST,))
    assert desk.answer(wish.signed(salt_keys / f"{HOST}.pem"), granted)["code"] == "ssh-key"


def test_ledger_survives_a_line_cut_off_by_a_crash(tmp_path: Path) -> None:
    """The cut row is dropped; the next one does not grow onto it."""
    ledger = Ledger(tmp_path / "issued.jsonl")
    with ledger.locked():
        ledger.add({"host": HOST, "kind": "tls"})
    with ledger.path.open("a") as file:
        file.write('{"host": "cut')
    assert len(ledger.rows()) == 1
    with ledger.locked():
        ledger.add({"host": OTHER, "kind": "tls"})
    assert [row["host"] for row in ledger.rows()] == [HOST, OTHER]
