"""Tell which version of the library a minion carries, and have it loaded before the first job.

A job runs in a fork of the minion: what the minion's own process imported costs a job nothing.

.. versionadded:: 0.1.0
"""

import importlib


def version():
    """Return ``{"saltern_version": "..."}``, or nothing where the library is not installed."""
    try:
        import saltern
    except ImportError:
        return {}
    for name in ("remote", "providers.gerrit", "providers.mirror"):
        try:
            importlib.import_module(f"saltern.{name}")
        except ImportError:
            # A minion has what its own providers need; a job for another one says what is missing.
            continue
    return {"saltern_version": saltern.__version__}
