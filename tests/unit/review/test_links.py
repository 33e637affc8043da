"""Links to a project: http(s) only, names quoted."""

from __future__ import annotations

import pytest

from saltern.report.links import http_url, project_links, status_link


def test_bases_get_the_projects_name():
    """A base without a place for the name gets the usual path."""
    links = {"gerrit": "https://r.example/", "mirror": "https://g.example/{project}.git"}
    assert project_links(links, "a/b c?") == {
        "gerrit": "https://r.example/admin/repos/a%2Fb%20c%3F",
        "mirror": "https://g.example/a/b%20c%3F.git",
    }
    assert project_links({}, "a") == {}
    assert status_link({"status": "https://s.example/page"}) == "https://s.example/page"


@pytest.mark.parametrize(
    "value",
    ["javascript:alert(1)", "data:text/html,x", "//host", "https://", "https://a b", "http://u:p@h",
     "https://h/\n", "ftp://h", None, 5, "https://[", ""],
)  # fmt: skip
def test_what_is_no_http_url_gives_no_link(value):
    """Neither a script nor a login nor a second line gets into a note."""
    assert http_url(value) is None
    assert project_links({"gerrit": value}, "a") == {}
