"""Step members: description, owner, exact members and includes, each read back by plain REST."""

from __future__ import annotations

import pytest

from saltern.providers.gerrit import members
from saltern.steps import FAILED, Step
from tests.providers.gerrit_fixtures import apply_one, group_step, look, q


def account(review, stem="u"):
    """An account of the test's own: its number, username and address."""
    name = review.name(stem)
    email = f"{name}@people.example.com"
    number = review.rest("PUT", f"/accounts/{name}", {"email": email, "name": f"Full {name}"})
    return number["_account_id"], name, email


@pytest.fixture
def group(review, provider):
    """A group without members: its name and UUID."""
    name = review.name("g")
    return name, apply_one(provider, group_step(name)).evidence["uuid"]


def step(group, **wanted):
    payload = {
        "uuid": group[1],
        "description": None,
        "owner": None,
        "members": None,
        "includes": None,
        "may_leave": True,
        **wanted,
    }
    return Step("members", group[0], "test", payload)


def detail(review, group):
    info = review.rest("GET", f"/groups/{q(group[1])}/detail")
    return {
        "description": info.get("description", ""),
        "owner": info["owner_id"],
        "members": sorted(row["_account_id"] for row in info["members"]),
        "includes": sorted(row["id"] for row in info["includes"]),
    }


def test_everything_asked_for_is_written(review, provider, group):
    """One step sets description, owner, members and included groups, system groups too."""
    other = (name := review.name("o"), apply_one(provider, group_step(name)).evidence["uuid"])
    (one, _, _), (two, _, _) = account(review), account(review)
    wanted = step(
        group,
        description="Zeile ä\nzwei <b>",
        owner={"name": other[0], "uuid": other[1]},
        members=[one, two],
        includes={other[0]: other[1], "Registered Users": "global:Registered-Users"},
    )
    outcome = apply_one(provider, wanted)
    assert outcome.ok, outcome
    have = detail(review, group)
    assert have["description"] == "Zeile ä\nzwei <b>"
    assert have["owner"] == other[1]
    assert have["members"] == sorted([one, two])
    assert have["includes"] == sorted([other[1], "global%3ARegistered-Users"])


def test_second_attempt_writes_nothing(review, provider, group):
    """A step that is true already is proved by reading only."""
    one, _, _ = account(review)
    wanted = step(group, description="d", members=[one], includes={group[0]: group[1]})
    assert apply_one(provider, wanted).ok
    if review.is_stand_in:
        before = len(review.calls("rest"))
        assert apply_one(provider, wanted).ok
        assert {call["method"] for call in review.calls("rest")[before:]} <= {"GET"}
    assert apply_one(provider, wanted).ok


def test_what_is_not_asked_for_is_left(review, provider, group):
    """None leaves a part alone, and empty takes all of it away."""
    one, _, _ = account(review)
    assert apply_one(provider, step(group, description="d", members=[one])).ok
    assert apply_one(provider, step(group, includes={group[0]: group[1]})).ok
    assert detail(review, group)["members"] == [one]
    assert apply_one(provider, step(group, description="", members=[], includes={})).ok
    have = detail(review, group)
    assert (have["description"], have["members"], have["includes"]) == ("", [], [])


def test_inactive_account_is_kept_and_taken_out_but_not_added(review, provider, group):
    """Who became inactive is a member until asked otherwise; Gerrit then takes him no more."""
    one, name, _ = account(review)
    assert apply_one(provider, step(group, members=[one])).ok
    review.rest("DELETE", f"/accounts/{name}/active")
    assert apply_one(provider, step(group, members=[one], description="still")).ok
    assert detail(review, group)["members"] == [one]
    assert apply_one(provider, step(group, members=[])).ok
    assert detail(review, group)["members"] == []
    outcome = apply_one(provider, step(group, members=[one]))
    assert outcome.status == FAILED
    assert f"Account Inactive: {one}" in outcome.reason


def test_service_account_stays_where_it_must(review, provider, group):
    """A write that would take it out against the plan's knowledge is refused."""
    me = review.rest("GET", "/accounts/self")["_account_id"]
    assert apply_one(provider, step(group, members=[me])).ok
    outcome = apply_one(provider, step(group, members=[], may_leave=False))
    assert (outcome.status, outcome.code) == (FAILED, "lock-out")
    assert detail(review, group)["members"] == [me]
    assert apply_one(provider, step(group, members=[])).ok


def test_observation_shows_named_groups_and_finds_accounts(review, provider, group):
    """Members come in bulk; usernames and addresses are found, names and numbers are not."""
    one, name, email = account(review)
    two, second, _ = account(review)
    path = f"/accounts/{second}/emails/x{second}%40b.example.com"
    review.rest("PUT", path, {"no_confirmation": True})
    assert apply_one(provider, step(group, members=[one])).ok
    more = f"x{second}@b.example.com"
    texts = [name, email, second, more, f"Full {second}", str(two), "no-such-one"]
    seen = look(provider, members={group[0]: texts, "no such group": []})
    row = seen["groups"][group[0]]
    assert row["members"] == [{"id": one, "username": name, "email": email}]
    assert row["includes"] == []
    accounts = seen["accounts"]
    assert accounts.keys() == set(texts) - {name, email}, "who is in the group is not looked up"
    assert accounts[second] == accounts[more] == {"id": two}
    for text in (f"Full {second}", str(two), "no-such-one"):
        assert "problem" in accounts[text]


def test_groups_that_give_the_account_its_rights_are_told(review, provider, group):
    """Administrators is one, and so is what it includes; a group without rights is not."""
    me = review.rest("GET", "/accounts/self")["_account_id"]
    assert apply_one(provider, step(group, members=[me])).ok
    names = {"Administrators": [], group[0]: []}
    assert look(provider, members=names)["vital"] == ["Administrators"]
    review.rest("PUT", f"/groups/Administrators/groups/{q(group[1])}")
    try:
        assert look(provider, members=names)["vital"] == sorted(["Administrators", group[0]])
    finally:
        review.rest("DELETE", f"/groups/Administrators/groups/{q(group[1])}")


def test_observation_costs_no_call_a_group(review, provider):
    """Forty groups are looked into by as many requests as two."""
    names = [review.name("g") for _ in range(40)]
    assert all(outcome.ok for outcome in provider.apply([group_step(name) for name in names]))

    def cost(some):
        before = len(review.calls("rest"))
        look(provider, members={name: [] for name in some})
        return len(review.calls("rest")) - before

    assert cost(names) == cost(names[:2])


def test_group_that_is_not_there_is_worth_a_retry(provider):
    """A group whose creation is still to come has no UUID: nothing is written."""
    outcome = apply_one(provider, step(("never made", None), members=[]))
    assert outcome.code == "needs"


def test_lookup_of_an_unfit_name_asks_nothing(provider):
    """What cannot be a username or an address never becomes a URL."""
    for text in ("..", "a b", "self", "1000000", "", "x/../../config"):
        found = members.find_account(provider.server.client, text)
        assert "problem" in found


def test_unknown_group_in_a_write_fails_alone(review, provider, group):
    """An include that Gerrit does not know fails its step; the others of the batch are done."""
    bad = step(group, includes={"gone": "0" * 40})
    good_group = (name := review.name("g"), apply_one(provider, group_step(name)).evidence["uuid"])
    outcomes = provider.apply([bad, step(good_group, description="fine")])
    assert [outcome.status for outcome in outcomes] == ["failed", "done"]
    assert "Not Found" in outcomes[0].reason
