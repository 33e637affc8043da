"""Turn Gerrit's event stream into Salt events ``saltern/gerrit/...`` on the master.

Thin over :mod:`saltern.stream`, which says what each event carries. The engine's arguments
are that module's settings (``StreamSettings``)::

    engines:
      - gerrit_stream:
          host: review.example.org
          username: saltern
          key_file: /etc/salt/saltern/id_ed25519
          known_hosts: /etc/salt/saltern/known_hosts
          ignore_users: [saltern]

:depends: saltern and asyncssh in the master's Python

.. versionadded:: 0.1.0
"""

import asyncio
import logging
import signal
from concurrent.futures import ThreadPoolExecutor

import salt.utils.event

try:
    from saltern.settings import build
    from saltern.stream import StreamSettings, hints

    MISSING = ""
except ImportError as error:
    MISSING = f"saltern cannot be loaded by this Salt's Python: {error}"

log = logging.getLogger(__name__)


def __virtual__():
    return "gerrit_stream" if not MISSING else (False, MISSING)


def start(**settings):
    """Read the stream until the engine's process is told to end.

    Gerrit capability needed: Stream Events; and Read on refs/meta/config to see drift.
    """
    asyncio.run(_forward(build(StreamSettings, settings, "engine gerrit_stream")))


async def _forward(settings):
    loop, stop = asyncio.get_running_loop(), asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, stop.set)
    bus = salt.utils.event.get_master_event(__opts__, __opts__["sock_dir"], listen=False)
    # Firing blocks and runs an event loop of its own, so it has a thread to itself.
    with bus, ThreadPoolExecutor(1) as firing:
        told = None
        async for suffix, data in hints(settings, stop):
            told = _tell(settings.host, suffix, data, told)
            await loop.run_in_executor(firing, _fire, bus, data, f"saltern/gerrit/{suffix}")
    log.info("the stream of %s is not read any more", settings.host)


def _tell(host, suffix, data, told):
    """Log why the stream is away, once for each reason; return the reason that was told last."""
    if suffix == "connected":
        return None
    if suffix != "lost" or data.get("reason") == told:
        return told
    log.warning("the stream of %s is away: %s", host, data.get("reason"))
    return data.get("reason")


def _fire(bus, data, tag):
    if not bus.fire_event(data, tag):
        log.error("the event bus did not take %s; the next full converge makes up for it", tag)
        bus.close_pull()
