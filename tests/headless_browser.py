"""Chromium without a window, driven over a pipe (Chrome DevTools Protocol): no driver to install, no port to open."""

import contextlib
import fcntl
import json
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

SECONDS = 60
"""How long an answer may take."""

FLAGS = (
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run", "--disable-sync",
    "--disable-background-networking", "--disable-component-update", "--disable-extensions", "--mute-audio",
)  # fmt: skip


def find_chromium() -> str | None:
    """Return the path of a Chromium, or None."""
    return next(
        (path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))), None
    )


@contextlib.contextmanager
def open_browser(folder: Path) -> Iterator["Browser"]:
    """Start Chromium with its profile in `folder`, and end it."""
    program = find_chromium()
    assert program is not None
    theirs_in, ours_out = os.pipe()
    ours_in, theirs_out = os.pipe()

    def hand_over() -> None:  # Chromium reads from 3 and writes to 4
        high = [fcntl.fcntl(end, fcntl.F_DUPFD, 20) for end in (theirs_in, theirs_out)]
        os.dup2(high[0], 3)
        os.dup2(high[1], 4)

    command = [program, *FLAGS, f"--user-data-dir={folder}", "--remote-debugging-pipe", "about:blank"]
    with open(folder.with_suffix(".log"), "wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, preexec_fn=hand_over, close_fds=False)
    os.close(theirs_in)
    os.close(theirs_out)
    try:
        yield Browser(ours_in, ours_out)
    finally:
        process.terminate()
        process.wait(SECONDS)
        os.close(ours_in)
        os.close(ours_out)


class Browser:
    """One page. `complaints` are console messages, exceptions and blocked loads, `requests` all addresses asked for."""

    def __init__(self, source: int, sink: int) -> None:
        self.source, self.sink, self.number, self.rest, self.session = source, sink, 0, b"", ""
        self.complaints: list[str] = []
        self.requests: list[str] = []
        self.events: list[str] = []
        os.set_blocking(source, False)
        page = self.call("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.call("Target.attachToTarget", targetId=page, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Send a command and return its answer."""
        self.number += 1
        message = {"id": self.number, "method": method, "params": parameters}
        if self.session:
            message["sessionId"] = self.session
        os.write(self.sink, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._read()
            if answer.get("id") == self.number:
                assert "error" not in answer, f"{method}: {answer['error']}"
                return answer["result"]

    def open(self, address: str, *, width: int, dark: bool = False, print_: bool = False, script: bool = True) -> None:
        """Load a page at a width and wait until it is there."""
        self.call(
            "Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=width < 500
        )
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.call("Emulation.setEmulatedMedia", media="print" if print_ else "screen", features=[scheme])
        self.call("Emulation.setScriptExecutionDisabled", value=not script)
        self.complaints.clear()
        self.requests.clear()
        self.events.clear()
        self.call("Page.navigate", url=address)
        while "Page.loadEventFired" not in self.events:
            self._read()

    def ask(self, expression: str) -> Any:
        """Return what a JavaScript expression gives in the page, as plain JSON."""
        answer = self.call("Runtime.evaluate", expression=expression, returnByValue=True)
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def screenshot(self) -> bytes:
        """Return the whole page as PNG, base64."""
        return self.call("Page.captureScreenshot", format="png", captureBeyondViewport=True)["data"].encode()

    def _read(self) -> dict[str, Any]:
        """Return the next message, and note what it says of the page."""
        until = time.monotonic() + SECONDS
        while b"\0" not in self.rest:
            assert time.monotonic() < until, "Chromium does not answer"
            try:
                self.rest += os.read(self.source, 1 << 20)
            except BlockingIOError:
                time.sleep(0.005)
        line, _, self.rest = self.rest.partition(b"\0")
        message = json.loads(line)
        self._note(message.get("method", ""), message.get("params", {}))
        return message

    def _note(self, method: str, found: dict[str, Any]) -> None:
        self.events.append(method)
        if method == "Network.requestWillBeSent":
            self.requests.append(found["request"]["url"])
        elif method == "Log.entryAdded":
            self.complaints.append(found["entry"]["text"])
        elif method == "Runtime.consoleAPICalled":
            self.complaints.append(f"console.{found['type']}")
        elif method == "Runtime.exceptionThrown":
            self.complaints.append(found["exceptionDetails"]["text"])
