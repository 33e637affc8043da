"""What needs Salt's own Python API: how batches of steps travel as Salt jobs."""

from saltern_salt.dispatcher import SaltDispatcher

__all__ = ["SaltDispatcher"]
