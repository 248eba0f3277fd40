"""The directive that shows a published model: its script, its address, its errors, its drawing."""

import re

import pytest
from sphinx.application import Sphinx

import live_model
import pcnnlib as pcnn

PAGE = """\
Page
====

.. live-model:: {run}
   :controls: brush, speed, bits
"""


def build(folder, run="mnist"):
    """Builds two pages, one of them in a folder; returns the folder of the HTML."""
    source = folder / "source"
    (source / "part").mkdir(parents=True)
    (source / "part" / "page.rst").write_text(PAGE.format(run=run))
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
    return folder / "html", app


@pytest.mark.browser
def test_a_page_of_the_book_draws_without_a_network(tmp_path, browser):
    html, app = build(tmp_path)
    script = html / "_static" / "live" / "mnist.js"
    assert script.stat().st_size < 700_000
    page = html / "part" / "page.html"
    weights = re.search(r"[A-Za-z0-9+/]{1000}", script.read_text("utf-8"))[0]
    assert weights not in page.read_text("utf-8")
    browser.open(page)
    assert browser.evaluate("typeof window.pcnnWeights") == "undefined"  # not touched yet
    browser.page.locator(".options label", has_text="At once").click()
    browser.page.get_by_role("button", name="Draw", exact=True).click()
    browser.page.wait_for_selector("[data-seconds]", timeout=20_000)
    assert browser.evaluate("Object.keys(window.pcnnWeights).length") == 1
    assert browser.page.locator(".status").inner_text().startswith("Done: ")
    assert browser.page.get_by_label("Temperature").count() == 0  # a control not asked for
    assert browser.complaints() == []
    # A page that is not built again keeps its script; one that is gone loses it.
    assert set(live_model.scripts_of(app.env)["part/page"]) == {"_static/live/mnist.js"}
    live_model.forget(app, app.env, "part/page")
    assert live_model.scripts_of(app.env) == {}


def test_an_unknown_run_is_an_error_of_the_page(tmp_path, monkeypatch):
    monkeypatch.setattr(live_model.LiveModel, "error", lambda self, message: ValueError(message))
    with pytest.raises(ValueError, match="live-model: run must be one of "):
        build(tmp_path, run="nope")


def test_names_of_controls_are_a_list():
    assert live_model.names("brush, speed,bits ,") == ["brush", "speed", "bits"]
    assert set(live_model.names("brush, bits")) <= set(pcnn.viz.live.component.CONTROLS)
