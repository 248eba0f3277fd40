"""A page of Chromium, with the network off, for what runs in it."""

import json
import pathlib

import pytest

import pcnnlib.viz.live

FOLDER = pathlib.Path(pcnnlib.viz.live.__file__).parent


@pytest.fixture
def page(browser):
    """A page of its own. An error, or a request that leaves the page, fails the test."""
    complaints = []
    context = browser.chromium.new_context(offline=True, has_touch=True)
    page = context.new_page()
    page.set_default_timeout(20_000)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda m: complaints.append(m.text) if m.type == "error" else None)
    page.on("request", lambda r: r.url.startswith(("file:", "blob:")) or complaints.append(r.url))
    page.complaints = complaints
    yield page
    context.close()
    assert complaints == []


@pytest.fixture
def engine(page):
    """Function `(model, body, **arguments)` that runs JavaScript with a packed model's network."""
    scripts = [(FOLDER / name).read_text("utf-8") for name in ("engine.js", "noise.js")]
    page.evaluate("scripts => scripts.forEach(s => (0, eval)(s))", scripts)
    page.evaluate("() => { pcnnEngine(window); pcnnNoise(window); }")

    def run(packed, body, **arguments):
        network = "null" if packed is None else "new pcnn.Network(JSON.parse(packed))"
        return page.evaluate(
            f"([packed, a]) => {{ const net = {network}; {body} }}",
            [json.dumps(packed), arguments],
        )

    return run
