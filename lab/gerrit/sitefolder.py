"""The verbs of a gerrit.war for the stand-in: ``init``, ``daemon``, ``reindex``, ``version``.

They read ``SITE/etc/gerrit.config`` and the ssh host keys beside it and keep everything else in
``SITE/git`` and ``SITE/data``, so that what installs and upgrades a Gerrit can do so with this.
"""

from __future__ import annotations

import argparse
import asyncio
import getpass
import shutil
import signal
import sys
import uuid
from pathlib import Path
from urllib.parse import urlsplit

import asyncssh

from . import BANNER, DEFECT, VERSION
from .gitconfig import Document
from .server import Options, Server, serve_until_stopped
from .site import Site
from .ssh import HOST_KEY_FILES

VERBS = ("init", "daemon", "reindex", "version")
INITIAL_TOKEN = "secret"  # noqa: S105 (the real server's own first password)
FOLDERS = ("bin", "cache", "data", "etc", "git", "index", "lib", "logs", "plugins", "tmp")


def main(argv: list[str]) -> None:
    """Run one verb; ``SystemExit`` with the reason when it cannot be done."""
    parser = argparse.ArgumentParser(prog="gerrit-standin.war", description=BANNER)
    parser.add_argument("verb", choices=VERBS)
    parser.add_argument("-d", "--site-path", type=Path, metavar="SITE")
    for option in ("--batch", "--no-auto-start", "--dev", "--console-log", "--show-stack-trace"):
        parser.add_argument(option, action="store_true", help="taken for the real one's sake")
    args = parser.parse_args(argv)
    if args.verb == "version":
        print(f"gerrit version {VERSION}")
        return
    if args.site_path is None:
        parser.error("-d SITE is missing")
    {"init": _init, "daemon": _daemon, "reindex": _reindex}[args.verb](args.site_path)


def _init(path: Path) -> None:
    for name in FOLDERS:
        (path / name).mkdir(parents=True, exist_ok=True)
    (path / "tmp").chmod(0o700)
    _complete_config(path / "etc" / "gerrit.config")
    for kind, name in HOST_KEY_FILES.items():
        _make_key(path / "etc" / name, kind)
    _spoil(path)
    site = Site(path, path / "data")
    kind = _read_config(path).get("auth", None, "type") or "OPENID"
    if kind == "DEVELOPMENT_BECOME_ANY_ACCOUNT" and not site.accounts.by_id:
        site.bootstrap(INITIAL_TOKEN, _default_key(), token="initialToken")  # noqa: S106
    site.close()
    print(f"Initialized {path} ({VERSION})")


def _complete_config(path: Path) -> None:
    """Add what the real init adds, and keep what is there."""
    config = Document(path.read_text() if path.exists() else "")
    added = {
        ("gerrit", "serverId"): str(uuid.uuid4()),
        ("container", "user"): getpass.getuser(),
        ("receive", "enableSignedPush"): "false",
    }
    for (section, name), value in added.items():
        if config.get(section, None, name) is None:
            config.set_list(section, None, name, [value])
    path.write_text(config.text())


def _make_key(path: Path, kind: str) -> None:
    if path.exists():
        return
    key = asyncssh.generate_private_key(kind)
    key.write_private_key(path)
    path.chmod(0o600)
    key.write_public_key(path.with_name(path.name + ".pub"))


def _default_key() -> str | None:
    found = Path.home() / ".ssh" / "id_rsa.pub"
    return found.read_text().strip() if found.exists() else None


def _spoil(path: Path) -> None:
    """Do what a broken release's migration would: damage the data, and maybe stop there."""
    if DEFECT in ("init", "hang", "daemon"):
        for name in ("data/state.db", "git/All-Users.git/HEAD"):
            (path / name).unlink(missing_ok=True)
    if DEFECT == "lose":
        for repository in (path / "git").glob("[a-z]*.git"):
            shutil.rmtree(repository)
    if DEFECT == "hang":
        signal.pause()
    if DEFECT == "init":
        sys.exit("fatal: schema migration failed (the defect this stand-in was packaged with)")


def _daemon(path: Path) -> None:
    print(f"*** {BANNER} ***", file=sys.stderr, flush=True)
    if DEFECT == "daemon":
        sys.exit("fatal: cannot start (the defect this stand-in was packaged with)")
    asyncio.run(_serve(path))


async def _serve(path: Path) -> None:
    config = _read_config(path)
    http = urlsplit(config.get("httpd", None, "listenUrl") or "http://127.0.0.1:8080/")
    ssh_host, ssh_port = _address(config.get("sshd", None, "listenAddress") or "*:29418")
    canonical = config.get("gerrit", None, "canonicalWebUrl") or ""
    advertised = config.get("sshd", None, "advertisedAddress")
    options = Options(path, http.hostname or "", http.port or 80, ssh_port)
    options.data = path / "data"
    options.ssh_host = ssh_host
    options.host_keys = path / "etc"
    options.canonical_url = canonical.rstrip("/")
    options.advertised = _address(advertised or f"{urlsplit(canonical).hostname}:{ssh_port}")
    await serve_until_stopped(Server(options))


def _reindex(path: Path) -> None:
    site = Site(path, path / "data")
    site.freeze_index(False)
    site.close()
    print(f"Reindexed {len(site.projects)} projects")


def _read_config(path: Path) -> Document:
    file = path / "etc" / "gerrit.config"
    if not file.exists():
        sys.exit(f"fatal: {file} is missing: run init first")
    return Document(file.read_text())


def _address(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    return ("" if host == "*" else host.strip("[]"), int(port))
