"""Every SLS compiles, for every host of pillar/dev and for every role alone."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.states.compiler import STATES, Host, roles
from tests.states.conftest import DEV_HOSTS

ROLES = roles()


def name_of(path: Path) -> str:
    """Return the name by which Salt knows an SLS file."""
    return ".".join(path.relative_to(STATES).with_suffix("").parts).removesuffix(".init")


@pytest.mark.parametrize("name", DEV_HOSTS)
def test_highstate_of_a_dev_host_compiles(dev_host: Callable[[str], Host], name: str) -> None:
    """The pillar renders and every state exists, has its parameters and finds its requisites."""
    assert dev_host(name).low


@pytest.mark.parametrize("role", ROLES)
def test_host_with_one_role_compiles(role_host: Callable[[str], Host], role: str) -> None:
    """No role relies on another that happens to share its host."""
    components = {name.split(".")[0] for name in ROLES["base"]["components"]}
    components |= {name.split(".")[0] for name in ROLES[role]["components"]}
    compiled = {chunk["__sls__"].split(".")[0] for chunk in role_host(role).low}
    assert compiled <= components, "states of components that roles.yaml does not give the role"


def test_sls_that_no_role_includes_compiles(role_host: Callable[[str], Host]) -> None:
    """What is applied by hand or by the master compiles on a host that has its component."""
    included = {chunk["__sls__"] for role in ROLES for chunk in role_host(role).low}
    names = {name_of(path) for path in STATES.rglob("*.sls")} - {"top"} - included
    wrong = {
        name: [error for error in role_host(owner(name)).attempt([name]) if isinstance(error, str)]
        for name in sorted(names)
    }
    assert {name: errors for name, errors in wrong.items() if errors} == {}


def owner(name: str) -> str:
    """Return the first role that has the component of an SLS, else the master's."""
    folder = name.split(".")[0]
    for role, row in ROLES.items():
        if folder in {component.split(".")[0] for component in row["components"]}:
            return role
    return "salt-master"


@pytest.mark.parametrize("name", DEV_HOSTS)
def test_highstate_of_a_dev_host_names_each_state_once(
    dev_host: Callable[[str], Host], name: str
) -> None:
    """No two states of a host manage the same file, package, service or account."""
    seen: dict[tuple[str, str], str] = {}
    kinds = {("file", "managed"), ("pkg", "installed"), ("service", "running"), ("user", "present")}
    doubled = []
    for chunk in dev_host(name).low:
        if (chunk["state"], chunk["fun"]) not in kinds or "pkgs" in chunk:
            continue
        key = (chunk["state"], chunk["name"])
        if key in seen:
            doubled.append(f"{key}: {seen[key]} and {chunk['__id__']}")
        seen[key] = chunk["__id__"]
    assert doubled == []


def test_every_role_is_given_to_a_dev_host(dev_host: Callable[[str], Host]) -> None:
    """The lab tries every role."""
    given = {role for name in DEV_HOSTS for role in dev_host(name).pillar["roles"]}
    assert given == set(ROLES) - {"base"}
