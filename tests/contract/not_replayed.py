"""Recorded exchanges that are not replayed, and what the stand-in does not claim to support.

Keys are `file:id`, values the reason. Keep both short.
"""

from __future__ import annotations

from replay.exchanges import Exchange

# Nothing to replay: figures over many runs, kills and frozen processes, or a set-up that the
# record does not show.
_SSH_SERVER = "names, order and algorithms are those of the ssh implementation"
_FIGURES = "figures over many calls, no single exchange"
_SETTING = "needs a server setting that is off by default"
_FROZEN = "the server process is frozen or killed while clients wait"
NOT_REPLAYED: dict[str, str] = {
    "ssh-commands:host-keys": _SSH_SERVER,
    "ssh-commands:handshake": _SSH_SERVER,
    **{f"stream-events:batch-{number}": _SETTING for number in range(1, 7)},
    "stream-events:order-project-created": _FIGURES,
    "stream-events:order-config-push": _FIGURES,
    "stream-events:order-comment-added": _FIGURES,
    "stream-events:order-patchset-created": _FIGURES,
    "stream-events:dropped-output": _FIGURES,
    "stream-events:dropped-output-sigstop": _FIGURES,
    "stream-events:starvation": _FIGURES,
    "stream-events:keepalive-frozen": _FROZEN,
    "stream-events:keepalive-frozen-none": _FROZEN,
    "stream-events:shutdown-term": _FROZEN,
}

_BY_HAND = "needs a server that can be stopped and written to: GERRIT_URL names one that cannot"


def reason(exchange: Exchange, *, own_server: bool) -> str | None:
    """Why this exchange is not replayed; None when it is."""
    if exchange.kind == "figures":
        return _FIGURES
    if exchange.file == "races" and not own_server:
        return _BY_HAND
    return NOT_REPLAYED.get(exchange.name)


# The stand-in answers 501 here, and the test demands that it does.
UNSUPPORTED: dict[str, str] = {}
