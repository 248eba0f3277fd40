"""A tiny project that the real build script, configuration and theme turn into a book."""

import shutil
from pathlib import Path

import address
import build
import setup_cell
import twins

ROOT = Path(__file__).resolve().parents[2]

TOC = """\
format: jb-book
root: book/index
chapters:
  - file: notebooks/01_toy
  - file: book/bibliography
"""

INDEX = """\
# A toy book

It builds [a PixelCNN](https://arxiv.org/abs/1601.06759) in seconds.

```{notebook-figure} 01_toy: a line
```

```{eval-rst}
Code in docstrings is written as `x`.
```

```{book-citation}
```

```{where-to-report}
```
"""

NOTEBOOK = """\
# %% [markdown]
# # Toy
#
# Mathematics: $p(x) = \\prod_i p(x_i \\mid x_{<i})$. One link leads to
# [a paper](https://arxiv.org/abs/1606.05328), one to [elsewhere](https://arxiv.org/abs/1).

# %% tags=["remove-cell"]
SETUP

# %% tags=["parameters"]
steps: int = 3  # how many
name: str = "one"  # of what

# %%
from IPython.display import display

for step in range(steps):
    print(name, step)

# %% mystnb={"image": {"alt": "a line that rises"}, "figure": {"caption": "It rises."}}
import matplotlib.pyplot as plt

plt.plot(range(steps))
plt.show()

# %%
EXPLORER

# %%
figure = '<figure><svg role="img" aria-label="a line"></svg>A line.</figure>'
display({"text/html": figure}, raw=True)

# %%
from pcnnlib.viz.notebook import show_source, show_text

# %% tags=["remove-input"]
show_text(f'''
    The sum is **{1 + steps}**, says
    [a third paper](https://arxiv.org/abs/1701.05517); $a_{steps}$.
''')
import colorsys

display({"text/html": "<b>between</b>"}, raw=True)
show_source(colorsys.rgb_to_yiq)
"""

# The form that the library's explorers take: a widget where a kernel is, a small script where not.
EXPLORER = '''\
page = """<div class="toy"><input type="range" min="0" max="4" value="0" aria-label="pixel">
<output>0</output></div>
<script>
for (const toy of document.querySelectorAll(".toy")) {
  const slider = toy.querySelector("input");
  slider.addEventListener("input", () => toy.querySelector("output").value = slider.value ** 2);
}
</script>"""
widget = {"model_id": "0", "version_major": 2, "version_minor": 0}
kind = "application/vnd.jupyter.widget-view+json"
display({"text/html": page, kind: widget, "text/plain": "slider"}, raw=True)'''


def write_notebook(project, text):
    """Puts percent-format text, and its twin, in the place of the project's only notebook."""
    source = project / "notebooks" / "01_toy.py"
    text = text.replace("SETUP", setup_cell.setup_cell()).replace("EXPLORER", EXPLORER)
    source.write_text(text, encoding="utf-8")
    source.with_suffix(".ipynb").write_text(twins.twin(source), encoding="utf-8")


def make_project(folder):
    (folder / "notebooks" / "params").mkdir(parents=True)
    shutil.copy(ROOT / "notebooks" / "jupytext.toml", folder / "notebooks")
    (folder / "notebooks" / "params" / "quick.yaml").write_text("steps: 4\n")
    (folder / "book").mkdir()
    shutil.copytree(ROOT / "book" / "static", folder / "book" / "static")
    shutil.copy(ROOT / "book" / "references.bib", folder / "book")
    shutil.copy(ROOT / "CITATION.cff", folder)
    config = (ROOT / "_config.yml").read_text(encoding="utf-8")
    (folder / "_config.yml").write_text(address.CONFIG_LINE.sub(r'\1""', config), encoding="utf-8")
    (folder / "book" / "index.md").write_text(INDEX, encoding="utf-8")
    shutil.copy(ROOT / "book" / "bibliography.md", folder / "book")
    (folder / "_toc.yml").write_text(TOC, encoding="utf-8")
    write_notebook(folder, NOTEBOOK)
    return folder


def build_project(project):
    return build.build(project, project / "notebooks" / "params" / "quick.yaml")
