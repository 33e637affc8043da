"""A headless Chromium, driven through its DevTools protocol over a pipe (no port, no driver).

https://chromedevtools.github.io/devtools-protocol/; messages are JSON, each ended by a NUL.
"""

from __future__ import annotations

import base64
import json
import os
import select
import shutil
import subprocess
import tempfile
import time
from collections import deque
from pathlib import Path
from typing import Any

NAMES = (
    "chromium-headless-shell",
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
    "chrome",
)
DEADLINE = 60


def find() -> str | None:
    """Return the browser's path: ``$CHROMIUM``, or the first known name on the path."""
    wanted = os.environ.get("CHROMIUM")
    return wanted or next(filter(None, map(shutil.which, NAMES)), None)


class Browser:
    """A browser process with one page. ``errors`` are the console's errors and warnings."""

    def __init__(self, program: str):
        self._profile = tempfile.mkdtemp(prefix="saltern-chromium-")
        ours_in, theirs_out = os.pipe()
        theirs_in, ours_out = os.pipe()
        self._process = self._start(program, theirs_in, theirs_out)
        os.close(theirs_in)
        os.close(theirs_out)
        self._in, self._out = ours_in, ours_out
        self._number = 0
        self._rest = b""
        self._events: deque[dict[str, Any]] = deque()
        self.errors: list[str] = []
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        attached = self.call("Target.attachToTarget", targetId=target, flatten=True)
        self._session = attached["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Accessibility"):
            self.page(f"{domain}.enable")

    def _start(self, program: str, read: int, write: int) -> subprocess.Popen[bytes]:
        words = [
            program,
            "--headless",
            # Debian's Chromium, run by root in a container, has no sandbox to start in; it only
            # ever sees the pages of these tests.
            "--no-sandbox",
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--disable-extensions",
            "--no-first-run",
            "--hide-scrollbars",
            "--force-color-profile=srgb",
            f"--user-data-dir={self._profile}",
            "--remote-debugging-pipe",
            "about:blank",
        ]
        # The browser reads its orders on descriptor 3 and answers on 4.
        script = 'exec "$0" "$@" 3<&$IN 4>&$OUT'
        return subprocess.Popen(
            ["bash", "-c", script, *words],
            env={**os.environ, "IN": str(read), "OUT": str(write)},
            pass_fds=(read, write),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def close(self) -> None:
        """End the process and remove its profile."""
        self._process.terminate()
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        os.close(self._in)
        os.close(self._out)
        shutil.rmtree(self._profile, ignore_errors=True)

    # The protocol

    def call(self, method: str, session: str | None = None, **params: Any) -> dict[str, Any]:
        """Call a method of the browser, or of a page's session, and return its result."""
        self._number += 1
        message = {"id": self._number, "method": method, "params": params}
        if session:
            message["sessionId"] = session
        os.write(self._out, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._next()
            if answer.get("id") == self._number:
                assert "error" not in answer, f"{method}: {answer['error']}"
                return answer["result"]
            self._events.append(answer)

    def page(self, method: str, **params: Any) -> dict[str, Any]:
        """Call a method of the page."""
        return self.call(method, self._session, **params)

    def _next(self) -> dict[str, Any]:
        deadline = time.monotonic() + DEADLINE
        while b"\0" not in self._rest:
            ready, _, _ = select.select([self._in], [], [], max(0, deadline - time.monotonic()))
            assert ready, "the browser says nothing"
            chunk = os.read(self._in, 1 << 20)
            assert chunk, f"the browser ended (status {self._process.poll()})"
            self._rest += chunk
        text, _, self._rest = self._rest.partition(b"\0")
        message = json.loads(text)
        self._listen(message)
        return message

    def _listen(self, message: dict[str, Any]) -> None:
        params = message.get("params", {})
        if message.get("method") == "Log.entryAdded" and params["entry"]["level"] != "info":
            self.errors.append(params["entry"]["text"])
        elif message.get("method") == "Runtime.consoleAPICalled":
            self.errors.append(json.dumps(params["args"]))
        elif message.get("method") == "Runtime.exceptionThrown":
            self.errors.append(json.dumps(params["exceptionDetails"]))
        elif message.get("method") == "Page.javascriptDialogOpening":
            self.errors.append(f"dialog: {params['message']}")
            self._events.append(message)

    # What a reader does

    def open(self, path: Path, *, width: int = 1280, height: int = 900, dark: bool = False) -> None:
        """Open a file in a window of that size, in light or dark, and wait until it is there."""
        self.errors.clear()
        self._events.clear()
        self.page(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=width < 600,
        )
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.page("Emulation.setEmulatedMedia", features=[scheme])
        self.page("Page.navigate", url=path.as_uri())
        while not any(e.get("method") == "Page.loadEventFired" for e in self._events):
            self._events.append(self._next())

    def run(self, script: str) -> Any:
        """Return the value of a JavaScript expression (the page's policy binds pages only)."""
        answer = self.page("Runtime.evaluate", expression=script, returnByValue=True)
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def text(self) -> str:
        """Return what a reader sees."""
        return self.run("document.body.innerText")

    def picture(self, path: Path, *, whole: bool = True) -> None:
        """Write a PNG of the window, or of the ``whole`` page."""
        answer = self.page("Page.captureScreenshot", format="png", captureBeyondViewport=whole)
        if whole:
            size = self.page("Page.getLayoutMetrics")["cssContentSize"]
            clip = {"x": 0, "y": 0, "width": size["width"], "height": size["height"], "scale": 1}
            answer = self.page(
                "Page.captureScreenshot", format="png", clip=clip, captureBeyondViewport=True
            )
        path.write_bytes(base64.b64decode(answer["data"]))
