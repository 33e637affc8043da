"""Whose password goes to the Gerrit that ``--gerrit URL`` names."""

from __future__ import annotations

from pathlib import Path

import pytest

from saltern.cli.login import settings_for
from saltern.cli.options import Sections
from saltern.errors import Broken

URL = "https://review.example.org"
HERE = Path("saltern.yaml")


@pytest.fixture(autouse=True)
def nobody(monkeypatch, tmp_path):
    """No password comes from the machine that runs the test."""
    for name in ("SALTERN_GERRIT_USERNAME", "SALTERN_GERRIT_PASSWORD"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))


def login(url=URL, gerrit=None):
    """Return the username and password that would be used."""
    found = settings_for(url, Sections({"gerrit": gerrit} if gerrit else {}, HERE))
    return found.username, found.password


def test_nobody_is_asked_for_when_nothing_is_set():
    """Without credentials the look is anonymous."""
    assert login() == ("", "")


def test_settings_are_used_for_their_own_server_only(monkeypatch):
    """A password that the settings hold for one Gerrit is not sent to another."""
    known = {"url": f"{URL}/", "username": "bot", "password": "s3cret"}
    assert login(gerrit=known) == ("bot", "s3cret")
    assert login("https://elsewhere.example.org", known) == ("", "")
    assert login("http://review.example.org", known) == ("", "")


def test_environment_is_used_before_netrc(monkeypatch, tmp_path):
    """And netrc only by the very host's entry, its default entry never."""
    (tmp_path / "netrc").write_text(
        "machine review.example.org login n password np\ndefault login d password dp\n"
    )
    assert login() == ("n", "np")
    assert login("https://elsewhere.example.org") == ("", "")
    monkeypatch.setenv("SALTERN_GERRIT_USERNAME", "e")
    monkeypatch.setenv("SALTERN_GERRIT_PASSWORD", "ep")
    assert login() == ("e", "ep")


def test_password_in_the_url_is_refused_without_repeating_it():
    """It would stand in process lists and shell histories."""
    with pytest.raises(Broken) as caught:
        login("https://user:s3cret@review.example.org")
    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize(
    "url", ["review.example.org", "ssh://x/", "file:///x", "http://", "", "h:/"]
)
def test_what_is_no_web_address_is_refused(url):
    """With an example of what is."""
    with pytest.raises(Broken, match="https://review.example.org"):
        login(url)


def test_broken_netrc_is_named_without_its_words(tmp_path):
    """They may be a password."""
    (tmp_path / "netrc").write_text("machine review.example.org s3cret\n")
    with pytest.raises(Broken) as caught:
        login()
    assert "netrc:" in str(caught.value)
    assert "s3cret" not in str(caught.value)


def test_cache_is_the_users_own(monkeypatch, tmp_path):
    """A contributor has no right to the service's directory."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert settings_for(URL, Sections({}, HERE)).cache_dir == str(tmp_path / "saltern")
