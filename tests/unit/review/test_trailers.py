"""Trailers of commit messages: what git itself reads, and nothing else, sets a flag."""

from __future__ import annotations

import subprocess

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from saltern.review.trailers import flags, trailers

ALLOW = "Saltern-Allow: remove-project"
MESSAGES = [
    (f"Subject\n\n{ALLOW}\n", {"remove-project"}),
    (f"Subject\n\nBody\n\nChange-Id: I1\n{ALLOW}", {"remove-project"}),
    ("S\n\nsaltern-allow: Retire,  protected-right\n", {"retire", "protected-right"}),
    ("S\n\nSaltern-Allow: retire,\n  protected-right\n", {"retire", "protected-right"}),
    (f"S\n\nSigned-off-by: a\nnot one\n{ALLOW}", {"remove-project"}),
    (ALLOW, set()),
    (f"{ALLOW}\n{ALLOW}", set()),
    (f"S\n\n{ALLOW}\n\nBody", set()),
    (f"S\n\nA sentence.\n{ALLOW}", set()),
    (f"S\n\n > {ALLOW}", set()),
    (f"S\n\n    {ALLOW}\n", set()),
    ("S\n\nSaltern-Allow: everything $(id)\n", set()),
    ("S\n\nX-Saltern-Allow: retire\n", set()),
    ("", set()),
]


@pytest.mark.parametrize(("message", "expected"), MESSAGES)
def test_flags_are_read_from_the_last_paragraph_alone(message, expected):
    """A quotation, a sentence or the subject sets no flag."""
    assert flags(message) == expected


LINES = st.lists(
    st.sampled_from(
        [
            "Subject",
            "",
            "Key: v",
            "Other-Key:  two words",
            "Signed-off-by: A <a@b>",
            " more",
            "A sentence.",
            "Key without",
            "Change-Id: I0123",
            "Saltern-Allow: retire",
        ]  # fmt: skip
    ),
    max_size=9,
)


@settings(max_examples=60, deadline=None)
@given(LINES)
def test_trailers_are_those_that_git_reads(lines):
    """Compared with ``git interpret-trailers`` on whole messages."""
    message = "Subject\n\n" + "\n".join(lines).strip() + "\n"
    run = subprocess.run(
        ["git", "interpret-trailers", "--parse", "--no-divider"],
        input=message,
        capture_output=True,
        text=True,
        check=True,
    )
    git = [tuple(line.split(": ", 1)) for line in run.stdout.splitlines()]
    ours = [(key, value) for key, value in trailers(message)]
    assert ours == git, message
