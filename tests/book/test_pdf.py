"""The printed book: one file whose bookmarks, links and page numbers lead to the right pages."""

import base64
import errno
import io
import pathlib
import re
import shutil

import pytest
from PIL import Image

import pages
import pdf
from guard import BookError

CANVAS = """<div class="pcnn-explorer" id="explorer"><div class="controls"><input type="range">
</div><canvas id="map" width="40" height="40"></canvas></div><script>
const pen = document.getElementById("map").getContext("2d");
pen.fillStyle = "#f00"; pen.fillRect(0, 0, 40, 40);
</script>"""
LIVE = """<div class="pcnn-live"><button>Half an example</button><button>Draw</button>
<p class="status">Ready.</p></div><script>
const [half, go] = document.querySelectorAll(".pcnn-live button");
const said = document.querySelector(".status");
half.onclick = () => said.textContent = "Half.";
go.onclick = () => setTimeout(() => {
  said.insertAdjacentHTML("afterend", `<p>drawn after ${said.textContent}</p>`);
  said.textContent = "Done: 1";
}, 50);
</script>"""
FOLDED = """<details class="above-input"><summary>Imports</summary>import plumbing</details>
<details><summary>Solution</summary>forty-two</details>"""
PAGE = """<!DOCTYPE html><html data-theme="dark"><meta charset="utf-8"><title>T</title>
<link rel="stylesheet" media="print" href="{up}_static/print.css">
<nav class="bd-links"><a class="internal" href="{up}book/index.html">The toy</a>
<p class="caption"><span class="caption-text">Part &amp; parcel</span></p>
<a class="internal" href="{up}book/one.html">1. One</a>
<a class="internal" href="{up}notebooks/two.html">2. Two</a></nav>
<p class="logo__title">The toy</p><p class="component-author">By nobody</p>
<p class="copyright">© 2030</p><article class="bd-article">{text}</article></html>"""
TEXTS = {
    "book/index.html": f"""<section id="toy"><h1>The toy<a class="headerlink" href="#toy">#</a></h1>
    <p>To <a href="one.html">one</a>, to a <a href="../notebooks/two.html#first">section</a>,
    to <a href="../notebooks/two.ipynb">a file</a>, to <a href="https://example.org/a">a page</a>.
    {pdf.PLACE}</p>{LIVE}</section>""",
    "book/one.html": f"""<section id="one"><h1>One</h1><section id="first"><h2>First of
    one</h2><p>{FOLDED}</p></section></section>""",
    "notebooks/two.html": f"""<section id="two"><h1>Two</h1><section id="first"><h2>First
    of two</h2><figure><img alt="moves" src="GIF"></figure><section><h3>Deep</h3>{CANVAS}
    <p><a href="#first">up</a> <a href="../book/one.html#first">before</a></p>
    <section style="display: none"><h2>Hidden</h2></section>
    <svg width="30" height="30"><defs><linearGradient id="g"><stop stop-color="#00f"/>
    </linearGradient></defs><rect width="30" height="30" fill="url(#g)"/></svg>
    </section></section></section>""",
}  # fmt: skip


def animation():
    """A GIF that is white, then green, then black."""
    frames = [Image.new("RGB", (20, 20), colour) for colour in ("white", "lime", "black")]
    file = io.BytesIO()
    frames[0].save(file, "GIF", save_all=True, append_images=frames[1:], duration=20)
    return "data:image/gif;base64," + base64.b64encode(file.getvalue()).decode()


def make_site(output):
    for name, text in TEXTS.items():
        path = output / "html" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(PAGE.format(up="../", text=text.replace("GIF", animation())))
    (output / "html" / "_static").mkdir()
    shutil.copy(pdf.ROOT / "book" / "static" / "print.css", output / "html" / "_static")
    return output


@pytest.fixture
def site(tmp_path):
    return make_site(tmp_path / "_build")


@pytest.fixture(scope="module")
def printed(browser, tmp_path_factory):
    """The printed toy, as pypdf reads it."""
    from pypdf import PdfReader

    return PdfReader(pdf.print_book(output=make_site(tmp_path_factory.mktemp("site"))))


def text_of(page):
    return re.sub(r"\s+", " ", page.extract_text())


def outline(reader, entries=None, level=1):
    """(level, title, page) of each bookmark."""
    for entry in reader.outline if entries is None else entries:
        if isinstance(entry, list):
            yield from outline(reader, entry, level + 1)
        else:
            yield level, entry.title, reader.get_destination_page_number(entry) + 1


def links(reader):
    """(page, address elsewhere or page that it leads to) of each link."""
    targets = reader.named_destinations
    for number, page in enumerate(reader.pages, 1):
        for annotation in (a.get_object() for a in page.get("/Annots", [])):
            if "/A" in annotation:
                yield number, annotation["/A"]["/URI"]
            else:
                target = targets[annotation["/Dest"]]
                yield number, reader.get_destination_page_number(target) + 1


def colours(page):
    found = set()
    for image in page.images:
        found |= {colour for _, colour in image.image.convert("RGB").getcolors()}
    return found


@pytest.mark.browser
def test_bookmarks_name_chapters_and_sections_and_lead_to_them(printed):
    assert list(outline(printed)) == [
        (1, "Contents", 2), (1, "The toy", 3), (1, "One", 4), (2, "First of one", 4),
        (1, "Two", 5), (2, "First of two", 5), (3, "Deep", 5),
    ]  # fmt: skip
    for _, title, number in outline(printed):
        assert title in text_of(printed.pages[number - 1])
    assert printed.metadata.title == "The toy"


@pytest.mark.browser
def test_every_page_has_its_number_and_the_contents_have_those_of_the_chapters(printed):
    for number, page in enumerate(printed.pages, 1):
        assert re.search(rf"(^|\s){number}(\s|$)", text_of(page)), number
    contents = text_of(printed.pages[1])
    for line in ("The toy 3", "Part & parcel", "1. One 4", "First of one 4", "2. Two 5"):
        assert line in contents
    assert "000" not in contents
    assert "By nobody" in text_of(printed.pages[0])


@pytest.mark.browser
def test_links_between_pages_lead_to_pages_of_the_file_and_others_stay(printed):
    of_texts = [link for link in links(printed) if link[0] > 2]
    assert of_texts == [(3, 4), (3, 5), (3, "https://example.org/a"), (5, 5), (5, 4)]
    assert [target for number, target in links(printed) if number == 2] == [3, 4, 4, 5, 5]
    assert "to a file" in text_of(printed.pages[2])  # its words stay, it is not in the PDF


@pytest.mark.browser
def test_no_path_of_this_machine_is_in_the_file(printed):
    printed.stream.seek(0)
    contents = printed.stream.read()
    assert b"file:" not in contents and str(pathlib.Path.cwd()).encode() not in contents


@pytest.mark.browser
def test_what_moves_or_asks_for_a_reader_is_printed_as_it_stands(printed):
    front, one, two = (text_of(page) for page in printed.pages[2:])
    assert "drawn after Half." in front and "This model is interactive" in front
    assert "Solution" in one and "forty-two" in one
    assert "plumbing" not in one and "Draw " not in front
    assert "This figure is interactive" in two and "This picture moves" in two
    # The canvas; the middle of the animation; and no page is dark.
    assert {(255, 0, 0), (0, 255, 0)} <= colours(printed.pages[4])
    assert (0, 0, 0) not in colours(printed.pages[4])


@pytest.mark.browser
def test_a_book_of_the_real_theme_is_printed_with_its_mathematics(browser, book, tmp_path):
    from pypdf import PdfReader

    (tmp_path / "html").symlink_to(book / "_build" / "html")
    reader = PdfReader(pdf.print_book(output=tmp_path))
    assert [title for _, title, _ in outline(reader)] == [
        "Contents", "A toy book", "Toy", "Bibliography",
    ]  # fmt: skip
    numbers = {title: number for _, title, number in outline(reader)}
    chapter = range(numbers["Toy"], numbers["Bibliography"])
    targets = {target for page, target in links(reader) if page in chapter}
    assert "https://arxiv.org/abs/1" in targets
    # To its entry, on whichever page of the bibliography that stands.
    assert any(t >= numbers["Bibliography"] for t in targets if isinstance(t, int))
    words = text_of(reader.pages[numbers["Toy"] - 1])
    assert "Mathematics:" in words and "\\prod" not in words and "\\(" not in words
    assert "copy" not in words.lower()  # the button of each piece of code


def stop_before_chromium(*_):
    raise AssertionError("Chromium was asked")


def test_what_is_missing_is_named_in_one_line(tmp_path, site, monkeypatch):
    monkeypatch.setattr(pdf, "in_chromium", stop_before_chromium)
    with pytest.raises(BookError, match=r"^no book is built in .*: run make book first$"):
        pdf.print_book(output=tmp_path / "nothing")
    assert not (tmp_path / "nothing").exists()
    monkeypatch.setenv("CHROMIUM", str(tmp_path / "no-such-program"))
    with pytest.raises(BookError, match=r"^Chromium prints the book, and none was found"):
        pdf.print_book(output=site)


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EACCES])
def test_a_full_or_forbidden_disk_keeps_the_last_pdf(site, monkeypatch, capsys, number):
    old = site / pdf.NAME
    old.write_bytes(b"the last one")

    def refuse(path, contents):
        with open(path, "wb") as file:
            file.write(contents[:2])
        raise OSError(number, "refused", str(path))

    monkeypatch.setattr(pdf, "in_chromium", lambda html: b"the new one")
    monkeypatch.setattr(pathlib.Path, "write_bytes", refuse)
    monkeypatch.setattr(pdf.browser, "find_chromium", lambda: "chromium")
    with pytest.raises(SystemExit) as ended:
        pdf.guard.run(lambda: pdf.print_book(output=site))
    assert ended.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("error: ") and line.endswith(": refused")
    assert old.read_bytes() == b"the last one"
    assert [path.name for path in site.iterdir() if path.name.endswith(".new")] == []


@pytest.mark.browser
def test_a_failing_chromium_keeps_the_last_pdf(site, browser, monkeypatch):
    (site / pdf.NAME).write_bytes(b"the last one")
    monkeypatch.setenv("CHROMIUM", "false")
    with pytest.raises(BookError, match=r"^Chromium: [^\n]*$"):
        pdf.print_book(output=site)
    monkeypatch.delenv("CHROMIUM")
    (site / "html" / "notebooks" / "two.html").unlink()
    with pytest.raises(BookError, match=r"^Chromium: [^\n]*two.html[^\n]*$"):
        pdf.print_book(output=site)
    assert (site / pdf.NAME).read_bytes() == b"the last one"


def test_the_front_page_offers_the_pdf_only_where_it_lies_beside_it(site, capsys):
    front = site / "html" / pdf.FRONT
    before = front.read_text()
    with pytest.raises(BookError, match="run make pdf first"):
        pdf.offer(output=site)
    assert front.read_text() == before and pdf.NAME not in before
    (site / pdf.NAME).write_bytes(b"%PDF" * 500_000)
    pdf.offer(output=site)
    assert f'<a href="../{pdf.NAME}">the whole book as one PDF</a> (2 MB)' in front.read_text()
    broken = pages.broken_links(front, pages.read(front), (site / "html").resolve(), pages.read)
    assert not [line for line in broken if pdf.NAME in line]
    pdf.offer(output=site)  # a second time: the same
    assert front.read_text().count(pdf.NAME) == 1


def test_the_real_front_page_has_the_place_for_the_link():
    assert (pdf.ROOT / "book" / "index.md").read_text(encoding="utf-8").count(pdf.PLACE) == 1
