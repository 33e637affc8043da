"""What the demo prints."""

from __future__ import annotations

import io
import re

from lab.demo.story import Story


def test_line_has_its_time_and_further_lines_are_indented():
    """Each line starts with the seconds since the start; continuation lines stand under it."""
    out = io.StringIO()
    Story(out).line("first\nsecond")
    assert re.fullmatch(r"\[ +0\.\d s\] first\n {12}second\n", out.getvalue())


def test_output_that_is_no_terminal_has_no_colours():
    """A log file gets plain text."""
    out = io.StringIO()
    story = Story(out)
    story.heading("Scene")
    story.proved("there")
    story.banner("This is not Gerrit")
    assert "\033" not in out.getvalue()
    assert "✓ there" in out.getvalue()


def test_table_lines_columns_up():
    """The first column is to the left, the others to the right."""
    out = io.StringIO()
    Story(out).table(("step", "done"), [("group", 5), ("mirror", 120)])
    assert [line.strip() for line in out.getvalue().splitlines()] == [
        "step    done",
        "group      5",
        "mirror   120",
    ]
