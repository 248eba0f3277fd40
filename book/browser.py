"""Drives headless Chromium over its DevTools protocol, with the network cut off.

Pages are opened from disk (file://), as a reader would open them. Chromium's name resolver is
told to know no host, so that a request that leaves the page fails, and is reported.
"""

import base64
import json
import os
import shutil
import subprocess
import tempfile
import time
import urllib.request
from pathlib import Path

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-extensions",
    "--no-first-run",
    "--no-default-browser-check",
    "--hide-scrollbars",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
    "--remote-debugging-port=0",
    "--remote-allow-origins=*",
    "--window-size=1280,900",
)


def find_chromium():
    """The path of a Chromium that can be driven, or None. CHROMIUM names one explicitly."""
    if os.environ.get("CHROMIUM"):
        return shutil.which(os.environ["CHROMIUM"])
    return next(filter(None, map(shutil.which, NAMES)), None)


class BrowserError(Exception):
    """Chromium cannot be driven, or refuses what it is told."""


class Browser:
    """with Browser() as browser: browser.open(path); browser.evaluate("document.title")"""

    def __init__(self, program=None, start_seconds=60):
        import websocket

        self.folder = tempfile.mkdtemp(prefix="pcnnlib-chromium-")
        self.process = subprocess.Popen(
            [program or find_chromium(), *FLAGS, f"--user-data-dir={self.folder}", "about:blank"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            port = self._port(start_seconds)
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/json", timeout=30) as reply:
                tabs = json.load(reply)
            address = next(tab["webSocketDebuggerUrl"] for tab in tabs if tab["type"] == "page")
            self.socket = websocket.create_connection(address, timeout=60, max_size=None)
        except Exception as error:
            self.close()
            raise BrowserError(" ".join(str(error).split())) from error
        self.number, self.events = 0, []
        for domain in ("Page", "Runtime", "Network", "Log"):
            self.call(f"{domain}.enable")

    def _port(self, seconds):
        file, end = Path(self.folder) / "DevToolsActivePort", time.monotonic() + seconds
        while time.monotonic() < end:
            if file.is_file() and file.read_text().strip():
                return file.read_text().split()[0]
            if self.process.poll() is not None:
                raise BrowserError(f"Chromium stopped at once, status {self.process.returncode}")
            time.sleep(0.1)
        raise BrowserError(f"Chromium did not start in {seconds} s")

    def call(self, method, **parameters):
        self.number += 1
        self.socket.send(json.dumps({"id": self.number, "method": method, "params": parameters}))
        while True:
            message = json.loads(self.socket.recv())
            if message.get("id") == self.number:
                if "error" in message:
                    raise BrowserError(f"{method}: {message['error']['message']}")
                return message["result"]
            self.events.append(message)

    def open(self, path, query="", settle=0.3):
        """Loads a page and waits until it and its mathematics stand still."""
        self.events.clear()
        self.call("Page.navigate", url=Path(path).resolve().as_uri() + query)
        self.wait("document.readyState === 'complete'")
        still = "!window.MathJax || MathJax.startup?.promise?.then(() => true)"
        try:
            self.evaluate(still)
        except BrowserError:  # the page has led on to another, as the book's index.html does
            self.wait("document.readyState === 'complete'")
            self.evaluate(still)
        time.sleep(settle)
        self.evaluate("1")  # collects what has been reported meanwhile

    def evaluate(self, expression):
        result = self.call(
            "Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True
        )
        if "exceptionDetails" in result:
            details = result["exceptionDetails"]
            raise BrowserError(details.get("exception", {}).get("description", details["text"]))
        return result["result"].get("value")

    def wait(self, expression, seconds=30):
        end = time.monotonic() + seconds
        while not self.evaluate(expression):
            if time.monotonic() > end:
                raise BrowserError(f"waited {seconds} s in vain for: {expression}")
            time.sleep(0.05)

    def theme(self, name):
        """'light' or 'dark', as the reader's system would ask for it."""
        feature = {"name": "prefers-color-scheme", "value": name}
        self.call("Emulation.setEmulatedMedia", features=[feature])

    def screenshot(self, path, width=1280, height=900, whole=False):
        if whole:
            height = self.evaluate("document.documentElement.scrollHeight")
        self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=int(height),
            deviceScaleFactor=1,
            mobile=False,
        )
        time.sleep(0.3)
        data = self.call("Page.captureScreenshot", format="png")["data"]
        Path(path).write_bytes(base64.b64decode(data))

    def complaints(self):
        """Console errors, exceptions, and requests that left the page or failed, since `open`."""
        found, addresses = [], {}
        for event in self.events:
            kind, data = event.get("method"), event.get("params", {})
            if kind == "Runtime.exceptionThrown":
                details = data["exceptionDetails"]
                text = details.get("exception", {}).get("description") or details["text"]
                found.append(f"exception: {text.splitlines()[0]}")
            elif kind == "Runtime.consoleAPICalled" and data["type"] in ("error", "assert"):
                words = [str(x.get("value", x.get("description", ""))) for x in data["args"]]
                found.append(f"console error: {' '.join(words)}")
            elif kind == "Log.entryAdded" and data["entry"]["level"] == "error":
                entry = data["entry"]
                found.append(f"log: {entry['text']} {entry.get('url', '')}".strip())
            elif kind == "Network.requestWillBeSent":
                address = data["request"]["url"]
                addresses[data["requestId"]] = address
                if not address.startswith(("file:", "data:", "blob:", "about:")):
                    found.append(f"request to {address}")
            elif kind == "Network.loadingFailed" and not data.get("canceled"):
                address = addresses.get(data["requestId"], "?")
                found.append(f"failed to load {address}: {data['errorText']}")
        return found

    def close(self):
        if getattr(self, "socket", None):
            self.socket.close()
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def complaints_of_pages(html):
    """Opens every page under `html`; one line for each complaint."""
    found = []
    with Browser() as browser:
        for path in sorted(html.rglob("*.html")):
            name = path.relative_to(html).as_posix()
            if not name.startswith("_"):
                browser.open(path)
                found += [f"{name}: {complaint}" for complaint in browser.complaints()]
                broken = browser.evaluate(
                    "document.querySelectorAll('mjx-merror, .math:not(:has(mjx-container))').length"
                )
                if broken:
                    found.append(f"{name}: {broken} formulas are not rendered")
    return found
