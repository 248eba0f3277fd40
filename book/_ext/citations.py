"""Citations are plain links to a paper, which work wherever the text is read.

On a page of the book, such a link leads to the paper's entry in the bibliography, if the entry has
the same `url` in references.bib. The entry itself links to the paper.
"""

from docutils import nodes
from pybtex.database import parse_file

PAGE = "book/bibliography"


def read_entries(app):
    """Keeps {address: key of the entry} for all entries."""
    app.pcnnlib_entries = {
        entry.fields["url"].rstrip("/"): key
        for path in app.config.bibtex_bibfiles
        for key, entry in parse_file(str(app.srcdir / path)).entries.items()
        if "url" in entry.fields
    }


def lead_to_entries(app, doctree, page):
    """Gives the entries of the bibliography anchors, and leads the links of other pages there."""
    if page == PAGE:
        keys = {c.citation_id: c.key for c in app.env.get_domain("cite").citations}
        for entry in doctree.findall(nodes.citation):
            entry["ids"] += [keys[i] for i in entry["ids"] if i in keys]
        return
    for link in doctree.findall(nodes.reference):
        key = app.pcnnlib_entries.get(link.get("refuri", "").rstrip("/"))
        if key and PAGE in app.env.found_docs:
            link["refuri"] = f"{app.builder.get_relative_uri(page, PAGE)}#{key}"
            link["internal"] = True
            link["classes"].append("citation")


def setup(app):
    app.connect("builder-inited", read_entries)
    app.connect("doctree-resolved", lead_to_entries)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
