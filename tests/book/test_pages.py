"""No request leaves a page, and what should move on it moves."""

import re
import sys

import nbformat
import pytest

import browser as chromium
import build
import pages
from guard import BookError

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


@pytest.mark.parametrize(
    "link", ["lost.html", "../page.html", "other.html#lost", "#lost", "folder/", "a.ipynb"]
)
def test_link_to_nothing_is_found(tmp_path, link):
    (tmp_path / "folder").mkdir()
    (tmp_path / "other.html").write_text('<h1 id="here">Here</h1>')
    sound = ["other.html", "other.html#here", "#top", "#", "https://lost.example", "mailto:a@b.c"]
    text = '<p id="top">' + "".join(f'<a href="{each}">a</a>' for each in sound)
    (tmp_path / "page.html").write_text(text)
    assert pages.problems(tmp_path) == []
    (tmp_path / "page.html").write_text(f'{text}<a href="{link}">a</a>')
    (problem,) = pages.problems(tmp_path)
    assert problem.startswith(f"page.html links to {link}: there is no such ")


def test_parts_of_themes_are_no_pages(tmp_path):
    (tmp_path / "_static").mkdir()
    (tmp_path / "_static" / "part.html").write_text('<img src="a.png">')
    assert pages.problems(tmp_path) == []


def test_built_pages_are_sound(book):
    html = book / "_build" / "html"
    assert pages.problems(html) == []
    page = pages.read(html / "notebooks" / "01_toy.html")
    assert page.images == 1  # the check saw the figure


def test_code_in_single_backquotes_is_shown_as_code(book):
    text = (book / "_build" / "html" / "book" / "index.html").read_text(encoding="utf-8")
    assert re.search(r'written as <code class="code[^>]*><span class="pre">x</span></code>', text)


def test_built_pages_load_no_live_code_and_no_widget_manager(book):
    for path in (book / "_build" / "html").rglob("*.html"):
        text = path.read_text(encoding="utf-8")
        scripts = re.findall(r"<script[^>]*>", text)
        assert not [tag for tag in scripts if re.search(r"thebe|require|html-manager", tag)]


def test_chapter_offers_its_executed_notebook_and_no_page_its_source(book):
    html = book / "_build" / "html"
    links = {path: pages.read(path).links for path in html.rglob("*.html")}
    assert not [link for found in links.values() for link in found if "_sources" in link]
    assert "01_toy.ipynb" in links[html / "notebooks" / "01_toy.html"]
    notebook = nbformat.read(html / "notebooks" / "01_toy.ipynb", as_version=4)
    nbformat.validate(notebook)
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    assert any(output.get("text") == "one 0\none 1\none 2\none 3\n" for output in outputs)
    assert any("show_text(" in cell.source for cell in notebook.cells)  # it can be run again


def test_buttons_are_absent_without_an_address(book):
    text = (book / "_build" / "html" / "notebooks" / "01_toy.html").read_text(encoding="utf-8")
    assert "colab" not in text.lower()
    assert "github.com" not in text


def test_unsound_pages_are_an_error(tmp_path, capsys):
    (tmp_path / "page.html").write_text('<script src="https://cdn.example/x.js"></script>')
    with pytest.raises(BookError, match="not sound: 1 problems"):
        build.check(tmp_path)
    assert "https://cdn.example/x.js" in capsys.readouterr().err


def test_without_a_browser_the_build_says_that_pages_were_not_opened(tmp_path, monkeypatch):
    (tmp_path / "page.html").write_text(QUIET)
    monkeypatch.setenv("CHROMIUM", "no-such-browser")
    assert chromium.find_chromium() is None
    assert build.check(tmp_path) == " (no Chromium found: the pages were not opened)"
    monkeypatch.setenv("CHROMIUM", sys.executable)
    start = chromium.start_playwright.__wrapped__  # not the one that may run already
    monkeypatch.setattr(chromium, "start_playwright", start)
    monkeypatch.setitem(sys.modules, "playwright.sync_api", None)
    assert build.check(tmp_path) == " (the pages were not opened: playwright is not installed)"


def test_program_that_is_no_browser_is_one_line():
    with pytest.raises(chromium.BrowserError) as error:
        chromium.Browser(sys.executable)
    assert "\n" not in str(error.value)


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
        address = "https://example.org/x.png"
        complaints = self.browser.complaints()
        assert f"request to {address}" in complaints
        # The network is cut off.
        assert f"failed to load {address}: net::ERR_NAME_NOT_RESOLVED" in complaints
        assert "exception: undefinedName is not defined" in complaints

    def test_complaints_name_the_page_and_count_formulas(self, tmp_path):
        (tmp_path / "_static").mkdir()
        for name in ("bad.html", "good.html", "_static/part.html"):
            (tmp_path / name).write_text("<!doctype html><link rel=icon href=data:,><p>Words.")
        with open(tmp_path / "bad.html", "a") as file:
            file.write('<span class="math">x</span><script>console.error("oh", 1)</script>')
        first, second = chromium.complaints_of_pages(tmp_path)
        assert first.startswith("bad.html: console error: oh 1")
        assert second == "bad.html: 1 formulas are not rendered"

    def test_page_that_scrolls_sideways_on_a_phone_is_found(self, tmp_path):
        head = "<!doctype html><link rel=icon href=data:,>"
        wide = '<div class="wide" style="width: 500px">a</div>'
        (tmp_path / "bad.html").write_text(f"{head}<p>Words.</p>{wide}")
        (tmp_path / "good.html").write_text(f'{head}<div style="overflow-x: auto">{wide}</div>')
        (complaint,) = chromium.complaints_of_pages(tmp_path)
        assert complaint == (
            'bad.html: scrolls sideways at 420 pixels because of <div class="wide">'
        )

    def test_every_button_of_every_page_does_something_without_complaint(self):
        for path in sorted(self.html.rglob("*.html")):
            if path.relative_to(self.html).as_posix().startswith("_"):
                continue
            self.browser.open(path)
            page = self.browser.page
            page.evaluate("window.print = () => {}")
            for number in range(page.locator("button").count()):
                page.locator("button").nth(number).evaluate("button => button.click()")
            for link in page.locator("a[href='#']").all():
                link.evaluate("a => a.click()")
            assert self.browser.complaints() == [], path

    def test_page_that_leads_on_is_followed(self):
        self.open("index.html")
        assert self.browser.page.url.endswith("/book/index.html")
        assert self.browser.complaints() == []

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
        self.browser.page.wait_for_selector("#search-results li")
        assert self.browser.complaints() == []

    def test_light_and_dark_theme_differ(self):
        colours = {}
        for theme in ("dark", "light"):
            self.browser.page.emulate_media(color_scheme=theme)
            self.open("notebooks/01_toy.html")
            body = "getComputedStyle(document.body).backgroundColor"
            colours[theme] = sum(map(int, re.findall(r"\d+", self.browser.evaluate(body))[:3]))
        assert colours["dark"] < 200 < 600 < colours["light"]
