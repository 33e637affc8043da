"""Somebody else's git server: real repositories through `git http-backend`, with faults."""

from __future__ import annotations

import http.server
import os
import subprocess
import threading
import time
from pathlib import Path
from typing import Any


class UpstreamServer:
    """Serves the bare and other repositories below `root` on a free loopback port.

    `cut_on`: number of the fetch from which on answers are cut in the middle. `pause`: seconds
    between two kilobytes of it. `redirects`: path prefix to the URL that is answered instead.
    `fetches`: how many fetches were asked for, `seen` every request line.
    """

    def __init__(self, root: Path):
        self.root = root
        self.cut_on: int | None = None
        self.pause = 0.0
        self.redirects: dict[str, str] = {}
        self.fetches = 0
        self.sent = 0
        self.seen: list[str] = []
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


def _handler(owner: UpstreamServer) -> type[http.server.BaseHTTPRequestHandler]:
    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.0"

        def log_message(self, *_args: Any) -> None:
            """Say nothing."""

        def do_GET(self) -> None:
            self._serve(b"")

        def do_POST(self) -> None:
            self._serve(self._body())

        def _body(self) -> bytes:
            if "chunked" in self.headers.get("Transfer-Encoding", ""):
                parts = []
                while size := int(self.rfile.readline(), 16):
                    parts.append(self.rfile.read(size))
                    self.rfile.readline()
                return b"".join(parts)
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))

        def _serve(self, body: bytes) -> None:
            owner.seen.append(f"{self.command} {self.path}")
            for prefix, target in owner.redirects.items():
                if self.path.startswith(prefix):
                    self.send_response(301)
                    self.send_header("Location", target + self.path.removeprefix(prefix))
                    self.end_headers()
                    return
            answer = self._backend(body)
            head, _, content = answer.partition(b"\r\n\r\n")
            fetch = self.command == "POST" and b"packfile" in content
            owner.fetches += fetch
            status = [line[8:11] for line in head.split(b"\r\n") if line.startswith(b"Status: ")]
            self.send_response(int(status[0]) if status else 200)
            for line in head.decode().split("\r\n"):
                name, _, value = line.partition(": ")
                if name != "Status":
                    self.send_header(name, value)
            self.end_headers()
            self._send(content, fetch)

        def _send(self, content: bytes, fetch: bool) -> None:
            for at in range(0, len(content), 1024):
                cut = owner.cut_on is not None and owner.fetches >= owner.cut_on
                if fetch and cut and at >= len(content) // 2:
                    self.connection.close()
                    return
                self.wfile.write(content[at : at + 1024])
                owner.sent += 1024 * fetch
                if fetch and owner.pause:
                    self.wfile.flush()
                    time.sleep(owner.pause)

        def _backend(self, body: bytes) -> bytes:
            path, _, query = self.path.partition("?")
            environment = {
                "PATH": os.environ["PATH"],
                "GIT_PROJECT_ROOT": str(owner.root),
                "GIT_HTTP_EXPORT_ALL": "1",
                "GIT_CONFIG_GLOBAL": "/dev/null",
                "GIT_CONFIG_COUNT": "1",
                "GIT_CONFIG_KEY_0": "safe.directory",
                "GIT_CONFIG_VALUE_0": "*",
                "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
                "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
                "PATH_INFO": path,
                "QUERY_STRING": query,
                "REQUEST_METHOD": self.command,
                "CONTENT_TYPE": self.headers.get("Content-Type", ""),
                "CONTENT_LENGTH": str(len(body)),
            }
            return subprocess.run(
                ["git", "http-backend"], input=body, env=environment, capture_output=True
            ).stdout

    return Handler
