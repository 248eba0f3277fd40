"""A model in a page: weights as float16, and JavaScript that draws from caches as the library does.

`live` shows it in a notebook, `export_html` writes it as one file.
"""

from pcnnlib.viz.live.component import export_html, live

__all__ = ["export_html", "live"]
