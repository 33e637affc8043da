"""What rules are made of: settings, expressions, edits that put things in order."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from saltern.errors import Broken
from saltern.registry.fix import apply
from saltern.registry.rules import all_rules, selected
from saltern.registry.rules.edits import Block, moves, order_edits
from saltern.registry.rules.expression import ExpressionError, Term, parse
from saltern.settings import CheckSettings

MANY = settings(max_examples=200, deadline=None)


def codes(check: CheckSettings) -> dict[str, str]:
    """Return the severity of each rule that is applied."""
    return {r.code: r.severity for rules in selected(check).values() for r in rules}


def test_no_settings_apply_every_rule_as_it_is():
    """Nothing is left out and nothing re-rated unless somebody says so."""
    assert codes(CheckSettings()) == {rule.code: rule.severity for rule in all_rules()}


def test_settings_leave_rules_out_and_rate_others():
    """``ignore`` and ``severity`` do what they say."""
    found = codes(CheckSettings(ignore=("SLT080",), severity={"SLT053": "error"}))
    assert "SLT080" not in found
    assert found["SLT053"] == "error"


def test_error_lowered_to_warning_holds_nothing_up():
    """What an administrator rates a warning no longer keeps an ACL from being written."""
    found = selected(CheckSettings(severity={"SLT041": "warning"}))["acl"]
    assert [(r.severity, r.blocks) for r in found if r.code == "SLT041"] == [("warning", None)]


@pytest.mark.parametrize(
    ("check", "says"),
    [
        (CheckSettings(ignore=("SLT999",)), "there is no rule 'SLT999'"),
        (CheckSettings(ignore=("SLT003",)), "stays an error"),
        (CheckSettings(ignore=("SLT021",)), "stays an error"),
        (CheckSettings(severity={"SLT010": "warning"}), "stays an error"),
        (CheckSettings(severity={"SLT080": "loud"}), "is error or warning"),
        (CheckSettings(core_groups="("), "core_groups"),
    ],
    ids=["unknown", "name", "acl", "upstream", "severity", "pattern"],
)
def test_settings_that_cannot_be_are_refused(check, says):
    """Mistakes are named, and what keeps projects safe cannot be switched off."""
    with pytest.raises(Broken, match=says):
        selected(check)


@pytest.mark.parametrize(
    ("text", "terms"),
    [
        ("is:true", [("is", "true")]),
        ("label:Code-Review>=1,user=non_uploader", [("label", "Code-Review>=1,user=non_uploader")]),
        ("a:x b:y OR NOT (c:z)", [("a", "x"), ("b", "y"), ("c", "z")]),
        ('-file:"^a b\\"(" and x-y_z:{q r}', [("file", '^a b\\"('), ("x-y_z", "q r")]),
        ("label:Verified:more", [("label", "Verified:more")]),
    ],
)
def test_expression_is_read_as_terms(text, terms):
    """What Gerrit's search grammar takes is taken."""
    assert parse(text) == [Term(*term) for term in terms]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "a term is missing before the end"),
        ("is:true AND", "a term is missing after 'AND'"),
        ("OR is:true", "a term is missing before OR"),
        ("(is:true", r"'\(' is not closed"),
        ("is:true)", "closes nothing"),
        ("()", r"a term is missing before '\)'"),
        ("NOT NOT is:true", "two negations"),
        ("Verified", "has no operator"),
        ("Label:Verified", "has no operator"),
        ("label:", "has no value"),
        ('label:"Verified', "close the quote"),
        ("label:a;b", "cannot be read"),
        ("(" * 5000, "a term is missing"),
    ],
)
def test_expression_that_is_none_is_refused(text, says):
    """What Gerrit's search grammar refuses is refused, however deep it nests."""
    with pytest.raises(ExpressionError, match=says):
        parse(text)


@MANY
@given(st.text(st.sampled_from('ab:-() "{}\\ANDORNOT\t&='), max_size=30))
def test_any_text_is_an_expression_or_refused(text):
    """No text makes the parser fail in another way."""
    with contextlib.suppress(ExpressionError):
        assert parse(text)


@MANY
@given(st.lists(st.text("abc", min_size=1, max_size=2), min_size=2, max_size=12), st.booleans())
def test_order_edits_sort_and_keep_what_stands_between(keys, gaps):
    """The edits sort the blocks, stably, with the blanks between them kept."""
    gap = "\n" if gaps else ""
    bodies = [f"{key} {number}\n" for number, key in enumerate(keys)]
    text, blocks = "", []
    for body, key in zip(bodies, keys, strict=True):
        text += gap if text else ""
        blocks.append(Block(len(text), len(text) + len(body), key))
        text += body
    wanted = list(moves(keys))
    expected = gap.join(sorted(bodies, key=lambda body: body.split()[0]))
    assert bool(wanted) == (keys != sorted(keys))
    if wanted:
        assert apply(text, order_edits("f", text, blocks, wanted)) == expected


@MANY
@given(st.lists(st.integers(0, 9).map(str), max_size=12, unique=True), st.data())
def test_one_misplaced_key_is_one_move(keys, data):
    """One key put elsewhere in an ordered list takes one move."""
    keys.sort()
    at = data.draw(st.integers(0, len(keys)))
    assert len(list(moves([*keys[:at], "5x", *keys[at:]]))) <= 1
