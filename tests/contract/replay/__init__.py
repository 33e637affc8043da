"""Replays recorded exchanges with a real Gerrit on any server that claims to be like it."""
