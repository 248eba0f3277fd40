"""Models that draw on pages of the book: their scripts, their errors, their drawing."""

import re

import keras
import pytest
from sphinx.application import Sphinx

import live_model
import pcnnlib as pcnn

PAGE = """\
Page
====

.. live-model:: {run}
   :controls: brush, speed, bits

.. raw:: html
   :file: cell.html
"""


def build(folder, run="mnist", cell="<p>no cell</p>"):
    """Builds two pages, one of them in a folder; returns the folder of the HTML."""
    source = folder / "source"
    (source / "part").mkdir(parents=True)
    (source / "part" / "page.rst").write_text(PAGE.format(run=run))
    (source / "part" / "cell.html").write_text(cell)
    (source / "index.rst").write_text("Index\n=====\n\n.. toctree::\n\n   part/page\n")
    app = Sphinx(
        source,
        None,
        folder / "html",
        folder / "doctrees",
        "html",
        confoverrides={"extensions": ["live_model"], "html_theme": "basic"},
        status=None,
        warning=None,
    )
    app.build()
    return folder / "html"


@pytest.mark.browser
def test_a_page_of_the_book_draws_without_a_network(tmp_path, browser):
    keras.utils.set_random_seed(0)
    small = pcnn.GatedPixelCNN((4, 4, 1), filters=4, blocks=2)
    shown = pcnn.live(small, controls=["speed"])
    html = build(tmp_path, cell=shown.html() + shown.html())
    scripts = sorted((html / "_static" / "live").iterdir(), key=lambda path: path.stat().st_size)
    # The two of the cell share one; the published model has another.
    assert [path.stem == shown.weights_name for path in scripts] == [True, False]
    assert 300_000 < scripts[1].stat().st_size < 700_000
    page = html / "part" / "page.html"
    for script in scripts:
        weights = re.search(r'= "([^"]*)"', script.read_text("utf-8"))[1]
        assert len(weights) > 500 and weights[:500] not in page.read_text("utf-8")
    browser.open(page)
    assert browser.evaluate("typeof window.pcnnWeights") == "undefined"  # not touched yet
    published, _, cell = browser.page.locator(".pcnn-live").all()
    for component, loaded in [(published, 1), (cell, 2)]:
        component.locator(".options label", has_text="At once").click()
        component.get_by_role("button", name="Draw", exact=True).click()
        browser.page.wait_for_selector(f"#{component.get_attribute('id')}[data-seconds]")
        assert browser.evaluate("Object.keys(window.pcnnWeights).length") == loaded
        assert component.locator(".status").inner_text().startswith("Done: ")
    assert browser.page.get_by_label("Temperature").count() == 0  # a control not asked for
    assert browser.complaints() == []


def test_an_unknown_run_is_an_error_of_the_page(tmp_path, monkeypatch):
    monkeypatch.setattr(live_model.LiveModel, "error", lambda self, message: ValueError(message))
    with pytest.raises(ValueError, match="live-model: run must be one of "):
        build(tmp_path, run="nope")


def test_names_of_controls_are_a_list():
    assert live_model.names("brush, speed,bits ,") == ["brush", "speed", "bits"]
    assert set(live_model.names("brush, bits")) <= set(pcnn.viz.live.component.CONTROLS)
