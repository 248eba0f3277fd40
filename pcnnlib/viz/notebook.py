"""What notebooks need beside the library: figures with a caption, tables, and numbers for the text.

They work wherever a notebook runs; a page of the book is made from what they leave behind.
"""

import inspect
import textwrap
from collections.abc import Sequence
from typing import Any

import numpy as np
from IPython.display import display

from pcnnlib import runs
from pcnnlib._internal.errors import UsageError, parse_integers
from pcnnlib.viz.checks import check_sequence
from pcnnlib.viz.markup import escape, link

__all__ = [
    "glue",
    "glue_run",
    "parse_integers",
    "show",
    "show_solution",
    "show_source",
    "show_text",
    "table",
]

# The book's theme puts what a cell writes as HTML on a light card in its dark version; figures that
# take the colours of the page need none.
STYLE = """<style>
figure.pcnn-figure { margin: .5em 0 1em }
.pcnn-figure figcaption { margin: .5em 0 0; max-width: 44em; text-align: left;
  font-family: inherit; font-size: .9em; font-weight: normal; color: inherit; opacity: .8 }
.pcnn-figure th, .pcnn-figure td { text-align: left; vertical-align: top; font-size: .9em }
html[data-theme=dark] .text_html:has(.pcnn-figure), .pcnn-figure img {
  background: none !important; color: inherit !important; padding: 0 !important }
</style>"""


def show(figure: Any, alt: str, caption: str) -> None:
    """Show a figure with a caption below it.

    Args:
        figure: `plots.Picture` or `plots.Animation`.
        alt: what there is to see, for readers who cannot see it.
        caption: what it means. Text in `backquotes` is code.

    Raises:
        UsageError: a figure that cannot be shown.
    """
    if not hasattr(figure, "html") and not hasattr(figure, "svg"):
        raise UsageError(f"figure must be a Picture or an Animation, got {type(figure).__name__}")
    drawn = figure.html(alt) if hasattr(figure, "html") else figure.svg(alt)
    parts = escape(caption).split("`")
    parts[1::2] = [f"<code>{word}</code>" for word in parts[1::2]]
    block = (
        f'{STYLE}<figure class="pcnn-figure">{drawn}'
        f"<figcaption>{''.join(parts)}</figcaption></figure>"
    )
    display({"text/html": block, "text/plain": f"[figure: {alt}]"}, raw=True)


def table(head: Sequence[str], rows: list, caption: str) -> None:
    """Show a table that was computed.

    Args:
        head: names of the columns.
        rows: list of rows, as many texts each; a pair `(text, url)` is a link, and a row that
            begins with `*` stands out.
        caption: what it shows.

    Raises:
        UsageError: a row of another length than `head`, or a url that is no web address.
    """

    head = check_sequence("head", head)

    def cell(content, strong=False):
        pair = check_sequence("a link", content, 2) if isinstance(content, tuple) else None
        text = link(*pair) if pair else escape(content)
        return f"<strong>{text}</strong>" if strong else text

    def plain(content):
        return str(content[0] if isinstance(content, tuple) else content)

    lines = ["".join(f"<th>{cell(name)}</th>" for name in head)]
    texts = [" | ".join(map(plain, head))]
    for row in rows:
        row = check_sequence("each of rows", row)
        strong = len(row) > len(head) and row[0] == "*"
        cells = row[1:] if strong else row
        if len(cells) != len(head):
            raise UsageError(f"rows must have {len(head)} texts each, as head has, got {row!r}")
        lines.append("".join(f"<td>{cell(content, strong)}</td>" for content in cells))
        texts.append(" | ".join(map(plain, cells)))
    first, *others = (f"<tr>{line}</tr>" for line in lines)
    block = (
        f'{STYLE}<figure class="pcnn-figure"><table class="table"><thead>{first}</thead>'
        f"<tbody>{''.join(others)}</tbody></table>"
        f"<figcaption>{escape(caption)}</figcaption></figure>"
    )
    display({"text/html": block, "text/plain": "\n".join([*texts, caption])}, raw=True)


def show_text(markdown: str) -> None:
    """Show text with computed numbers in it, as Markdown; a page shows it like any other text.

    Args:
        markdown: the text, such as ``f"It has {model.count_params():,} weights."``. Lines that
            are all indented alike are taken as if they were not.

    Raises:
        UsageError: what is no text, or empty.
    """
    markdown = _check_markdown(markdown)
    display({"text/markdown": markdown, "text/plain": markdown}, raw=True)


def _check_markdown(markdown: str) -> str:
    if not isinstance(markdown, str) or not markdown.strip():
        raise UsageError(f"markdown must be a text, got {markdown!r}")
    return textwrap.dedent(markdown).strip()


def show_solution(markdown: str, *objects: Any) -> None:
    """Show the solution of an exercise, folded: what was computed, and the code that did it.

    Args:
        markdown: the answer, with computed numbers in it, as for `show_text`.
        *objects: functions whose source is shown before the answer.

    Raises:
        UsageError: what is no text, or has no source in Python.
    """
    answer = _check_markdown(markdown)
    code = f"{_sources(objects)}\n\n" if objects else ""
    # With empty lines around it, what stands between the tags is Markdown.
    show_text(f"<details><summary>Solution</summary>\n\n{code}{answer}\n\n</details>")


def show_source(*objects: Any) -> None:
    """Show the source of functions, methods or classes, one below the other, as Python code.

    Args:
        *objects: such as `pcnnlib.nn.masks.vertical_mask`.

    Raises:
        UsageError: something that has no source in Python.
    """
    if not objects:
        raise UsageError("objects must be functions, methods or classes, got none")
    show_text(_sources(objects))


def _sources(objects: Sequence[Any]) -> str:
    """Source of objects as a block of code in Markdown."""
    sources = []
    for thing in objects:
        try:
            sources.append(textwrap.dedent(inspect.getsource(thing)).rstrip())
        except (TypeError, OSError):
            raise UsageError(
                f"objects must be functions, methods or classes written in Python, got {thing!r}"
            ) from None
    return "```python\n{}\n```".format("\n\n\n".join(sources))


def glue(name: str, value: Any) -> None:
    """Keep a number or a text under a name, for the role `glue:text` on the book's pages.

    Leaves the record that MyST-NB reads, without needing MyST-NB; shows nothing.

    Args:
        name: unique in the notebook.
        value: int, float or str; NumPy's numbers become Python's, so that formats such as
            ``:.3f`` apply.

    Raises:
        UsageError: a value that is no single number or text.
    """
    value = value.item() if np.ndim(value) == 0 and hasattr(value, "item") else value
    if not isinstance(value, (int, float, str)):
        raise UsageError(f"{name} must be a number or a text, got {type(value).__name__}")
    display(
        {"application/papermill.record/text/plain": repr(value)},
        raw=True,
        metadata={
            "scrapbook": {
                "name": name,
                "mime_prefix": "application/papermill.record/",
                "has_mimebundle": False,
            }
        },
    )


def glue_run(name: str, run: dict) -> None:
    """Keep the facts of a published run for the text, under names that begin with `name`.

    Args:
        name: such as "mnist"; then there are "mnist_nats", "mnist_error" (the standard error),
            "mnist_epochs", "mnist_hours", "mnist_weights", "mnist_seed", "mnist_commit",
            "mnist_hardware" and "mnist_drawn", images drawn per second.
        run: what `runs.read_run` gives.
    """
    try:
        facts = {
            "nats": run["test"]["nats_per_image"],
            "error": run["test"]["standard_error"],
            "epochs": len(run["history"]["loss"]),
            "hours": run["seconds"] / 3600,
            "weights": run["weights"]["parameters"],
            "seed": run["seed"],
            "commit": run["commit"],
            "hardware": runs.hardware(run),
            "drawn": run["speed"]["drawn_per_second"],
        }
    except (KeyError, TypeError) as error:
        raise UsageError(f"run must be what runs.read_run gives, and lacks {error}") from error
    for key, value in facts.items():
        glue(f"{name}_{key}", value)
