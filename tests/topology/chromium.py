"""A real browser without a window, driven through the DevTools protocol: JSON over two pipes, without any library.

The protocol: https://chromedevtools.github.io/devtools-protocol/. What is sent to descriptor 3 of the browser ends
with a NUL, and so does what comes from its descriptor 4.
"""

from __future__ import annotations

import base64
import json
import os
import selectors
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from types import TracebackType
from typing import Any

import pytest

__all__ = ["Browser", "Page", "browser"]

_PROGRAMS = ("chromium", "chromium-browser", "google-chrome", "chrome")
_TIMEOUT = 20.0
# The descriptors have to be 3 and 4.
_START = (
    "import os, sys; os.dup2(int(sys.argv[1]), 3); os.dup2(int(sys.argv[2]), 4); os.execv(sys.argv[3], sys.argv[3:])"
)
_ARGUMENTS = (
    "--headless",
    "--remote-debugging-pipe",
    "--no-first-run",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-extensions",
    "--disable-sync",
    "--hide-scrollbars",
    "--mute-audio",
    "--no-proxy-server",
    "--window-size=1000,800",
)
_KEYS = {
    "Enter": 13,
    "Escape": 27,
    "ArrowLeft": 37,
    "ArrowUp": 38,
    "ArrowRight": 39,
    "ArrowDown": 40,
    "Tab": 9,
}


def browser() -> Browser:
    """A browser to be used in a ``with``; without one on this machine the test is skipped."""
    program = next(filter(None, map(shutil.which, _PROGRAMS)), None)
    if program is None:
        pytest.skip("there is no Chromium here to look at pages with: install chromium and fonts-dejavu-core")
    return Browser(program)


class Browser:
    """The process, and the exchange of messages with it."""

    def __init__(self, program: str) -> None:
        self._directory = tempfile.mkdtemp(prefix="ovnkit-chromium-")
        theirs_in, self._out = os.pipe()
        self._in, theirs_out = os.pipe()
        # Above 4, so that neither is in the way of the other.
        high = [_above(descriptor) for descriptor in (theirs_in, theirs_out)]
        # As root it has to do without a sandbox.
        sandbox = ("--no-sandbox",) if os.geteuid() == 0 else ()
        self._process = subprocess.Popen(
            [
                *(sys.executable, "-c", _START, *map(str, high), program, *_ARGUMENTS, *sandbox),
                f"--user-data-dir={self._directory}",
                "about:blank",
            ],
            pass_fds=high,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "TZ": "UTC", "LANG": "C.UTF-8"},
            start_new_session=True,
        )
        for descriptor in high:
            os.close(descriptor)
        self._rest = b""
        self._number = 0
        self._answers: dict[int, dict[str, Any]] = {}
        self._pages: dict[str, Page] = {}

    def __enter__(self) -> Browser:
        return self

    def __exit__(self, kind: type[BaseException] | None, exc: BaseException | None, at: TracebackType | None) -> None:
        try:
            self.call("Browser.close")
            self._process.wait(10)
        finally:
            if self._process.poll() is None:
                os.killpg(self._process.pid, signal.SIGKILL)
                self._process.wait(10)
            os.close(self._in)
            os.close(self._out)
            shutil.rmtree(self._directory, ignore_errors=True)

    def page(self, *, width: int = 1000, height: int = 800, dark: bool = False, motion: bool = False) -> Page:
        """A new empty page of a size in pixels, in a system that is light or dark, and wants no motion."""
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        page = self._page(session, target)
        page.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)
        features = [
            {"name": "prefers-color-scheme", "value": "dark" if dark else "light"},
            {"name": "prefers-reduced-motion", "value": "no-preference" if motion else "reduce"},
        ]
        page.call("Emulation.setEmulatedMedia", features=features)
        return page

    def frame(self) -> Page:
        """The page in the one sandboxed frame that there is."""
        (target,) = [
            found["targetId"] for found in self.call("Target.getTargets")["targetInfos"] if found["type"] == "iframe"
        ]
        return self._page(self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"], target)

    def _page(self, session: str, target: str) -> Page:
        page = self._pages[session] = Page(self, session, target)
        for domain in ("Page", "Runtime", "Network", "Log"):
            page.call(f"{domain}.enable")
        return page

    def call(self, method: str, session: str | None = None, **params: Any) -> dict[str, Any]:
        """Send a command and wait for its answer."""
        self._number += 1
        message: dict[str, Any] = {"id": self._number, "method": method, "params": params}
        if session is not None:
            message["sessionId"] = session
        left = json.dumps(message).encode() + b"\0"
        while left:
            left = left[os.write(self._out, left) :]
        number, until = self._number, time.monotonic() + _TIMEOUT
        while number not in self._answers:
            self.receive(until, method)
        answer = self._answers.pop(number)
        if "error" in answer:
            raise AssertionError(f"{method}: {answer['error']}")
        found: dict[str, Any] = answer["result"]
        return found

    def receive(self, until: float, what: str) -> None:
        """Wait for something to come, and take it in."""
        with selectors.DefaultSelector() as selector:
            selector.register(self._in, selectors.EVENT_READ)
            if not selector.select(max(until - time.monotonic(), 0)):
                raise AssertionError(f"the browser did not answer in time: {what}")
        data = os.read(self._in, 1 << 20)
        if not data:
            raise AssertionError(f"the browser has gone: {what}")
        *messages, self._rest = (self._rest + data).split(b"\0")
        for message in map(json.loads, messages):
            if "id" in message:
                self._answers[message["id"]] = message
            elif page := self._pages.get(message.get("sessionId", "")):
                page.take(message["method"], message["params"])


class Page:
    """A page: what it says, and what one does to it. ``requests`` are the addresses it asked for, besides itself."""

    def __init__(self, browser: Browser, session: str, target: str) -> None:
        self._browser = browser
        self._session = session
        self._target = target
        self._loaded = False
        self._url = ""
        self.requests: list[str] = []
        self.complaints: list[str] = []

    def call(self, method: str, **params: Any) -> dict[str, Any]:
        return self._browser.call(method, self._session, **params)

    def take(self, event: str, params: dict[str, Any]) -> None:
        if event == "Network.requestWillBeSent":
            url: str = params["request"]["url"]
            # What these name is within the page.
            if url.partition("#")[0] != self._url and not url.startswith(("blob:", "data:")):
                self.requests.append(url)
        elif event == "Runtime.consoleAPICalled" and params["type"] in ("error", "warning", "assert"):
            self.complaints.append(str([argument.get("value") for argument in params["args"]]))
        elif event == "Runtime.exceptionThrown":
            details = params["exceptionDetails"]
            self.complaints.append(str(details.get("exception", {}).get("description", details["text"])))
        elif event == "Log.entryAdded" and params["entry"]["level"] in ("error", "warning"):
            self.complaints.append(f"{params['entry']['text']} {params['entry'].get('url', '')}")
        elif event == "Page.loadEventFired":
            self._loaded = True

    def close(self) -> None:
        self._browser.call("Target.closeTarget", targetId=self._target)

    def open(self, url: str | Path) -> float:
        """Go there and wait until it is loaded and painted. Gives back how long that took, in seconds."""
        address = url.as_uri() if isinstance(url, Path) else url
        self._loaded, self._url = False, address.partition("#")[0]
        began = time.monotonic()
        self.call("Page.navigate", url=address)
        while not self._loaded:
            self._browser.receive(began + _TIMEOUT, f"to load {address}")
        self.painted()
        return time.monotonic() - began

    def painted(self) -> None:
        """Wait until what was done last is on the screen."""
        self.evaluate("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => done(true))))")

    def evaluate(self, code: str) -> Any:
        """The value of an expression, awaited if it is a promise."""
        found = self.call("Runtime.evaluate", expression=code, awaitPromise=True, returnByValue=True)
        if "exceptionDetails" in found:
            details = found["exceptionDetails"]
            raise AssertionError(details.get("exception", {}).get("description", details["text"]))
        return found["result"].get("value")

    def wait(self, condition: str) -> None:
        """Wait until an expression is true, asked with each frame."""
        self.evaluate(
            "new Promise((done, failed) => { const until = performance.now() + 10000; const ask = () => "
            f"({condition}) ? done(true) : performance.now() > until ? failed(new Error({json.dumps(condition)})) : "
            "requestAnimationFrame(ask); ask(); })"
        )

    def module(self, code: str) -> None:
        """Import an ES module; what it exports is ``imported`` then."""
        text = json.dumps(code)
        self.evaluate(
            f"import(URL.createObjectURL(new Blob([{text}], {{type: 'text/javascript'}}))).then(found => "
            "{ window.imported = found; })"
        )

    def text(self, selector: str) -> str:
        return str(self.evaluate(f"document.querySelector({json.dumps(selector)})?.textContent ?? ''"))

    def texts(self, selector: str) -> list[str]:
        found: list[str] = self.evaluate(
            f"[...document.querySelectorAll({json.dumps(selector)})].map(found => found.textContent)"
        )
        return found

    def box(self, element: str) -> dict[str, float]:
        """Where an element, given by an expression, is in the window: x, y, width, height and its middle, mx and my."""
        found: dict[str, float] = self.evaluate(
            f"(e => {{ const b = ({element}).getBoundingClientRect(); return {{x: b.x, y: b.y, width: b.width, "
            "height: b.height, mx: b.x + b.width / 2, my: b.y + b.height / 2}; })()"
        )
        return found

    def pointer(self, kind: str, x: float, y: float, **params: Any) -> None:
        pressed = 0 if kind in ("mouseMoved", "mouseWheel") and "buttons" not in params else 1
        given = {"button": "left" if pressed else "none", "buttons": pressed, "clickCount": 1, **params}
        self.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, **given)

    def click(self, element: str) -> None:
        """Click in the middle of an element that is given by an expression."""
        at = self.box(element)
        for kind in ("mousePressed", "mouseReleased"):
            self.pointer(kind, at["mx"], at["my"])
        self.painted()

    def drag(self, x: float, y: float, dx: float, dy: float) -> None:
        self.pointer("mousePressed", x, y)
        for part in (0.1, 0.5, 1):
            self.pointer("mouseMoved", x + dx * part, y + dy * part, button="left", buttons=1)
        self.pointer("mouseReleased", x + dx, y + dy)
        self.painted()

    def pinch(self, x: float, y: float, *, apart: float, then: float) -> None:
        """Two fingers around a point, so many pixels apart at first and then."""
        for kind, distance in (("touchStart", apart), ("touchMove", (apart + then) / 2), ("touchMove", then)):
            points = [{"x": x + sign * distance / 2, "y": y, "id": number} for number, sign in enumerate((-1, 1))]
            self.call("Input.dispatchTouchEvent", type=kind, touchPoints=points)
        self.call("Input.dispatchTouchEvent", type="touchEnd", touchPoints=[])
        self.painted()

    def key(self, name: str, *, shift: bool = False) -> None:
        code = _KEYS.get(name, ord(name[0].upper()))
        text = {"Enter": "\r"}.get(name, name if len(name) == 1 else "")
        given: dict[str, Any] = {"key": name, "windowsVirtualKeyCode": code, "modifiers": 8 if shift else 0}
        self.call("Input.dispatchKeyEvent", type="keyDown", text=text, **given)
        self.call("Input.dispatchKeyEvent", type="keyUp", **given)
        self.painted()

    def type(self, text: str) -> None:
        self.call("Input.insertText", text=text)
        self.painted()

    def screenshot(self, path: Path) -> None:
        path.write_bytes(base64.b64decode(self.call("Page.captureScreenshot", format="png")["data"]))


def _above(descriptor: int) -> int:
    """The same pipe under a number that is not 3 or 4."""
    import fcntl

    found = fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, 10)
    os.close(descriptor)
    return found
