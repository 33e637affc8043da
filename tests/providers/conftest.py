"""Fixtures of the provider tests."""

from tests.providers.gerrit_fixtures import provider, review, review_server

__all__ = ["provider", "review", "review_server"]
