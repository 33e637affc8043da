"""One site for all integration tests: starting Salt takes seconds."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.saltsite import Site


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A site whose service account has the rights it needs; the registry has one project."""
    site = Site(Path(tmp_path_factory.mktemp("site")))
    try:
        site.make_registry()
        site.start_salt()
        site.salt.call(site.minion, "state.apply", "gerrit.access")
        yield site
    finally:
        site.stop()
