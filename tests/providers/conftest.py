"""Fixtures of the provider tests."""

from tests.providers.changes import change
from tests.providers.gerrit_fixtures import provider, review, review_server

__all__ = ["change", "provider", "review", "review_server"]
