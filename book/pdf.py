"""Prints the built book as one PDF: `make pdf`.

Chromium opens each page of `_build/html` and gives its article in a form to print: canvases become
pictures, controls go, solutions unfold. The articles become one document, in which links between
pages are links within. Chromium prints it, and pypdf writes the bookmarks. It is printed twice,
since the contents can name pages only once it is known where they are.

`--offer` puts the PDF beside the built pages, and a link to it on the front page: for publishing.
"""

import guard

if __name__ == "__main__":
    guard.stop_at_once()

import argparse
import html
import io
import logging
import re
import shutil
import time
from pathlib import Path

import browser
from guard import BookError
from notebook_files import read_text, replace_bytes, replace_text

ROOT = Path(__file__).resolve().parent.parent
SCRIPT = Path(__file__).resolve().with_name("printed.js")
NAME = "pixelcnn-book.pdf"
FRONT = "book/index.html"
PLACE = "<!-- printed book -->"  # of the front page, for the link to the PDF
MATHEMATICS = "**/mathjax/**"
FOOTER = (
    '<div style="width: 100%; text-align: center; font: 8pt sans-serif; color: #5d6670">'
    '<span class="pageNumber"></span></div>'
)
PAPER = {
    "format": "A4",
    "margin": {"top": "18mm", "bottom": "20mm", "left": "18mm", "right": "18mm"},
    "print_background": True,
    "tagged": True,  # for those who have it read aloud
    "display_header_footer": True,
    "header_template": "<span></span>",
    "footer_template": FOOTER,
}
SECONDS = 120  # for a model to draw


def print_book(root=ROOT, output=None):
    """Prints the book that is built in `output` (`_build`); returns the path of the PDF."""
    output = output or root / "_build"
    pages = output / "html"
    if not (pages / FRONT).is_file() and not guard.old_of(pages).is_dir():
        raise BookError(f"no book is built in {output}: run make book first")
    if browser.find_chromium() is None:
        raise BookError("Chromium prints the book, and none was found: CHROMIUM=path names one")
    target = output / NAME
    with guard.only_one(output):
        guard.restore_folder(pages)
        begin = time.perf_counter()
        printed = in_chromium(pages)
        replace_bytes(target, printed)
    seconds = time.perf_counter() - begin
    print(f"pdf: {seconds:.1f} s\nopen {target}")
    return target


def in_chromium(pages):
    """Returns the bytes of the PDF."""
    try:
        with browser.Browser() as opened:
            from playwright.sync_api import Error

            try:
                return printed(opened, pages)
            except Error as error:
                raise BookError(f"Chromium: {browser.first_line(error)}") from None
    except browser.BrowserError as error:
        raise BookError(str(error)) from None


def printed(opened, pages):
    opened.page.emulate_media(color_scheme="light", reduced_motion="reduce")
    opened.page.add_init_script(path=SCRIPT)
    opened.page.set_default_timeout(1000 * SECONDS)
    front = (pages / FRONT).resolve()
    # Mathematics is drawn once, at the end: its numbers and styles belong to the whole document.
    opened.page.route(MATHEMATICS, lambda route: route.abort())
    load(opened, front.as_uri())
    book = opened.evaluate("printed.contents()")
    files = [address for part in book["parts"] for address, _ in part["pages"]]
    prefixes = {address: f"p{number}-" for number, address in enumerate(files)}
    articles = []
    for address in files:
        load(opened, address)
        draw(opened)
        articles.append(opened.evaluate("a => printed.article(...a)", [address, prefixes]))
    opened.page.unroute(MATHEMATICS)

    load(opened, front.as_uri())
    opened.page.wait_for_function(browser.MATHEMATICS_IS_DRAWN)
    body = "\n".join(article["html"] for article in articles)
    everything = [book["title"], front_matter(book, articles, prefixes), body]
    opened.evaluate("a => printed.join(...a)", everything)
    opened.evaluate("printed.settled()")
    if broken := opened.page.locator(browser.BROKEN_FORMULAS).count():
        raise BookError(f"{broken} formulas are not rendered")
    places = {}
    for _ in range(3):
        pdf = io.BytesIO(opened.page.pdf(**PAPER))
        before, places = places, places_of(pdf)
        if places == before:
            return with_bookmarks(pdf, book["title"], articles, places)
        numbers = {name: page + 1 for name, (page, _) in places.items()}
        opened.evaluate("numbers => printed.number(numbers)", numbers)
    raise BookError("the page numbers do not settle")


def load(opened, address):
    opened.page.goto(address)
    opened.page.wait_for_load_state()


def draw(opened):
    """Lets a model that draws in the page end half an example: then there is something to see."""
    for name in ("Half an example", "Draw"):
        for button in opened.page.get_by_role("button", name=name, exact=True).all():
            button.click()
    for status in opened.page.locator(".pcnn-live .status").all():
        opened.page.wait_for_function(
            "status => status.textContent.startsWith('Done')", arg=status.element_handle()
        )


def front_matter(book, articles, prefixes):
    """Returns the title page and the contents, as HTML."""
    headings = {article["address"]: article["headings"] for article in articles}
    lines = []
    for part in book["parts"]:
        if part["caption"]:
            lines.append(f'<p class="part">{html.escape(part["caption"])}</p>')
        for address, text in part["pages"]:
            lines.append(entry("chapter", prefixes[address], text))
            sections = [heading for heading in headings[address] if heading["level"] == 2]
            lines += [entry("section", heading["id"], heading["text"]) for heading in sections]
    # A place has a page number only if something leads to it: so something leads to each heading.
    every = "".join(
        f'<a href="#{heading["id"]}"></a>'
        for found in headings.values() for heading in found
    )  # fmt: skip
    title, author, rights = (html.escape(book[name]) for name in ("title", "author", "rights"))
    return (
        f'<section class="printed-title"><p class="title">{title}</p>'
        f'<div class="printed-picture"></div><p>{author}</p><p>{rights}</p></section>'
        f'<nav class="printed-contents"><h1 id="contents">Contents</h1>{"".join(lines)}</nav>'
        f'<nav hidden><a href="#contents"></a>{every}</nav>'
    )


def entry(kind, place, text):
    # What will be put in the place of the three digits is no wider.
    return (
        f'<a class="{kind}" href="#{place}"><span>{html.escape(text)}</span>'
        '<span class="number">000</span></a>'
    )


def places_of(pdf):
    """Returns {place: (page, counted from 0, and height on it)} of all that links lead to."""
    from pypdf import PdfReader

    # It warns of how Chromium counts objects, which is no harm.
    logging.getLogger("pypdf").setLevel(logging.ERROR)
    reader = PdfReader(pdf)
    found = reader.named_destinations.items()
    return {
        name.lstrip("/"): (reader.get_destination_page_number(place), float(place.top))
        for name, place in found
    }


def with_bookmarks(pdf, title, articles, places):
    """Returns the bytes of the PDF with a bookmark for each chapter, its sections and theirs.

    Chromium can write them, but doubles a heading that begins a page.
    """
    from pypdf import PdfWriter
    from pypdf.generic import Fit

    writer = PdfWriter(clone_from=pdf)
    above = []
    headings = [{"id": "contents", "level": 1, "text": "Contents"}]
    for heading in headings + [heading for each in articles for heading in each["headings"]]:
        if heading["id"] not in places:
            continue  # a style hides it
        page, top = places[heading["id"]]
        del above[heading["level"] - 1 :]
        item = writer.add_outline_item(
            title=heading["text"], page_number=page, parent=above[-1] if above else None,
            fit=Fit.xyz(left=0, top=top), is_open=heading["level"] > 1,
        )  # fmt: skip
        above.append(item)
    writer.add_metadata({"/Title": title, "/Creator": "pcnnlib, book/pdf.py"})
    result = io.BytesIO()
    writer.write(result)
    return result.getvalue()


def offer(root=ROOT, output=None):
    """Puts the PDF beside the built pages, and a link to it on the front page."""
    output = output or root / "_build"
    pdf, front = output / NAME, output / "html" / FRONT
    for path in (pdf, front):
        if not path.is_file():
            raise BookError(f"there is no {path}: run make pdf first")
    text = read_text(front)
    if PLACE not in text:
        raise BookError(f"{front} has no place for the link: {PLACE}")
    size = f"{pdf.stat().st_size / 1e6:.0f} MB"
    link = f'{PLACE} Or take <a href="../{NAME}">the whole book as one PDF</a> ({size}).'
    shutil.copyfile(pdf, output / "html" / NAME)
    replace_text(front, re.sub(rf"{PLACE}( Or take .*? MB\)\.)?", link, text))
    print(f"{front} offers {NAME}")


def main():
    parser = argparse.ArgumentParser(description="Print the built book as one PDF.")
    parser.add_argument("--offer", action="store_true", help="put the PDF beside the pages")
    options = parser.parse_args()
    guard.run(offer if options.offer else print_book)


if __name__ == "__main__":
    main()
