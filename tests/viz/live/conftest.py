"""A page of Chromium, with the network off, for what runs in it."""

import json

import pytest

from pcnnlib.viz.live import component


@pytest.fixture(scope="module")
def window(browser):
    """A page that the tests of a module share, which takes time to open; and its complaints."""
    found = []
    context = browser.chromium.new_context(offline=True, has_touch=True)
    page = context.new_page()
    page.set_default_timeout(20_000)
    page.on("pageerror", lambda error: found.append(str(error)))
    page.on("console", lambda m: found.append(m.text) if m.type == "error" else None)
    page.on("request", lambda r: r.url.startswith(("file:", "blob:")) or found.append(r.url))
    yield page, found
    context.close()


@pytest.fixture
def page(window):
    """A page as it is at first. An error, or a request that leaves the page, fails the test."""
    page, complaints = window
    complaints.clear()
    page.set_viewport_size({"width": 1280, "height": 720})
    page.emulate_media(color_scheme="light", reduced_motion="no-preference")
    yield page
    page.evaluate("1")  # what Chromium has reported until now arrives before the answer
    assert complaints == []


@pytest.fixture
def engine(page):
    """Function `(model, body, **arguments)` that runs JavaScript with a packed model's network."""
    page.evaluate(
        "script => window.pcnn || (0, eval)(script + 'window.pcnn = pcnn;')", component.engine()
    )

    def run(packed, body, **arguments):
        network = "null" if packed is None else "new pcnn.Network(JSON.parse(packed))"
        return page.evaluate(
            f"([packed, a]) => {{ const net = {network}; {body} }}",
            [json.dumps(packed), arguments],
        )

    return run
