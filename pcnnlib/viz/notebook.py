"""What notebooks need beside the library: figures with a caption, tables, text and code.

They work wherever a notebook runs; a page of the book is made from what they leave behind.
"""

import inspect
import textwrap
from collections.abc import Sequence
from typing import Any

from IPython.display import display

from pcnnlib._internal.errors import UsageError, parse_integers
from pcnnlib.viz.checks import check_sequence
from pcnnlib.viz.markup import escape, link

__all__ = [
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
figure.pcnn-figure { margin: 1em auto .6em; max-width: 45em }
.pcnn-drawn { overflow-x: auto; text-align: center }
.pcnn-drawn > svg, .pcnn-drawn > img { display: inline-block }
.pcnn-figure table { width: auto; margin: 0 auto }
.pcnn-figure figcaption { margin: .5em auto 0; max-width: 44em; text-align: left;
  font-family: inherit; font-size: .9em; font-weight: normal; color: inherit; opacity: .8 }
.pcnn-figure th, .pcnn-figure td { text-align: left; vertical-align: top; font-size: .9em }
.pcnn-number { font-weight: 600 }
.pcnn-number::after { content: "." }
/* On a phone a wide figure scrolls within itself, so that its lettering can still be read. */
@media (max-width: 40em) { .pcnn-lettered > svg { max-width: max(100%, 560px) !important } }
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
    # How Matplotlib names the groups of an SVG that are text.
    kind = "pcnn-drawn pcnn-lettered" if 'id="text_' in drawn else "pcnn-drawn"
    parts = escape(caption).split("`")
    parts[1::2] = [f"<code>{word}</code>" for word in parts[1::2]]
    block = (
        f'{STYLE}<figure class="pcnn-figure"><div class="{kind}">{drawn}</div>'
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
        f'{STYLE}<figure class="pcnn-figure"><div class="pcnn-drawn">'
        f'<table class="table"><thead>{first}</thead>'
        f"<tbody>{''.join(others)}</tbody></table></div>"
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
