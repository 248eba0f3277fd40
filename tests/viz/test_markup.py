"""Names, numbers and captions are text in a page, whatever characters they have."""

import numpy as np
import pytest
from support import random_images

from pcnnlib import UsageError
from pcnnlib.viz import explorers, markup, notebook, plots

pytestmark = pytest.mark.robustness

HOSTILE = [
    '"><svg/onload=window.hit=1>',
    "'><img src=x onerror=window.hit=1>",
    "<!--<script>",
    "</script><script>window.hit=1</script>",
    "</style></figure><script>window.hit=1</script>",
    "\" onmouseover=window.hit=1 a='",
    "' autofocus onfocus=window.hit=1 a=\"",
    "`${window.hit=1}`",
    "\\u003cscript>window.hit=1</script>",
    "&lt;b&gt; &amp; &quot;",
    "\u2028<\u2029>",
    "]]><![CDATA[ --> <textarea><plaintext>",
    "__proto__",
    "constructor",
]


def picture(name):
    return plots.image_grid({name: random_images(2, (4, 4, 1), 2)}, 2)


def drawn(name):
    images = np.zeros((2, 1, 1, 3, 3, 1), "uint8")
    points = {"points": [[0, 0]], "labels": [3]}
    return explorers.image_explorer(images, 2, {name: [name, "b"], f"2 {name}": [name]}, **points)


@pytest.fixture(scope="module")
def field():
    return explorers.receptive_field_explorer(size=3, kernel_sizes=(3,), layers=(2,), at=(1, 1))


@pytest.fixture
def displayed(monkeypatch):
    """Function that calls a notebook's helper and returns the HTML that it shows."""

    def displayed(helper, *args):
        shown = []
        monkeypatch.setattr(notebook, "display", lambda data, **_: shown.append(data["text/html"]))
        helper(*args)
        return shown[0]

    return displayed


@pytest.fixture
def opened(browser, tmp_path):
    """Function that opens parts of a page, and fails if one has done more than to be shown."""

    def opened(*parts):
        ends = [f'{part}<p class="end">{k}</p>' for k, part in enumerate(parts)]
        file = tmp_path / "page.html"
        text = '<!doctype html><meta charset="utf-8"><body>' + "".join(ends)
        file.write_text(text, encoding="utf-8")
        browser.open(file, settle=0.1)
        browser.evaluate(
            "document.querySelectorAll('*').forEach(e => ['mouseover', 'focus', 'load', 'error']"
            ".forEach(kind => e.dispatchEvent(new Event(kind))))"
        )
        assert browser.evaluate("window.hit") is None
        assert browser.complaints() == []
        # None has swallowed what comes after it.
        assert browser.page.locator("body > .end").count() == len(parts)
        attributes = "[...document.querySelectorAll('*')].flatMap(e => e.getAttributeNames())"
        assert not [name for name in browser.evaluate(attributes) if name.startswith("on")]
        return browser.page

    return opened


def normal(texts):
    return [" ".join(text.split()) for text in texts]


@pytest.mark.browser
def test_figures_and_animations_show_their_words_as_text(displayed, opened):
    animation = plots.animate(random_images(1, (2, 2, 1), 2), 2, width=20, every=4)
    parts = [displayed(notebook.show, animation, name, name) for name in HOSTILE]
    page = opened(*parts)
    assert page.locator("img").evaluate_all("all => all.map(e => e.alt)") == HOSTILE
    captions = page.locator("figcaption")
    # Text between backquotes is code, without them.
    expected = normal(name.replace("`", "") for name in HOSTILE)
    assert normal(captions.all_text_contents()) == expected
    assert page.locator("figcaption *").evaluate_all("all => all.map(e => e.tagName)") == ["CODE"]

    figure = picture("plain")
    parts = [displayed(notebook.show, figure, name, name) for name in HOSTILE]
    page = opened(*parts)
    labels = page.locator("figure > .pcnn-drawn > svg").evaluate_all(
        "all => all.map(e => e.ariaLabel)"
    )
    assert labels == HOSTILE
    assert normal(page.locator("figcaption").all_text_contents()) == expected


@pytest.mark.browser
def test_names_within_figures_are_drawn(opened):
    figures = [picture(name) for name in HOSTILE]
    opened(*(figure.svg() for figure in figures))


@pytest.mark.browser
def test_tables_show_their_words_as_text(displayed, opened):
    address = "https://example.org/?a='&b=\"&c=<svg/onload=window.hit=1>"
    parts = [
        displayed(notebook.table, [name, "n"], [[name, (name, address)], ["*", name, 1]], name)
        for name in HOSTILE
    ]
    page = opened(*parts)
    assert page.locator("th:first-child").all_text_contents() == HOSTILE
    assert page.locator("tr > td:first-child").all_text_contents() == [
        name for name in HOSTILE for _ in range(2)
    ]
    links = page.locator("a")
    assert links.all_text_contents() == HOSTILE
    hrefs = links.evaluate_all("all => all.map(a => a.getAttribute('href'))")
    assert hrefs == [address] * len(HOSTILE)
    assert page.locator("figcaption").all_text_contents() == HOSTILE


@pytest.mark.browser
def test_explorers_show_their_words_as_text(opened):
    parts = [drawn(name).html() for name in HOSTILE]
    page = opened(*parts)
    names = [part for name in HOSTILE for part in (name, f"2 {name}")]
    assert page.locator(".controls span").all_text_contents() == names
    for k in range(len(HOSTILE)):
        page.locator(".map").nth(k).evaluate("m => m.dispatchEvent(new MouseEvent('click'))")
        page.locator(".controls input").nth(2 * k).press("Home")
    outputs = page.locator("output").evaluate_all("all => all.map(e => e.value)")
    assert outputs == [name for name in HOSTILE for _ in range(2)]
    labels = page.locator("canvas").evaluate_all("all => all.map(e => e.ariaLabel)")
    assert labels == [f"1 drawn images: {n} {n}, 2 {n} {n}" for n in HOSTILE]


@pytest.mark.browser
def test_no_part_of_an_explorers_data_is_markup(field, opened):
    parts = []
    for name in HOSTILE:
        roles = {role: [name, name] for role in field.data["roles"]}
        field.data = field.data | {"roles": roles}
        images = drawn("a")
        images.data = images.data | {"points": [(0, 0, name, name)]}
        parts += [field.html(), images.html()]
    page = opened(*parts)
    every = [name for name in HOSTILE for _ in roles]
    assert page.locator(".key > span").all_text_contents() == every
    fills = "all => all.map(e => e.getAttribute('fill'))"
    assert page.locator(".key rect").evaluate_all(fills) == every
    assert page.locator(".map text").all_text_contents() == HOSTILE
    assert page.locator(".map text").evaluate_all(fills) == HOSTILE


@pytest.mark.parametrize(
    "url",
    ["javascript:alert(1)", "java\nscript:alert(1)", " javascript:x", "data:text/html,x", "", None],
)
def test_an_address_that_a_click_would_run_is_refused(url):
    with pytest.raises(UsageError, match="url must be a web address or a path without spaces"):
        markup.link("paper", url)


@pytest.mark.parametrize("url", ["https://a.org/x_(y)?a=1&b=2#c", "07_colour.ipynb#idea", "../x"])
def test_addresses_of_the_web_and_of_the_book_are_links(url):
    assert markup.link("a", url) == f'<a href="{url.replace("&", "&amp;")}">a</a>'
