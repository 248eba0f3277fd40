"""Shows a published model that draws in the reader's browser.

    ```{live-model} mnist
    :controls: brush, speed, surprise
    ```

The weights stand in a script of their own, which a page loads once the reader touches the model.
Pages that are opened from a disk can load scripts, and nothing else.
"""

from pathlib import Path

from docutils import nodes
from docutils.parsers.rst import directives
from sphinx.util.docutils import SphinxDirective

FOLDER = "_static/live"


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
        script = f"{FOLDER}/{run.replace('/', '-')}.js"
        scripts_of(self.env).setdefault(self.env.docname, {})[script] = live.weights_script()
        up = "../" * self.env.docname.count("/")
        return [nodes.raw("", live.html(up + script), format="html")]


def scripts_of(env):
    """Page -> file -> script that holds a model's weights."""
    if not hasattr(env, "live_scripts"):
        env.live_scripts = {}
    return env.live_scripts


def forget(app, env, docname):
    scripts_of(env).pop(docname, None)


def merge(app, env, docnames, other):
    scripts_of(env).update({k: v for k, v in scripts_of(other).items() if k in docnames})


def write(app, error):
    if error is not None or app.builder.format != "html":
        return
    for scripts in scripts_of(app.env).values():
        for name, script in scripts.items():
            path = Path(app.outdir) / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(script, encoding="utf-8")


def setup(app):
    app.add_directive("live-model", LiveModel)
    app.connect("env-purge-doc", forget)
    app.connect("env-merge-info", merge)
    app.connect("build-finished", write)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
