"""Shows a figure of an executed notebook on a prose page.

    ```{notebook-figure} 03_gated_stacks: Eight digits appear
    ```

shows the figure of that notebook whose alt text begins with the text after the colon. The page thus
always has the picture that the chapter computed. It is an error if there is no such figure.
"""

import html
import json
import re
from pathlib import Path

from docutils import nodes
from sphinx.util.docutils import SphinxDirective

ALT_TEXT = re.compile(r'(?:alt|aria-label)="([^"]*)"')


def find_figures(notebook, beginning):
    """Returns the HTML of all figures in `notebook` whose alt text starts with `beginning`."""
    found = []
    for cell in json.loads(notebook.read_text(encoding="utf-8"))["cells"]:
        for output in cell.get("outputs", []):
            text = "".join(output.get("data", {}).get("text/html", ""))
            alt = ALT_TEXT.search(text)
            if alt and html.unescape(alt[1]).startswith(beginning):
                found.append(text)
    return found


class NotebookFigure(SphinxDirective):
    required_arguments = 1
    final_argument_whitespace = True

    def run(self):
        name, _, beginning = (part.strip() for part in self.arguments[0].partition(":"))
        notebook = Path(self.env.srcdir) / "notebooks" / f"{name}.ipynb"
        if not notebook.is_file():
            raise self.error(f"notebook-figure: no notebook {name}")
        found = find_figures(notebook, beginning)
        if len(found) != 1:
            raise self.error(
                f"notebook-figure: {len(found)} figures of {name} have an alt text that "
                f"begins with '{beginning}', expected one"
            )
        self.env.note_dependency(str(notebook))
        return [nodes.raw("", found[0], format="html")]


def setup(app):
    app.add_directive("notebook-figure", NotebookFigure)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
