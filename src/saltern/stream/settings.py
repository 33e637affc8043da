"""Settings of the reader of Gerrit's event stream."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class StreamSettings:
    """Where the stream is, who reads it, and what of it reactors want."""

    host: str
    """Host of Gerrit's ssh port."""
    known_hosts: str
    """Path of a known_hosts file, or its text, or the text of the host's public key
    (``ssh-ed25519 AAAA...``). There is no way to go without."""
    key_file: str
    """Path of the private key of ``username``."""
    port: int = 29418
    """Gerrit's ssh port."""
    username: str = "saltern"
    """Account with the capability Stream Events."""
    project: str = "infra/project-config"
    """Gerrit project of the registry."""
    branch: str = "master"
    """Branch of the registry (short name)."""
    ignore_users: tuple[str, ...] = ()
    """Accounts whose ref updates are no news; name Saltern's own, whose runs verify their
    own writes, to spare a converge for each of them."""
    connect_timeout: float = 30.0
    """Seconds to connect and log in."""
    keepalive: float = 15.0
    """Seconds of silence before the server is asked whether it lives."""
    keepalive_count: int = 3
    """Unanswered questions after which the connection counts as lost."""
    settle: float = 0.5
    """Seconds the command must run before the stream counts as connected; a refusal
    (``stream events not permitted``) ends it sooner."""
    backoff: float = 1.0
    """Seconds before the first attempt to reconnect; doubled for each further one."""
    backoff_limit: float = 60.0
    """Most seconds between two attempts."""
    stable: float = 10.0
    """Seconds a connection must have lasted for the backoff to begin anew."""
    quiet: float = 5.0
    """Seconds without an event after which a drop is reported again."""
    quiet_limit: float = 60.0
    """Seconds after a drop at which it is reported again although the stream never rests."""
    window: float = 0.3
    """Seconds in which ref updates are gathered into one hint."""
    line_limit: int = 1_048_576
    """Bytes of one event; a longer one is skipped and counts as dropped."""
    queue_limit: int = 20_000
    """Events that may wait for a slow consumer; more are skipped and count as dropped."""
