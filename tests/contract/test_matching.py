"""The comparison itself: it must see what differs, and let placeholders stand for what may."""

from __future__ import annotations

import pytest
from replay import answers, exchanges
from replay.placeholders import Bindings
from replay.transport import Answer, Run

SHA = "0123456789abcdef0123456789abcdef01234567"
OTHER = "f" * 40


@pytest.fixture
def bindings() -> Bindings:
    """Bindings of a server on one address."""
    return Bindings({"<http>": "127.0.0.1:80", "<host>": "127.0.0.1"})


@pytest.mark.parametrize(
    ("expected", "actual"),
    [
        ({"a": "<sha>"}, {"a": SHA}),
        ({"a": "I<sha>"}, {"a": f"I{SHA}"}),
        ({"a": "<time>"}, {"a": "2026-01-02 03:04:05.000000000"}),
        ({"a": "<time>"}, {"a": 1767322245}),
        ({"a": "http://<http>/x"}, {"a": "http://127.0.0.1:80/x"}),
        ({"a": "<3 x L>"}, {"a": "LLL"}),
        ([1, 2, "... 2 more"], [1, 2, 3, 4]),
        ({"a": 1, "...": "5 more"}, {"a": 1, "b": 2}),
        ({"refs/<uuid:g>": 1, "x": 2}, {f"refs/{SHA}": 1, "x": 2}),
        ({"group_id": 7}, {"group_id": 9}),
    ],
    ids=str,
)
def test_answer_of_recorded_form_no_difference(bindings, expected, actual):
    """Placeholders match what a server may put in their place."""
    assert bindings.differences(expected, actual) == []


@pytest.mark.parametrize(
    ("expected", "actual"),
    [
        ({"a": 1}, {"a": 1, "b": 2}),
        ({"a": 1, "b": 2}, {"a": 1}),
        ({"a": 1}, {"a": "1"}),
        ({"a": 1}, {"a": True}),
        ({"a": "<sha>"}, {"a": "abc"}),
        ({"a": "<time>"}, {"a": "yesterday"}),
        ([1, 2], [1, 2, 3]),
        ([1, 2, "... 2 more"], [1, 2, 3]),
        ([1, 2], [2, 1]),
        ({"a": "http://<http>/x"}, {"a": "http://elsewhere/x"}),
        ({"a": "<3 x L>"}, {"a": "LL"}),
        ({"a": None}, {"a": 0}),
    ],
    ids=str,
)
def test_answer_of_other_form_difference(bindings, expected, actual):
    """A key, type, value or length that is not the recorded one is told."""
    assert bindings.differences(expected, actual)


def test_uuid_placeholder_two_values_difference(bindings):
    """A name stands for the UUID that was first seen in its place."""
    assert bindings.differences(["<uuid:g>"], [SHA]) == []
    assert bindings.differences(["<uuid:g>"], [SHA]) == []
    assert bindings.differences(["<uuid:g>"], [OTHER])


def test_group_number_two_values_difference(bindings):
    """A recorded number stands for one number of the server."""
    assert bindings.differences({"group_id": 7}, {"group_id": 9}) == []
    assert bindings.differences({"group_id": 7}, {"group_id": 8})


def test_request_with_bound_name_filled(bindings):
    """A request names the UUID that an answer has shown, and the server's own address."""
    bindings.differences("<uuid:<3 x g>>", SHA)
    filled = bindings.fill("http://<http>/<uuid:<3 x g>>/<sha>", lambda: OTHER, lambda _: "?")
    assert filled == f"http://127.0.0.1:80/{SHA}/{OTHER}"


def test_push_other_reason_difference(bindings):
    """Progress and hints do not matter; a ref's status and its reason do."""
    expected = {
        "exit": 1,
        "stderr": "remote:\nremote: Processing changes: refs: 1\nTo http://<http>/a/p\n"
        " ! [remote rejected]   w -> master (no)\n",
    }
    same = Run(1, "", "hint: x\nTo http://127.0.0.1:80/a/p\n ! [remote rejected] w -> master (no)")
    other = Run(1, "", same.stderr.replace("(no)", "(yes)"))
    assert answers.push_differences(bindings, expected, same) == []
    assert answers.push_differences(bindings, expected, other)


def test_rest_other_status_or_type_difference(bindings):
    """Status and content type count, spaces in the content type do not."""
    expected = {"status": 404, "content_type": "text/plain;charset=utf-8", "text": "Not found\n"}
    body = b"Not found\n"
    same = Answer(404, "text/plain; charset=utf-8", None, body, None)
    assert answers.rest_differences(bindings, expected, same) == []
    for other in (
        Answer(400, "text/plain; charset=utf-8", None, body, None),
        Answer(404, "text/html", None, body, None),
        Answer(404, "text/plain; charset=utf-8", None, b"Not found", None),
    ):
        assert answers.rest_differences(bindings, expected, other)


def test_exchange_ids_each_file_unique():
    """An id names one exchange of its file, so that a test's name does."""
    for file in exchanges.files():
        ids = [one.id for one in exchanges.load(file)]
        assert len(ids) == len(set(ids)), file


def test_lists_of_exceptions_name_recorded_exchanges():
    """An entry for an exchange that does not exist would hide a spelling mistake."""
    from not_replayed import NOT_REPLAYED, UNSUPPORTED

    known = {one.name for file in exchanges.files() for one in exchanges.load(file)}
    assert {*NOT_REPLAYED, *UNSUPPORTED} <= known


def test_setup_tables_name_recorded_exchanges():
    """Every id in a set-up table is one of its file's."""
    from replay import setups

    for file in exchanges.files():
        setup, known = setups.for_file(file), {one.id for one in exchanges.load(file)}
        for name, table in vars(setup).items():
            if name != "prepare":
                assert set(table) <= known, f"{file}: {name}: {set(table) - known}"
