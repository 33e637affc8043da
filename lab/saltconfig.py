"""Configuration, keys, pillar, sockets and ports of a private Salt master and its minions."""

from __future__ import annotations

import contextlib
import getpass
import hashlib
import json
import os
import re
import socket
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

REPOSITORY = Path(__file__).resolve().parent.parent
SOCKET_ROOM = 60
"""Longest directory for sockets; the system's limit is 107 bytes for the whole path."""

REACTIONS = (
    ("saltern/gerrit/change-merged", "gerrit_change_merged"),
    ("saltern/gerrit/patchset-created", "gerrit_patchset_created"),
    ("saltern/gerrit/ref-updated", "gerrit_ref_updated"),
    ("saltern/gerrit/config-updated", "gerrit_config_updated"),
    ("saltern/gerrit/connected", "gerrit_stream"),
    ("saltern/gerrit/dropped", "gerrit_stream"),
    ("saltern/gerrit/connected", "gerrit_stream_reviews"),
    ("saltern/gerrit/dropped", "gerrit_stream_reviews"),
    ("salt/minion/*/start", "minion_start"),
)

MASTER = {
    "interface": "127.0.0.1",
    "worker_threads": 2,
    "fileserver_backend": ["roots"],
    "enable_gpu_grains": False,
    "enable_fqdns_grains": False,
    "grains_cache": True,
    "grains_cache_expiration": 30 * 86400,
    "reactor_worker_threads": 4,
    "timeout": 10,
    "gather_job_timeout": 5,
    "keep_jobs_seconds": 86400,
    "max_event_size": 64 << 20,
    "master_sign_pubkey": False,
    "require_minion_sign_messages": True,
    "drop_messages_signature_fail": True,
    "publish_signing_algorithm": "PKCS1v15-SHA224",
    "signing_algorithm": "PKCS1v15-SHA224",
    "publisher_acl": {},
    "external_auth": {},
    "peer": {},
    "peer_run": {},
    "netapi_enable_clients": [],
    "log_level": "warning",
    "log_level_logfile": "info",
}
"""Master settings beside paths and ports: small, and hardened as a production master should be."""

MINION = {
    "master": "127.0.0.1",
    "minion_sign_messages": True,
    "encryption_algorithm": "OAEP-SHA224",
    "signing_algorithm": "PKCS1v15-SHA224",
    "hash_type": "sha256",
    "mine_enabled": False,
    "enable_gpu_grains": False,
    "enable_fqdns_grains": False,
    "random_reauth_delay": 1,
    "recon_default": 100,
    "recon_max": 1000,
    "acceptance_wait_time": 1,
    "max_event_size": 64 << 20,
    "log_level": "warning",
    "log_level_logfile": "info",
}
"""Minion settings beside paths and ports."""


def master_opts(
    root: Path, sockets: Path, ports: list[int], more: Mapping, reactions: Iterable
) -> dict[str, Any]:
    """Return the master's settings; ``ports`` are for publishing and for requests."""
    return {
        **MASTER,
        **_paths(root / "master", sockets / "master"),
        "publish_port": ports[0],
        "ret_port": ports[1],
        "file_roots": {"base": [str(REPOSITORY / "salt")]},
        "pillar_roots": {"base": [str(root / "pillar")]},
        "runner_dirs": [str(REPOSITORY / "_runners")],
        "engines_dirs": [str(REPOSITORY / "_engines")],
        "outputter_dirs": [str(REPOSITORY / "_output")],
        "reactor": _reactor(reactions),
        **more,
    }


def _reactor(reactions: Iterable[tuple[str, str]]) -> list[dict[str, list[str]]]:
    by_tag: dict[str, list[str]] = {}
    for tag, name in reactions:
        by_tag.setdefault(tag, []).append(str(REPOSITORY / f"reactor/{name}.sls"))
    return [{tag: files} for tag, files in by_tag.items()]


def minion_opts(
    root: Path, sockets: Path, ports: list[int], name: str, more: Mapping, finger: str
) -> dict[str, Any]:
    """Return a minion's settings; ``finger`` is the fingerprint of the master's key."""
    short = hashlib.sha256(name.encode()).hexdigest()[:6]
    return {
        **MINION,
        **_paths(root / "minions" / name, sockets / short),
        "id": name,
        "publish_port": ports[0],
        "master_port": ports[1],
        "master_finger": finger,
        "module_dirs": [str(REPOSITORY / "_modules")],
        "states_dirs": [str(REPOSITORY / "_states")],
        "grains_dirs": [str(REPOSITORY / "_grains")],
        **more,
    }


def _paths(home: Path, sockets: Path) -> dict[str, Any]:
    return {
        "user": getpass.getuser(),
        "root_dir": "/",
        "pki_dir": str(home / "pki"),
        "cachedir": str(home / "cache"),
        "extension_modules": str(home / "cache/extmods"),
        "sqlite_queue_dir": str(home / "cache/queues"),
        "token_dir": str(home / "cache/tokens"),
        "sock_dir": str(sockets),
        "pidfile": str(home / "pid"),
        "log_file": str(home / "log"),
        "key_logfile": str(home / "key.log"),
    }


def write_config(home: Path, name: str, opts: Mapping[str, Any]) -> None:
    """Write ``home/conf/name`` and make the folders that the daemon needs."""
    for path in (home / "conf", home / "pki", home / "cache", Path(opts["sock_dir"])):
        path.mkdir(parents=True, exist_ok=True, mode=0o700)
    _write_private(home / "conf" / name, json.dumps(dict(opts), indent=1))


def write_pillar(folder: Path, pillar: Mapping[str, Mapping[str, Any]]) -> None:
    """Write one file a minion, as JSON under a renderer line: values are never templates."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    names = {minion: "of_" + re.sub(r"[^A-Za-z0-9]", "_", minion) for minion in pillar}
    top = {"base": {minion: [name] for minion, name in names.items()}}
    _write_private(folder / "top.sls", "#!json\n" + json.dumps(top))
    for minion, data in pillar.items():
        _write_private(folder / f"{names[minion]}.sls", "#!json\n" + json.dumps(dict(data)))


def make_keys(root: Path, minions: Iterable[str]) -> str:
    """Make missing key pairs, accept the minions', and return the master key's fingerprint."""
    master = root / "master/pki"
    master.mkdir(parents=True, exist_ok=True, mode=0o700)
    public = _key_pair(master, "master")
    accepted = master / "minions"
    accepted.mkdir(exist_ok=True)
    for name in minions:
        folder = root / "minions" / name / "pki"
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        (accepted / name).write_text(_key_pair(folder, "minion"))
        (folder / "minion_master.pub").write_text(public)
    body = "\n".join(public.strip().splitlines()[1:-1]) + "\n"
    digest = hashlib.sha256(body.encode()).hexdigest()
    return ":".join(re.findall("..", digest))


def _key_pair(folder: Path, name: str) -> str:
    private, public = folder / f"{name}.pem", folder / f"{name}.pub"
    if not (private.exists() and public.exists()):
        key = rsa.generate_private_key(65537, 2048)
        pem = key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.TraditionalOpenSSL,
            serialization.NoEncryption(),
        )
        _write_private(private, pem.decode())
        form = serialization.PublicFormat.SubjectPublicKeyInfo
        public.write_bytes(key.public_key().public_bytes(serialization.Encoding.PEM, form))
    return public.read_text()


def _write_private(path: Path, text: str) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with open(descriptor, "w", encoding="utf-8") as file:
        file.write(text)


def socket_dir(root: Path) -> Path:
    """Return a directory for sockets, short enough."""
    folder = root / "s"
    if len(str(folder)) <= SOCKET_ROOM:
        return folder
    return Path(tempfile.mkdtemp(prefix="salt-"))


def free_ports(count: int) -> list[int]:
    """Return free ports of the loopback address."""
    with contextlib.ExitStack() as held:
        sockets = [held.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]
