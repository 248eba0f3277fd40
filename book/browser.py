"""Opens pages in headless Chromium, with the network cut off.

Playwright drives the system's Chromium; it downloads no browser. Pages are opened from the disk
(file://), as a reader opens them. Chromium is started with a name resolver that knows no host, so
a request that leaves the page fails and is reported.
"""

import atexit
import functools
import os
import shutil
from pathlib import Path

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
FLAGS = (
    "--disable-gpu",
    "--disable-quic",
    "--no-proxy-server",  # a proxy would resolve names by itself
    "--host-resolver-rules=MAP * ~NOTFOUND",
)
LOCAL = ("file:", "data:", "blob:", "about:")
MATHEMATICS_IS_DRAWN = "!window.MathJax || MathJax.startup?.promise?.then(() => true)"
PHONE = 420  # pixels, the width of a phone's screen
# The page itself, or the parts of it that stick out and have nothing around them that scrolls.
TOO_WIDE = """width => {
  if (document.documentElement.scrollWidth <= width) return [];
  const scrolls = e => e && e !== document.body &&
    (getComputedStyle(e).overflowX !== "visible" || scrolls(e.parentElement));
  return [...document.querySelectorAll("body *")]
    .filter(e => e.getBoundingClientRect().right > width + 1 && !scrolls(e.parentElement))
    .map(e => `<${e.localName} class="${e.getAttribute("class") ?? ""}">`);
}"""
BROKEN_FORMULAS = "mjx-merror, .math:not(:has(mjx-container))"


def find_chromium():
    """Returns the path of a Chromium program, or None. The variable CHROMIUM names another one."""
    if os.environ.get("CHROMIUM"):
        return shutil.which(os.environ["CHROMIUM"])
    return next(filter(None, map(shutil.which, NAMES)), None)


class BrowserError(Exception):
    """Chromium does not start; the message is one line."""


@functools.cache
def start_playwright():
    """Starts Playwright. A thread can have one Playwright only, so all browsers share it."""
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        raise BrowserError("playwright is not installed") from None
    playwright = sync_playwright().start()
    atexit.register(playwright.stop)
    return playwright


def first_line(error):
    return str(error).strip().splitlines()[0]


class Browser:
    """One Chromium with one page.

    with Browser() as browser:
        browser.open(path)
        browser.evaluate("document.title")

    `page` is Playwright's own object, for everything else.
    """

    def __init__(self, program=None):
        playwright = start_playwright()
        from playwright.sync_api import Error

        try:
            self.chromium = playwright.chromium.launch(
                executable_path=program or find_chromium(), args=FLAGS
            )
            self.page = self.chromium.new_page(viewport={"width": 1280, "height": 900})
        except Error as error:
            raise BrowserError(f"Chromium: {first_line(error)}") from None
        self.evaluate = self.page.evaluate
        self.found = []
        self.page.on("pageerror", self._keep_exception)
        self.page.on("console", self._keep_console_message)
        self.page.on("request", self._keep_remote_request)
        self.page.on("requestfailed", self._keep_failed_request)

    def _keep_exception(self, error):
        self.found.append(f"exception: {error.message.splitlines()[0]}")

    def _keep_console_message(self, message):
        if message.type in ("error", "assert"):
            self.found.append(f"console error: {message.text} {message.location['url']}".strip())

    def _keep_remote_request(self, request):
        if not request.url.startswith(LOCAL):
            self.found.append(f"request to {request.url}")

    def _keep_failed_request(self, request):
        if request.failure != "net::ERR_ABORTED":  # the page itself has given the request up
            self.found.append(f"failed to load {request.url}: {request.failure}")

    def open(self, path, query="", settle=0.3):
        """Loads a page and waits until its scripts and its mathematics are done."""
        self.found.clear()
        self.page.goto(Path(path).resolve().as_uri() + query)
        self.page.wait_for_function(MATHEMATICS_IS_DRAWN)
        self.page.wait_for_timeout(1000 * settle)
        # The page may lead on to another one meanwhile, as the book's index.html does.
        self.page.wait_for_load_state()
        self.page.wait_for_function(MATHEMATICS_IS_DRAWN)

    def too_wide(self, width=PHONE):
        """What makes the page scroll sideways on a screen of so many pixels; [] if nothing."""
        size = self.page.viewport_size
        self.page.set_viewport_size({"width": width, "height": size["height"]})
        try:
            scrolls = self.evaluate("document.documentElement.scrollWidth") > width
            return (self.evaluate(TOO_WIDE, width) or ["something"]) if scrolls else []
        finally:
            self.page.set_viewport_size(size)

    def complaints(self):
        """Console errors, exceptions, and requests that left the page or failed, since `open`."""
        self.evaluate("1")  # what Chromium has reported until now arrives before the answer
        return list(self.found)

    def close(self):
        self.chromium.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def complaints_of_pages(html):
    """Opens every page under `html`; returns one line for each complaint."""
    found = []
    with Browser() as browser:
        from playwright.sync_api import Error

        for path in sorted(html.rglob("*.html")):
            name = path.relative_to(html).as_posix()
            if name.startswith("_"):
                continue  # parts of themes and vendored code, not pages
            try:
                browser.open(path)
                complaints = browser.complaints()
                broken = browser.page.locator(BROKEN_FORMULAS).count()
                if broken:
                    complaints.append(f"{broken} formulas are not rendered")
                if wide := browser.too_wide():
                    complaints.append(f"scrolls sideways at {PHONE} pixels because of {wide[0]}")
            except Error as error:  # such as a page that does not end loading
                complaints = [first_line(error)]
            found += [f"{name}: {complaint}" for complaint in complaints]
    return found
