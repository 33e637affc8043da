"""Fetching others' repositories: whose URLs are taken, how much, how long, how far it is."""
