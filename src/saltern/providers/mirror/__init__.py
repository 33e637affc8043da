"""The git mirror: bare repositories that equal Gerrit's, served read-only to everybody."""

from saltern.providers.mirror.provider import MirrorProvider

__all__ = ["MirrorProvider"]
