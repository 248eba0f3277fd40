"""What a page says of the book itself, taken from where it stands once.

    ```{book-citation}
    ```
shows BibTeX made from CITATION.cff, and

    ```{where-to-report}
    ```
names the place for errors: the project's issues, where its address is known.
"""

from pathlib import Path

import yaml
from docutils import nodes
from sphinx.util.docutils import SphinxDirective

import repo_address

CITATION = "CITATION.cff"


def bibtex(citation, year, address=""):
    """Returns a BibTeX entry for the contents of a citation file."""
    people = [person(author) for author in citation["authors"]]
    fields = {
        "author": " and ".join(people),
        "title": "{" + citation["title"] + "}",
        "year": year,
        "note": f"{citation['license']} licence",
        "url": address or citation.get("repository-code", ""),
    }
    lines = [f"  {name:6} = {{{value}}}" for name, value in fields.items() if value]
    return "@software{pcnnlib,\n" + ",\n".join(lines) + "\n}"


def person(author):
    if "name" in author:  # an entity, whose name BibTeX would take apart
        return "{" + author["name"] + "}"
    family = " ".join(filter(None, [author.get("name-particle"), author["family-names"]]))
    return ", ".join(filter(None, [family, author.get("given-names")]))


def address_of(env):
    return repo_address.normal(env.config.html_theme_options.get("repository_url"))


class BookCitation(SphinxDirective):
    def run(self):
        path = Path(self.env.srcdir) / CITATION
        self.env.note_dependency(str(path))
        citation = yaml.safe_load(path.read_text(encoding="utf-8"))
        text = bibtex(citation, self.config.copyright, address_of(self.env))
        block = nodes.literal_block(text, text)
        block["language"] = "bibtex"
        return [block]


class WhereToReport(SphinxDirective):
    def run(self):
        address = address_of(self.env)
        if not address:
            return [
                nodes.paragraph("", "Tell whoever gave you the book: it has no public address.")
            ]
        line = nodes.paragraph("", "Please report one to ")
        line += nodes.reference("", "the project's issues", refuri=f"{address}/issues")
        line += nodes.Text(".")
        return [line]


def setup(app):
    app.add_directive("book-citation", BookCitation)
    app.add_directive("where-to-report", WhereToReport)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
