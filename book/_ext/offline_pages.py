"""Removes every request to another server from the pages.

The theme's live-code button (thebe) loads scripts from a CDN on every page; the book does not use
it. Matplotlib's `to_jshtml` loads icons from another CDN; the theme has these icons already.
"""

import re

ICON_LINK = re.compile(r'<link rel="stylesheet"\s+href="https?://[^"]*font-awesome[^"]*">')
THEBE_SETTINGS = re.compile(r'<script type="text/x-thebe-config">.*?</script>', re.DOTALL)
THEBE_SCRIPT = re.compile(r"const thebe_|thebeUseDefault|thebe-config")


def drop_remote_files(app, pagename, templatename, context, doctree):
    """Removes scripts and style sheets that name a remote address, or belong to thebe."""
    for kind in ("script_files", "css_files"):
        context[kind] = [file for file in context.get(kind, []) if not is_unwanted(file)]
    if "body" in context:
        context["body"] = THEBE_SETTINGS.sub("", ICON_LINK.sub("", context["body"]))


def is_unwanted(file):
    name = str(getattr(file, "filename", file) or "")
    inline = getattr(file, "attributes", {}).get("body") or ""
    return (
        name.startswith(("http:", "https:", "//"))
        or "thebe" in name
        or bool(THEBE_SCRIPT.search(inline))
    )


def setup(app):
    # After the extensions that add files to single pages.
    app.connect("html-page-context", drop_remote_files, priority=900)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
