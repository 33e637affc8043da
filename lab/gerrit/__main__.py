"""``python -m lab.gerrit --root DIR``: run the stand-in until SIGTERM or SIGINT."""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import secrets
import signal
import sys
from pathlib import Path

from . import BANNER
from .faults import TABLE
from .server import Options, Server


def _arguments(argv: list[str] | None) -> argparse.Namespace:
    faults = "\n".join(f"  {name}: {text}" for name, (text, _) in TABLE.items())
    parser = argparse.ArgumentParser(
        prog="python -m lab.gerrit",
        description=BANNER,
        epilog=f"faults:\n{faults}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--root", type=Path, required=True, help="directory with all state")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on")
    parser.add_argument("--http-port", type=int, default=0, help="0: any free port")
    parser.add_argument("--ssh-port", type=int, default=0, help="0: any free port")
    parser.add_argument("--admin-password-file", type=Path, help="file with admin's password")
    parser.add_argument("--admin-ssh-key", type=Path, help="public key file of admin")
    parser.add_argument(
        "--lock-wait", type=float, default=0.5, help="seconds before a held ref lock answers 503"
    )
    parser.add_argument(
        "--fault",
        action="append",
        default=[],
        metavar="JSON",
        help='a fault from the start on: {"fault": NAME, ...}',
    )
    return parser.parse_args(argv)


async def _serve(args: argparse.Namespace) -> None:
    secret = args.admin_password_file
    options = Options(
        args.root,
        args.host,
        args.http_port,
        args.ssh_port,
        secret.read_text().strip() if secret else secrets.token_hex(16),
        args.admin_ssh_key.read_text().strip() if args.admin_ssh_key else None,
        args.lock_wait,
    )
    server = Server(options)
    for text in args.fault:
        fields = json.loads(text)
        server.site.faults.add(fields.pop("fault", ""), fields)
    ready = await server.start()
    stopped = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    print(json.dumps(ready), flush=True)
    await stopped.wait()
    await server.stop()


def main(argv: list[str] | None = None) -> None:
    """Entry point."""
    args = _arguments(argv)
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr)
    logging.getLogger("asyncssh").setLevel(logging.ERROR)
    print(f"*** {BANNER} ***", file=sys.stderr, flush=True)
    asyncio.run(_serve(args))


if __name__ == "__main__":
    main()
