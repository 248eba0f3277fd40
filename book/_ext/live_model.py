"""Shows models that draw in the reader's browser, on prose pages and in notebooks.

    ```{live-model} mnist
    :controls: brush, speed, surprise
    ```

shows a published one; a notebook's cell shows one by `pcnn.live`. The weights of both are moved
into a script of their own, which a page loads once the reader touches the model: pages stay light,
and those with the same model share it. Pages that are opened from a disk can load scripts, and
nothing else.
"""

import html
import json
import re
from pathlib import Path

from docutils import nodes
from docutils.parsers.rst import directives
from sphinx.util.docutils import SphinxDirective

FOLDER = "_static/live"
WEIGHTS = re.compile(r'<script type="text/plain" id="(pcnn-live-\w+)-weights">([^<]*)</script>')


def names(text):
    """Returns the names in "a, b, c"."""
    found = [name.strip() for name in directives.unchanged_required(text).split(",")]
    return [name for name in found if name]


class LiveModel(SphinxDirective):
    required_arguments = 1
    option_spec = {"controls": names, "title": directives.unchanged_required}

    def run(self):
        import pcnnlib as pcnn  # the backend takes seconds, and few pages need it

        run = self.arguments[0]
        options = {"controls": self.options.get("controls"), "title": self.options.get("title")}
        try:
            live = pcnn.live(pcnn.load_pretrained(run), run=run, **options)
        except pcnn.UsageError as error:
            raise self.error(f"live-model: {error}") from None
        return [nodes.raw("", live.html(), format="html")]


def move_weights(app, pagename, templatename, context, doctree):
    """Moves the weights in a page into scripts, and tells the page where they are."""
    if app.builder.format != "html" or "pcnn-live" not in context.get("body", ""):
        return
    body = context["body"]
    for holder in WEIGHTS.finditer(context["body"]):
        script = write_script(Path(app.outdir), holder[2].strip())
        where = {**script, "src": "../" * pagename.count("/") + script["src"]}
        inline = html.escape(json.dumps({"id": f"{holder[1]}-weights"}))
        body = body.replace(holder[0], "").replace(inline, html.escape(json.dumps(where)))
    context["body"] = body


def write_script(folder, weights):
    """Writes a script, unless it is there; returns its address and the weights' name."""
    from pcnnlib.viz.live import component

    name = component.name_of(weights)
    path = folder / FOLDER / f"{name}.js"
    if not path.is_file():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(component.script_of(weights), encoding="utf-8")
    return {"src": f"{FOLDER}/{name}.js", "name": name}


def setup(app):
    app.add_directive("live-model", LiveModel)
    app.connect("html-page-context", move_weights)
    return {"version": "2", "parallel_read_safe": True, "parallel_write_safe": True}
