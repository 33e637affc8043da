"""Providers: one module a server, each with observe() and apply()."""
