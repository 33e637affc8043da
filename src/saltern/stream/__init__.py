"""Gerrit's event stream, read as hints.

The stream has no memory: what is sent while nobody listens is gone, and a slow listener
loses events. So every connect and every drop is reported, and answered by a full converge.

An engine needs one loop::

    async for suffix, data in hints(settings, stop):
        fire(f"saltern/gerrit/{suffix}", data)

where ``data`` is

===================  ==========================================================================
``connected``        ``{"type"}``: converge everything
``dropped``          ``{"type", ...}``: converge everything; comes again once the stream rests
``lost``             ``{"type", "code", "reason"}``: nothing is heard until ``connected``
``change-merged``    ``{"type", "project", "branch", "change", "patchset", "revision",
                     "newrev", "submitter"}`` of the registry
``patchset-created`` ``{"type", "project", "branch", "change", "patchset", "revision"}``; also
                     when a change of the registry becomes ready, public or open again
``ref-updated``      ``{"projects": [name, ...], "events": n}``: branches or tags moved
``config-updated``   ``{"projects": [name, ...], "events": n}``: refs/meta/config or HEAD moved
===================  ==========================================================================
"""

from saltern.stream.coalesce import Coalescer
from saltern.stream.filter import SUFFIXES, reduce_event, relevant
from saltern.stream.reader import events, hints
from saltern.stream.settings import StreamSettings

__all__ = [
    "SUFFIXES",
    "Coalescer",
    "StreamSettings",
    "events",
    "hints",
    "reduce_event",
    "relevant",
]
