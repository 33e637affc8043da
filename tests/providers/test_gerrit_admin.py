"""Single calls: projects, groups and accounts looked at; accounts and access set."""

from __future__ import annotations

import subprocess

import pytest
import requests

from saltern.errors import Refused
from saltern.providers.gerrit import admin
from tests.providers.gerrit_fixtures import apply_one, group_step, project_step


@pytest.fixture
def client(provider):
    """The provider's client."""
    return provider.server.client


@pytest.fixture
def key(tmp_path):
    """A public ssh key."""
    command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "me", "-f", str(tmp_path / "k")]
    subprocess.run(command, check=True)
    return (tmp_path / "k.pub").read_text()


def works(review, user, password):
    """Return whether the login works."""
    url = f"{review.url}/a/accounts/self"
    return requests.get(url, auth=(user, password), timeout=120).ok


def test_absent_things_are_none(review, client):
    """What is not there is None, not an error."""
    name = review.name("none")
    assert admin.project_get(client, name) is None
    assert admin.group_get(client, name) is None
    assert admin.account_get(client, name) is None
    assert admin.access_get(client, name) is None


def test_project_and_group_are_shown(review, provider, client):
    """The plain facts of a project and a group."""
    project, group = review.name(), review.name("g")
    provider.apply([project_step(project, description="D", branch="main"), group_step(group)])
    assert admin.project_get(client, project) == {
        "name": project,
        "parent": "All-Projects",
        "description": "D",
        "state": "ACTIVE",
        "head": "refs/heads/main",
    }
    shown = admin.group_get(client, group)
    assert (shown["owner"], shown["members"], shown["visible_to_all"]) == (
        "Administrators",
        [],
        True,
    )


def test_account_is_made_once(review, provider, client, key):
    """Name, e-mail, group, key and password are as asked; the second call changes nothing."""
    user, group = review.name("user"), review.name("g")
    assert apply_one(provider, group_step(group)).ok
    wanted = {
        "name": "A B",
        "email": f"{user}@example.org",
        "groups": [group],
        "ssh_keys": [key],
        "http_password": "s3cret-one",
    }
    assert admin.account_present(client, user, **wanted, test=True)
    assert admin.account_get(client, user) is None
    changes = admin.account_present(client, user, **wanted)
    assert "s3cret-one" not in repr(changes)
    account = admin.account_get(client, user)
    assert (account["name"], account["email"]) == ("A B", f"{user}@example.org")
    assert group in account["groups"]
    assert account["ssh_keys"] == [" ".join(key.split()[:2])]
    assert works(review, user, "s3cret-one")
    assert admin.account_present(client, user, **wanted) == {}


def test_new_password_ends_the_old_one(review, client):
    """Gerrit keeps old tokens valid; they are withdrawn."""
    user = review.name("user")
    review.rest("PUT", f"/accounts/{user}", {"http_password": "first-secret"})
    assert admin.account_present(client, user, http_password="second-secret").keys() == {
        "http_password"
    }
    assert works(review, user, "second-secret")
    assert not works(review, user, "first-secret")


def test_inactive_account_is_refused(review, client):
    """Gerrit hides inactive accounts by name; that is told instead of making a second one."""
    user = review.name("user")
    review.rest("PUT", f"/accounts/{user}", {})
    review.rest("DELETE", f"/accounts/{user}/active")
    with pytest.raises(Refused, match="inactive"):
        admin.account_present(client, user)


def test_grant_is_made_once(review, provider, client):
    """A missing rule is added, others stay, and the second call changes nothing."""
    project, group = review.name(), review.name("g")
    provider.apply([project_step(project), group_step(group)])
    first = {"refs/heads/*": {"push": {"Registered Users": {}}}}
    grants = {
        "refs/heads/*": {
            "push": {group: {"force": True}},
            "label-Code-Review": {group: {"min": -2, "max": 2}},
        }
    }
    assert admin.access_present(client, project, first)
    tip = review.tip(project)
    assert len(admin.access_present(client, project, grants, test=True)) == 2
    assert review.tip(project) == tip
    assert len(admin.access_present(client, project, grants)) == 2
    assert admin.access_present(client, project, grants) == {}
    rules = admin.access_get(client, project)["grants"]["refs/heads/*"]
    assert rules["push"].keys() == {"Registered Users", group}
    assert rules["push"][group]["force"] is True
    assert "push = +force group" in review.file(project, "project.config")


def test_differing_rule_is_replaced(review, provider, client):
    """A rule with another range gives way to the wanted one."""
    project = review.name()
    provider.apply([project_step(project)])

    def grant(top):
        rule = {"Registered Users": {"min": -top, "max": top}}
        return {"refs/heads/*": {"label-Code-Review": rule}}

    admin.access_present(client, project, grant(1))
    (change,) = admin.access_present(client, project, grant(2)).values()
    assert (change["old"]["max"], change["new"]["max"]) == (1, 2)
    assert "-2..+2 group Registered Users" in review.file(project, "project.config")


def test_access_of_a_missing_project_is_refused(review, client):
    """A grant has to have a place."""
    with pytest.raises(Refused, match="not there"):
        admin.access_present(
            client, review.name("none"), {"refs/*": {"read": {"Registered Users": {}}}}
        )
