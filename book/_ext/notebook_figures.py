"""Shows a figure of an executed notebook on a prose page.

    ```{notebook-figure} 03_gated_stacks: Eight digits appear
    ```

takes the figure of that notebook whose alt text begins with the words after the colon. The picture
on the page is thus always the one that the chapter computed; a figure that is gone is an error.
"""

import html
import json
import re
from pathlib import Path

from docutils import nodes
from sphinx.util.docutils import SphinxDirective

ALT = re.compile(r'(?:alt|aria-label)="([^"]*)"')


def find_figures(notebook, words):
    """The HTML of all figures in the file `notebook` whose alt text begins with `words`."""
    found = []
    for cell in json.loads(notebook.read_text(encoding="utf-8"))["cells"]:
        for output in cell.get("outputs", []):
            text = "".join(output.get("data", {}).get("text/html", ""))
            alt = ALT.search(text)
            if alt and html.unescape(alt[1]).startswith(words):
                found.append(text)
    return found


class NotebookFigure(SphinxDirective):
    required_arguments = 1
    final_argument_whitespace = True

    def run(self):
        name, _, words = self.arguments[0].partition(":")
        notebook = Path(self.env.srcdir) / "notebooks" / f"{name.strip()}.ipynb"
        if not notebook.is_file():
            raise self.error(f"notebook-figure: no notebook {name.strip()}")
        found = find_figures(notebook, words.strip())
        if len(found) != 1:
            raise self.error(
                f"notebook-figure: {len(found)} figures of {name.strip()} have an alt text that "
                f"begins with '{words.strip()}', expected one"
            )
        self.env.note_dependency(str(notebook))
        return [nodes.raw("", found[0], format="html")]


def setup(app):
    app.add_directive("notebook-figure", NotebookFigure)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
