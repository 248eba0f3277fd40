"""Checks built pages without a browser: no page fetches anything, no link of the book is broken,
every figure has alt text.

A link that a reader clicks (`<a href>`) may lead to any address elsewhere. Within the book it must
lead to a file, and to a place in it, that is there. A file that a page loads by itself must be part
of the book.
"""

import functools
import re
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

# tag -> the attributes that make a browser fetch something
FETCHING = {
    "script": ["src"],
    "link": ["href"],
    "img": ["src", "srcset"],
    "source": ["src", "srcset"],
    "video": ["src", "poster"],
    "audio": ["src"],
    "iframe": ["src"],
    "embed": ["src"],
    "object": ["data"],
    "image": ["href", "xlink:href"],
    "use": ["href", "xlink:href"],
    "input": ["src"],
    "track": ["src"],
}
# <link> relations for which a browser fetches nothing
NOT_FETCHED = {"canonical", "author", "license", "next", "prev", "search", "index", "alternate"}
REMOTE = re.compile(r"^\s*(https?:)?//", re.IGNORECASE)
REMOTE_CSS = re.compile(
    r"""(?:url\(\s*["']?|@import\s+["'])((?:https?:)?//[^"')\s]+)""", re.IGNORECASE
)
# In a page's own scripts: calls that would fetch the address that follows
REMOTE_CALL = re.compile(
    r"""(?:fetch|import|importScripts|\.open|\.src\s*=|\.href\s*=|require)\s*\(?\s*"""
    r"""(?:["'](?:GET|POST)["']\s*,\s*)?["'`]((?:https?:)?//[^"'`]+)"""
)
IMAGE_NAME = re.compile(r"^\S*\.(png|jpe?g|svg|gif|webp)$", re.IGNORECASE)


class Page(HTMLParser):
    """Collects a page's remote addresses, its links, and its images without alt text."""

    def __init__(self):
        super().__init__()
        self.remote, self.images_without_alt, self.images, self.inside = [], [], 0, None
        self.links, self.places = [], set()

    def handle_starttag(self, tag, attributes):
        values = {name: value or "" for name, value in attributes}
        self.inside = tag if tag in ("script", "style") else None
        self.places |= {values[name] for name in ("id", "name") if values.get(name)}
        if tag == "a" and "href" in values:
            self.links.append(values["href"])
        if tag == "link" and set(values.get("rel", "").lower().split()) & NOT_FETCHED:
            return
        for name in FETCHING.get(tag, []):
            if REMOTE.match(values.get(name, "")):
                self.remote.append(f"<{tag} {name}={values[name]}>")
        self.remote += REMOTE_CSS.findall(values.get("style", ""))
        if tag == "img" and "logo" not in values.get("class", ""):
            self.images += 1
            # Sphinx gives an image without alt text the name of its file instead.
            alt = values.get("alt", "").strip()
            if not alt or IMAGE_NAME.match(alt):
                self.images_without_alt.append(values.get("src", "")[:80])

    handle_startendtag = handle_starttag

    def handle_endtag(self, tag):
        self.inside = None

    def handle_data(self, data):
        if self.inside == "style":
            self.remote += REMOTE_CSS.findall(data)
        elif self.inside == "script":
            self.remote += REMOTE_CALL.findall(data)


def read(path):
    page = Page()
    page.feed(path.read_text(encoding="utf-8"))
    return page


def broken_links(path, page, html, read):
    """Returns the links of a page that lead to no file of the book, or to no place in a page."""
    broken = []
    for link in dict.fromkeys(page.links):
        parts = urlsplit(link)
        if parts.scheme or parts.netloc or link in ("", "#"):
            continue  # elsewhere, or a button that a script listens to
        target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
        if not target.is_file() or not target.is_relative_to(html):
            broken.append(f"{link}: there is no such file")
        elif parts.fragment and target.suffix == ".html":
            if unquote(parts.fragment) not in read(target).places:
                broken.append(f"{link}: there is no such place on the page")
    return broken


def problems(html):
    """Returns one line for each problem of the pages and style sheets under `html`.

    A problem is a file that would be fetched from another place, a link to nothing, or a figure
    without alt text.
    """
    html = Path(html).resolve()
    read_once = functools.cache(read)
    found = []
    for path in sorted(html.rglob("*.html")):
        name = path.relative_to(html).as_posix()
        if name.startswith("_static/"):
            continue  # parts of themes and vendored code, not pages
        page = read_once(path)
        found += [f"{name} links to {link}" for link in broken_links(path, page, html, read_once)]
        found += [f"{name} would fetch {address}" for address in page.remote]
        found += [f"{name} shows {image} without alt text" for image in page.images_without_alt]
    for path in sorted(html.rglob("*.css")):
        text = path.read_text(encoding="utf-8", errors="replace")
        name = path.relative_to(html).as_posix()
        found += [f"{name} would fetch {address}" for address in REMOTE_CSS.findall(text)]
    return found
