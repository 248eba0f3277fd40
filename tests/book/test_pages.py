"""No request leaves a page, and what should move on it moves."""

import re
import struct

import pytest

import browser as chromium
import build
import pages
from execute import BookError

QUIET = '<a href="https://arxiv.org/abs/1601.06759"><img src="a.png" alt="a mask"></a>'


@pytest.mark.parametrize(
    "leak",
    [
        '<script src="https://cdn.example/require.js"></script>',
        '<link rel="stylesheet" href="//cdn.example/fonts.css">',
        '<img src="http://example.org/x.png" alt="x">',
        '<p style="background: url(https://example.org/x.png)">',
        '<style>@import "https://example.org/x.css";</style>',
        '<script>fetch("https://example.org/data.json")</script>',
        '<script>import("https://cdn.example/m.mjs")</script>',
        '<iframe src="https://example.org"></iframe>',
    ],
)
def test_anything_fetched_from_elsewhere_is_found(tmp_path, leak):
    (tmp_path / "page.html").write_text(QUIET)
    assert pages.problems(tmp_path) == []
    (tmp_path / "page.html").write_text(QUIET + leak)
    assert [line for line in pages.problems(tmp_path) if "would fetch" in line]


def test_remote_style_sheet_parts_are_found(tmp_path):
    (tmp_path / "page.css").write_text("a { src: url('https://example.org/a.woff2') }")
    assert pages.problems(tmp_path) == ["page.css would fetch https://example.org/a.woff2"]


@pytest.mark.parametrize("image", ['<img src="a.png">', '<img src="a.png" alt="../_images/a.png">'])
def test_figure_without_words_is_found(tmp_path, image):
    (tmp_path / "page.html").write_text(image)
    assert pages.problems(tmp_path) == ["page.html shows a.png without alt text"]


def test_built_pages_are_sound(book):
    html = book / "_build" / "html"
    assert pages.problems(html) == []
    page = pages.read(html / "notebooks" / "01_toy.html")
    assert page.images == 1  # the check saw the figure


def test_built_pages_load_no_live_code_and_no_widget_manager(book):
    for path in (book / "_build" / "html").rglob("*.html"):
        text = path.read_text(encoding="utf-8")
        scripts = re.findall(r"<script[^>]*>", text)
        assert not [tag for tag in scripts if re.search(r"thebe|require|html-manager", tag)]


def test_buttons_are_absent_without_an_address(book):
    text = (book / "_build" / "html" / "notebooks" / "01_toy.html").read_text(encoding="utf-8")
    assert "colab" not in text.lower()
    assert "github.com" not in text


def test_unsound_pages_are_an_error(tmp_path, capsys):
    (tmp_path / "page.html").write_text('<script src="https://cdn.example/x.js"></script>')
    with pytest.raises(BookError, match="not sound: 1 problems"):
        build.check(tmp_path)
    assert "https://cdn.example/x.js" in capsys.readouterr().err


@pytest.mark.browser
class TestInChromium:
    @pytest.fixture(autouse=True)
    def opened(self, browser, book):
        self.browser, self.html = browser, book / "_build" / "html"

    def open(self, name):
        self.browser.open(self.html / name)

    def test_a_request_or_an_error_is_reported(self, tmp_path):
        leaks = '<img src="https://example.org/x.png"><script>undefinedName()</script>'
        (tmp_path / "page.html").write_text(f"<!doctype html><body>{leaks}</body>")
        self.browser.open(tmp_path / "page.html")
        text = " ".join(self.browser.complaints())
        assert "request to https://example.org/x.png" in text
        assert "ERR_NAME_NOT_RESOLVED" in text  # the network is cut off
        assert "undefinedName is not defined" in text

    @pytest.mark.parametrize("name", ["book/index.html", "notebooks/01_toy.html", "search.html"])
    def test_page_loads_without_complaint(self, name):
        self.open(name)
        assert self.browser.complaints() == []

    def test_mathematics_is_drawn(self):
        self.open("notebooks/01_toy.html")
        drawn = "document.querySelector('mjx-container').getBoundingClientRect().width"
        assert self.browser.evaluate(drawn) > 50
        assert self.browser.evaluate("document.fonts.check('16px MJXTEX-I')")
        assert self.browser.evaluate("document.querySelectorAll('mjx-merror').length") == 0

    def test_explorer_moves_without_a_kernel(self):
        self.open("notebooks/01_toy.html")
        assert self.browser.evaluate("document.querySelector('.toy output').value") == "0"
        self.browser.evaluate(
            "const s = document.querySelector('.toy input'); s.value = 3;"
            "s.dispatchEvent(new Event('input', {bubbles: true}))"
        )
        assert self.browser.evaluate("document.querySelector('.toy output').value") == "9"

    def test_search_finds_a_word(self):
        self.browser.open(self.html / "search.html", query="?q=toy")
        self.browser.wait("document.querySelectorAll('#search-results li').length > 0")
        assert self.browser.complaints() == []

    def test_light_and_dark_theme_differ(self, tmp_path):
        colours = {}
        for theme in ("light", "dark"):
            self.browser.theme(theme)
            self.open("notebooks/01_toy.html")
            body = "getComputedStyle(document.body).backgroundColor"
            colours[theme] = sum(map(int, re.findall(r"\d+", self.browser.evaluate(body))[:3]))
            shot = tmp_path / f"{theme}.png"
            self.browser.screenshot(shot, width=1000, height=700)
            assert struct.unpack(">II", shot.read_bytes()[16:24]) == (1000, 700)
        assert colours["dark"] < 200 < 600 < colours["light"]


def test_chromium_can_be_named(monkeypatch):
    monkeypatch.setenv("CHROMIUM", "no-such-browser")
    assert chromium.find_chromium() is None
