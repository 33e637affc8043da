"""``python -m lab.mirror --root DIR [--port 0]``: prints one JSON line when it serves."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import signal
from pathlib import Path

from aiohttp import web

from lab.mirror.server import MirrorServer


async def _main(root: Path, port: int) -> None:
    runner = web.AppRunner(MirrorServer(root).application(), access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", port)
    await site.start()
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    host, bound = runner.addresses[0][:2]
    print(json.dumps({"url": f"http://{host}:{bound}", "pid": os.getpid()}), flush=True)
    try:
        await stop.wait()
    finally:
        await runner.cleanup()


def main() -> None:
    """Parse the command line and serve until SIGTERM."""
    parser = argparse.ArgumentParser(prog="lab.mirror", description=__doc__)
    parser.add_argument("--root", type=Path, required=True, help="folder of NAME.git")
    parser.add_argument("--port", type=int, default=0, help="0: any free port")
    arguments = parser.parse_args()
    arguments.root.mkdir(parents=True, exist_ok=True)
    asyncio.run(_main(arguments.root, arguments.port))


if __name__ == "__main__":
    main()
