"""Show what the ``projects`` runner returns as a person wants to read it.

.. versionadded:: 0.1.0
"""


def output(ret, **_kwargs):
    """Return the text that the runner made of its report."""
    return ret["text"] if isinstance(ret, dict) and "text" in ret else str(ret)
