"""Events become converge requests of checked, plain data, or nothing."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from saltern import reactions

COMMIT = "0123456789abcdef0123456789abcdef01234567"
SETTINGS = {"converge": {"owners": {"gerrit": "review01"}}}
HOSTILE = [
    None,
    [],
    "text",
    {},
    {"revision": 5, "newrev": ["x"], "projects": "a", "id": {}},
    {"revision": COMMIT + "\n", "projects": ["a\ncmd.run: [id]"], "id": "review01\n"},
    {"revision": "{{ 7*7 }}", "projects": ["ok", 5], "id": "{{ x }}"},
    {"revision": COMMIT.upper(), "projects": [], "id": ""},
    {"revision": COMMIT[:7], "projects": ["x" * 100_000], "id": "x" * 100_000},
    {"revision": "$(reboot)", "projects": ["a"] * 100_000, "id": None},
    {"projects": {"a": 1}, "newrev": "'; drop", "id": True},
]


def requests(data: Any) -> list[reactions.Request | None]:
    """Return what each reaction makes of ``data``."""
    return [
        reactions.change_merged(data),
        reactions.ref_updated(data),
        reactions.config_updated(data),
        reactions.minion_start(data, SETTINGS),
        reactions.patchset_created(data),
    ]


def test_merged_change_asks_for_all_and_a_note() -> None:
    """The change's own commit is named, for a merge commit belongs to no change."""
    data = {"revision": COMMIT, "newrev": "f" * 40, "change": 3}
    expected = {"cause": "change-merged", "change": COMMIT, "wait": False}
    assert reactions.change_merged(data) == expected


def test_patch_set_asks_for_the_review_of_its_change() -> None:
    """The change's number alone is taken; Gerrit is asked for the rest."""
    data = {"change": 7, "patchset": 2, "revision": COMMIT, "project": "x"}
    assert reactions.patchset_created(data) == {"change": 7, "wait": False}


@pytest.mark.parametrize("number", [0, -1, 2**31, "7", True, 7.0, None, [7], {"a": 1}, "$(id)"])
def test_number_that_is_none_asks_for_nothing(number: Any) -> None:
    """What anyone may fire on the bus is checked."""
    assert reactions.patchset_created({"change": number}) is None


def test_new_or_torn_stream_asks_for_changes_that_were_missed() -> None:
    """What was uploaded while nobody listened is looked for."""
    for suffix in ("connected", "dropped"):
        found = reactions.stream_reviews({"type": "x"}, f"saltern/gerrit/{suffix}")
        assert found == {"change": None, "wait": False}
    assert reactions.stream_reviews({"type": "x"}, "saltern/gerrit/lost") is None


def test_ref_updates_ask_for_the_mirrors_of_their_projects_once_each() -> None:
    """Every branch and tag of the named projects is compared."""
    found = reactions.ref_updated({"projects": ["b", "a", "b"], "events": 9})
    expected = {"cause": "ref-updated", "projects": ["a", "b"], "deep": True, "wait": False}
    assert found == expected


def test_config_update_asks_for_its_projects() -> None:
    """Drift is looked for where it was announced."""
    found = reactions.config_updated({"projects": ["a b/ü"], "events": 1})
    assert found == {"cause": "config-updated", "projects": ["a b/ü"], "wait": False}


@pytest.mark.parametrize("suffix", ["connected", "dropped"])
def test_stream_that_began_anew_or_dropped_asks_for_everything(suffix: str) -> None:
    """What was missed is unknown, so all of it is looked at."""
    found = reactions.stream({"type": "x"}, f"saltern/gerrit/{suffix}")
    assert found == {"cause": f"stream {suffix}", "deep": True, "wait": False}


@pytest.mark.parametrize("tag", ["saltern/gerrit/lost", "x", "", None, 5])
def test_other_stream_event_asks_for_nothing(tag: Any) -> None:
    """A lost stream is mended by the engine, and anything else is not for here."""
    assert reactions.stream({}, tag) is None


def test_start_of_an_owner_converges_and_of_another_minion_does_not() -> None:
    """Only minions that own a provider matter."""
    assert reactions.minion_start({"id": "review01"}, SETTINGS)
    assert reactions.minion_start({"id": "other"}, SETTINGS) is None
    for settings in (None, {}, {"converge": None}, {"converge": {"owners": ["review01"]}}):
        assert reactions.minion_start({"id": "review01"}, settings) is None


@pytest.mark.parametrize("data", HOSTILE, ids=[str(n) for n in range(len(HOSTILE))])
def test_hostile_data_asks_for_nothing(data: Any) -> None:
    """Wrong types, control characters, templates for commits and huge values are dropped."""
    assert set(requests(data)) == {None}


DATA = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | st.binary(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.just("projects"), inner),
    max_leaves=10,
)
EVENTS = st.fixed_dictionaries(
    {}, optional=dict.fromkeys(("revision", "newrev", "projects", "id", "type"), DATA)
)


@given(EVENTS | DATA)
def test_any_data_gives_nothing_or_a_request_of_plain_checked_values(data: Any) -> None:
    """Whatever comes, what goes on is printable names, a commit and our own words."""
    for request in requests(data):
        if request is None:
            continue
        json.dumps(request)
        assert request.keys() <= {"cause", "projects", "change", "deep", "wait"}
        assert request["cause"] in (
            "change-merged",
            "ref-updated",
            "config-updated",
            "minion start",
        )
        assert all(name.isprintable() and len(name) <= 1000 for name in request.get("projects", ()))
