"""Gerrit: projects, groups, access, first content and notes on changes."""

from saltern.providers.gerrit.provider import GerritProvider

__all__ = ["GerritProvider"]
