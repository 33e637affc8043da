"""The site's pillar keeps to its shape, and a secret kept with GPG reaches the host in clear."""

from __future__ import annotations

import ipaddress
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import jsonschema
import pytest
import yaml

from tests.states.compiler import BASE, DEV, STATES, Host, roles, site_with

SCHEMA = yaml.safe_load((STATES / "site.schema.yaml").read_text())


@pytest.mark.parametrize("folder", [BASE, DEV], ids=["base", "dev"])
def test_site_file_keeps_to_its_shape(folder: Path) -> None:
    """Hosts are in the network, and every service's name leads to a host that has it as alias."""
    site = yaml.safe_load((folder / "site.yaml").read_text())
    jsonschema.validate(site, SCHEMA)
    network = ipaddress.ip_network(site["network"])
    addresses = [ipaddress.ip_address(row["address"]) for row in site["hosts"].values()]
    assert all(address in network for address in addresses)
    assert len(set(addresses)) == len(addresses)
    aliases = [alias for row in site["hosts"].values() for alias in row["aliases"]]
    assert sorted(aliases) == sorted(site["services"].values())
    given = {role for row in site["hosts"].values() for role in row["roles"]}
    assert given == set(roles()) - {"base"}


def test_site_with_a_misspelt_role_stops_the_highstate(tmp_path: Path) -> None:
    """A host is never set up with a part of what it should be."""
    name = "odd.lab.example.org"
    host = Host(name, tmp_path / "work", site_with(tmp_path, {name: ["logz"]}))
    assert "no role logz: mend site.yaml" in "".join(host.attempt(None))


def test_site_with_an_odd_admin_key_stops_the_highstate(tmp_path: Path) -> None:
    """A second line in a key would be a second key, with options of its own."""
    roots = site_with(tmp_path, {})
    site = yaml.safe_load((tmp_path / "site.yaml").read_text())
    site["admins"] = {"eve": {"keys": ["ssh-ed25519 AAAA\nssh-ed25519 BBBB"]}}
    (tmp_path / "site.yaml").write_text(yaml.safe_dump(site))
    host = Host("node01.lab.example.org", tmp_path / "work", roots)
    (error,) = host.attempt(["hostnames"])
    assert "pillar site:admins:eve:keys:0: must keep to" in error


@pytest.fixture(scope="module")
def gpg_home() -> Iterator[Path]:
    """A keyring with a new key; its path is short, for gpg-agent's socket lies in it."""
    if not shutil.which("gpg"):
        pytest.skip("gpg is not installed")
    with tempfile.TemporaryDirectory(prefix="gpg-", dir="/tmp") as folder:
        home = Path(folder)
        gpg(home, "--quick-generate-key", "Salt <salt@example.org>", "rsa2048", "encr", "never")
        yield home
        subprocess.run(["gpgconf", "--homedir", folder, "--kill", "all"], check=True)


def gpg(home: Path, *args: str, text: str = "") -> str:
    """Return what gpg printed."""
    command = ["gpg", "--homedir", str(home), "--batch", "--passphrase", "", *args]
    done = subprocess.run(command, input=text, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def pillar_with(tmp_path: Path, home: Path, value: str) -> dict:
    """Return the pillar of the mirror's host, whose private tree holds ``value`` as docs say."""
    (tmp_path / "secrets").mkdir()
    lines = "".join(f"      {line}\n" for line in value.splitlines())
    text = f"#!jinja|yaml|gpg\nsaltern:\n  mirror:\n    password: |\n{lines}"
    for file in (DEV / "secrets").glob("*.sls"):
        (tmp_path / "secrets" / file.name).write_text(text)
    host = Host("git01.lab.example.org", tmp_path / "work", [tmp_path, DEV, BASE])
    host.opts["gpg_keydir"] = str(home)
    return host.pillar


def test_secret_kept_with_gpg_is_decrypted_for_the_host(tmp_path: Path, gpg_home: Path) -> None:
    """A private tree may lie in git encrypted."""
    recipient = ("--trust-model", "always", "--recipient", "salt@example.org")
    value = gpg(gpg_home, "--armor", *recipient, "--encrypt", text="open sesame")
    assert "open sesame" not in value
    pillar = pillar_with(tmp_path, gpg_home, value)
    assert pillar["saltern"]["mirror"]["password"] == "open sesame"


def test_secret_that_cannot_be_decrypted_stops_the_pillar(tmp_path: Path, gpg_home: Path) -> None:
    """A host never gets the ciphertext as its password."""
    value = "-----BEGIN PGP MESSAGE-----\n\nbm90aGluZw==\n-----END PGP MESSAGE-----"
    assert "_errors" in pillar_with(tmp_path, gpg_home, value)
