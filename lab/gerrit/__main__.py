"""``python -m lab.gerrit``: run the stand-in, be used like a gerrit.war, or be packaged as one."""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import secrets
import sys
from pathlib import Path

from . import BANNER, package, sitefolder
from .faults import TABLE
from .server import Options, Server, serve_until_stopped


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
        "--max-comments", type=int, default=5000, help="a change's comments and messages"
    )
    parser.add_argument(
        "--cumulative-comment-size-limit", type=int, default=3 << 20, help="of all of these"
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
        args.max_comments,
        args.cumulative_comment_size_limit,
    )
    server = Server(options)
    for text in args.fault:
        fields = json.loads(text)
        server.site.faults.add(fields.pop("fault", ""), fields)
    await serve_until_stopped(server)


def main(argv: list[str] | None = None) -> None:
    """Entry point."""
    argv = sys.argv[1:] if argv is None else argv
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr)
    logging.getLogger("asyncssh").setLevel(logging.ERROR)
    if argv[:1] == ["package"]:
        package.main(argv[1:])
    elif argv and argv[0] in sitefolder.VERBS:
        sitefolder.main(argv)
    else:
        _run(_arguments(argv))


def _run(args: argparse.Namespace) -> None:
    print(f"*** {BANNER} ***", file=sys.stderr, flush=True)
    asyncio.run(_serve(args))


if __name__ == "__main__":
    main()
