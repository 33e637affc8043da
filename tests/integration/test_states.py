"""The states of ``_states/gerrit.py`` against a real minion."""

from __future__ import annotations

from typing import Any

import pytest

from tests.integration.saltsite import Site

PUBLIC_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGm7Nl0rOJL1SVGLSsRvhmXUuCcKHDHcFfRkFOSKuGkw"

STATES: list[tuple[str, str, dict[str, Any], str]] = [
    ("project_present", "state/made", {"description": "By a state"}, "projects/state%2Fmade"),
    ("group_present", "State Group", {}, "groups/State%20Group"),
    (
        "account_present",
        "robot",
        {"full_name": "Robot", "groups": ["Service Users"], "ssh_keys": [PUBLIC_KEY]},
        "accounts/robot",
    ),
    (
        "access_present",
        "base",
        {"grants": {"refs/heads/*": {"submit": {"Registered Users": {}}}}},
        "projects/base/access",
    ),
]


def single(site: Site, function: str, name: str, **kwargs: Any) -> dict[str, Any]:
    """Return what one state came to on the minion."""
    options = {key: kwargs.pop(key) for key in ("test", "pillar") if key in kwargs}
    data = {name: {"gerrit": [function, *({key: value} for key, value in kwargs.items())]}}
    found = site.salt.call(site.minion, "state.high", data, check=False, **options)
    assert isinstance(found, dict), found
    (state,) = found.values()
    return state


@pytest.fixture(scope="module", autouse=True)
def _base(site: Site) -> None:
    site.rest("PUT", "projects/base", {})


@pytest.mark.parametrize(("function", "name", "kwargs", "path"), STATES, ids=lambda v: str(v)[:15])
def test_state_in_test_mode_then_applied_twice_writes_once(
    site: Site, function: str, name: str, kwargs: dict[str, Any], path: str
) -> None:
    """In test mode a plan and no write; then made; then nothing left to do."""
    before, mark = site.rest("GET", path), site.last_call()
    planned = single(site, function, name, test=True, **kwargs)
    assert planned["result"] is None, planned
    assert planned["changes"]
    assert site.writes(mark) == []
    assert site.rest("GET", path) == before
    done = single(site, function, name, **kwargs)
    assert done["result"] is True, done
    assert done["changes"].keys() == planned["changes"].keys()
    assert site.rest("GET", path) != before
    mark = site.last_call()
    again = single(site, function, name, **kwargs)
    assert again["result"] is True
    assert again["changes"] == {}
    assert site.writes(mark) == []


@pytest.mark.parametrize("test", [False, True])
def test_state_that_cannot_look_fails_with_the_reason(site: Site, test: bool) -> None:
    """A silent Gerrit never counts as in order; in test mode the state says it cannot look yet."""
    away = {"saltern": {"gerrit": {"url": "http://127.0.0.1:9"}}}
    state = single(site, "group_present", "Administrators", test=test, pillar=away)
    assert state["result"] is (None if test else False)
    assert state["changes"] == {}
    assert "127.0.0.1:9" in state["comment"]
    assert site.gerrit.admin_password not in str(state)


def test_password_from_pillar_lets_the_account_log_in(site: Site) -> None:
    """The password is named by its pillar key and is in nothing that the state returns."""
    pillar = {"saltern": {"accounts": {"ci": "not-a-secret-1"}}}
    state = single(
        site, "account_present", "ci", password_pillar="saltern:accounts:ci", pillar=pillar
    )
    assert state["result"] is True, state
    assert "not-a-secret-1" not in str(state)
    assert site.rest("GET", "accounts/self", login="ci:not-a-secret-1")["username"] == "ci"


def test_half_made_project_is_repaired(site: Site) -> None:
    """A project that a killed creation left without refs/meta/config is made whole."""
    site.gerrit.fault("half-made", project="state/half", stage="none", count=1)
    with pytest.raises(OSError, match="."):
        site.rest("PUT", "projects/state%2Fhalf", {"parent": "base"})
    state = single(site, "project_present", "state/half", parent="base")
    assert state["changes"] == {"project": {"old": "half made", "new": "repaired"}}
    assert site.project("state/half")["parent"] == "base"
    assert site.rest("GET", "projects/state%2Fhalf/access")["revision"]


def test_grants_go_to_the_group_that_the_pillar_names(site: Site) -> None:
    """The state of the preconditions takes any group name as it is, templates in it too."""
    site.rest("PUT", "groups/a%20%22%7B%7B%201%20%7D%7D", {})
    pillar = {"saltern": {"service_group": 'a "{{ 1 }}'}}
    found = site.salt.call(
        site.minion, "state.apply", "gerrit.access", test=True, pillar=pillar, check=False
    )
    (state,) = found.values()
    assert state["result"] is None, state
    assert 'refs/meta/config push a "{{ 1 }}' in state["changes"]
