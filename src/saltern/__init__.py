"""Saltern: a reviewed registry of projects becomes true on Gerrit, its mirrors and its CI."""

__version__ = "0.1.0"
