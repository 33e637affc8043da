"""Secrets of the pillar reach only who needs them, and no state shows or spills them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import yaml

from tests.states.compiler import BASE, DEV, Host, rendered_yaml
from tests.states.conftest import DEV_HOSTS

WHO = {
    "database": {"database", "zuul-scheduler", "zuul-web"},
    "gerrit": {"gerrit"},
    "mirror": {"git-mirror"},
    "salt_master": {"salt-master"},
    "zuul": {"zuul-scheduler", "zuul-web", "zuul-executor", "zuul-launcher"},
    "zuul_executor": {"zuul-executor"},
}
"""File of ``secrets`` -> the roles whose hosts get it."""

PUBLIC = ("ssh-", "ecdsa-", "-----BEGIN CERTIFICATE")
SHORTEST = 8


def leaves(data: Any) -> Iterator[str]:
    """Yield every text in nested data."""
    if isinstance(data, dict | list):
        for value in data.values() if isinstance(data, dict) else data:
            yield from leaves(value)
    elif isinstance(data, str):
        yield data


def secrets() -> dict[str, set[str]]:
    """Return the secret texts of each file of pillar/dev/secrets."""
    found = {}
    for file in sorted((DEV / "secrets").glob("*.sls")):
        texts = {text.strip() for text in leaves(rendered_yaml(file))}
        found[file.stem] = {t for t in texts if len(t) >= SHORTEST and not t.startswith(PUBLIC)}
    return found


SECRETS = secrets()
ALL = set().union(*SECRETS.values())


def holds(data: Any) -> set[str]:
    """Return the secrets in nested data or a text; a line of a key is as good as the key."""
    return {secret for text in leaves(data) for secret in ALL if part_of(secret) in text}


def part_of(secret: str) -> str:
    """Return what shows a secret: of a key, a line behind those that all keys begin with."""
    lines = secret.splitlines()
    return max(lines[3:-1] or lines, key=len)


def test_every_file_of_secrets_is_in_the_table() -> None:
    """Who gets a secret is decided here as well as in the pillar's top file."""
    assert set(SECRETS) <= set(WHO), "say in WHO which roles need the new file"


@pytest.mark.parametrize("name", DEV_HOSTS)
def test_host_gets_the_secrets_of_its_roles_only(
    dev_host: Callable[[str], Host], name: str
) -> None:
    """The pillar of a host has exactly the files that the table gives to its roles."""
    host = dev_host(name)
    mine = {file for file, who in WHO.items() if who & set(host.pillar["roles"])}
    allowed = set().union(*(SECRETS[file] for file in mine & set(SECRETS)))
    assert holds(host.pillar) == allowed


def test_foreign_grains_change_nothing_in_the_pillar(
    tmp_path: Any, dev_host: Callable[[str], Host]
) -> None:
    """A host that lies about its name, roles or address in grains gets its own pillar."""
    lies = {
        "id": "review01.lab.example.org",
        "roles": ["gerrit"],
        "fqdn": "review01.lab.example.org",
    }
    liar = Host("node01.lab.example.org", tmp_path, grains=lies)
    assert liar.pillar == dev_host("node01.lab.example.org").pillar


def test_host_that_the_site_does_not_name_gets_an_error(tmp_path: Any) -> None:
    """An accepted key is not enough to get roles or secrets."""
    stranger = Host("stranger.example.net", tmp_path)
    assert "roles" in str(stranger.pillar["_errors"])
    assert holds(stranger.pillar) == set()
    assert all(isinstance(error, str) for error in stranger.attempt(None))


@pytest.mark.parametrize("role", sorted(set().union(*WHO.values())))
def test_example_pillar_refuses_a_role_whose_secret_is_missing(role: str, tmp_path: Any) -> None:
    """pillar/base alone never sets a host up with a known password."""
    site = yaml.safe_load((BASE / "site.yaml").read_text())
    names = [name for name, row in site["hosts"].items() if role in row["roles"]]
    assert names
    for name in names:
        host = Host(name, tmp_path, [BASE])
        assert "secrets." in str(host.pillar["_errors"])
        assert all(isinstance(error, str) for error in host.attempt(None))


@pytest.mark.parametrize("name", DEV_HOSTS)
def test_file_with_a_secret_is_private_and_shows_no_changes(
    dev_host: Callable[[str], Host], name: str
) -> None:
    """The diff of a state goes to the master's logs and job cache."""
    host = dev_host(name)
    wrong = []
    for chunk in host.low:
        if (chunk["state"], chunk["fun"]) != ("file", "managed"):
            continue
        if not holds(host.render(chunk) or ""):
            continue
        mode = int(str(chunk.get("mode", "0644")), 8)
        if chunk.get("show_changes") is not False or mode & 0o007:
            wrong.append(f"{chunk['__sls__']}: {chunk['__id__']}: {chunk['name']} {mode:04o}")
    assert wrong == [], "set show_changes: False and a mode without rights for others"


@pytest.mark.parametrize("name", DEV_HOSTS)
def test_no_other_state_is_given_a_secret(dev_host: Callable[[str], Host], name: str) -> None:
    """Arguments of states stand in process lists, logs and returns; files do not."""
    low = dev_host(name).low
    given = [
        f"{chunk['__sls__']}: {chunk['__id__']}"
        for chunk in low
        if (chunk["state"], chunk["fun"]) != ("file", "managed") and holds(chunk)
    ]
    assert given == []


@pytest.mark.parametrize("name", DEV_HOSTS)
def test_every_file_of_a_highstate_renders(dev_host: Callable[[str], Host], name: str) -> None:
    """No template waits for the real run to show its first error."""
    host = dev_host(name)
    files = [c for c in host.low if (c["state"], c["fun"]) == ("file", "managed")]
    rendered = [host.render(chunk) for chunk in files]
    assert any(rendered)
