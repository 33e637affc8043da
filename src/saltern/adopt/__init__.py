"""Adoption: registry files written from a live Gerrit, such that its plan is then empty."""

from saltern.adopt.compose import Adopted, Note, compose_registry
from saltern.adopt.live import Live, LiveProject, look
from saltern.adopt.write import write_files

__all__ = [
    "Adopted",
    "Live",
    "LiveProject",
    "Note",
    "compose_registry",
    "look",
    "write_files",
]
