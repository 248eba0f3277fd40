"""Offers each chapter as the executed notebook that its page was made of.

The build leaves the files in the folder `downloads`; they come to stand beside their pages. The
theme's own download buttons lead to sources, which the pages do not come with.
"""

import shutil
from pathlib import Path

FOLDER = "downloads"
OF_THE_THEME = {"download-notebook-button", "download-source-button"}


def file_of(app, page):
    return Path(app.srcdir) / FOLDER / f"{Path(page).name}.ipynb"


def set_buttons(app, pagename, templatename, context, doctree):
    name = Path(pagename).name
    offered = pagename.startswith("notebooks/") and file_of(app, pagename).is_file()
    for group in context.get("header_buttons", []):
        if group.get("label") != "download-buttons":
            continue
        kept = [b for b in group["buttons"] if b.get("label") not in OF_THE_THEME]
        if offered:
            notebook = {
                "type": "link",
                "url": f"{name}.ipynb",
                "text": ".ipynb",
                "icon": "fas fa-code",
                "tooltip": "Download this chapter as an executed notebook",
                "label": "download-notebook-button",
            }
            kept.insert(0, notebook)
        group["buttons"] = kept


def copy_files(app, error):
    if error is None and app.builder.format == "html":
        for page in app.env.found_docs:
            if page.startswith("notebooks/") and file_of(app, page).is_file():
                shutil.copy2(file_of(app, page), Path(app.outdir) / f"{page}.ipynb")


def setup(app):
    app.connect("html-page-context", set_buttons, priority=900)  # after the theme's own
    app.connect("build-finished", copy_files)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
