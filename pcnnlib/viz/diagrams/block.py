"""The gated block as a drawing, beside the code that computes it: figure 2 of arXiv:1606.05328.

A part and its lines of code light up together, whichever of the two is pointed at, tapped or
reached with the Tab key. Rules of CSS do this, so that it works wherever the HTML is shown.
"""

import dataclasses
import inspect
import textwrap
from collections.abc import Callable

from pcnnlib import minimal
from pcnnlib.viz.diagrams.vector import (
    Drawing,
    arrow,
    box,
    element,
    mask_cells,
    node,
    text,
    touched,
)
from pcnnlib.viz.markup import escape
from pcnnlib.viz.style import BLUE, QUIET

VERTICAL, HORIZONTAL, MIDDLE, EDGE = 100, 334, 217, 450  # x of the columns
SIZE = (460, 430)
INPUT, CONVOLUTION, LINK, CONDITION, GATE, PROJECT, RESIDUAL, OUTPUT = (
    *(12, 66, 130, 172, 234, 314, 356, 418),
)  # y of the rows

# The way of the residual, around the other parts.
AROUND = (
    *((HORIZONTAL, INPUT + 16), (EDGE, INPUT + 16)),
    *((EDGE, RESIDUAL), (HORIZONTAL + 11, RESIDUAL)),
)


@dataclasses.dataclass(frozen=True)
class Part:
    """A part of the drawing.

    Attributes:
        name: what it is called.
        code: parts of lines of the source, each of which stands in one line alone.
        about: what it does, in a sentence.
        draw: function that returns its SVG.
    """

    name: str
    code: tuple[str, ...]
    about: str
    draw: Callable[[], str]


def _convolution(x: float, mask) -> str:
    # The words stand on the side where no mask is.
    return (
        box(x, CONVOLUTION, 164, 56, class_="box")
        + mask_cells(x - 52, CONVOLUTION, mask, 15)
        + text(x + 28, CONVOLUTION - 9, "masked")
        + text(x + 28, CONVOLUTION + 9, "convolution")
    )


def _gate(x: float) -> str:
    top, halves, product = GATE - 34, GATE - 6, GATE + 36
    parts = []
    for side, function in ((-1, "tanh"), (1, "σ")):
        at = x + 38 * side
        parts += [
            arrow((x, top), (at, top), (at, halves - 14)),
            box(at, halves, 54, 28, class_="box"),
            text(at, halves, function),
            text(at + 10 * side, halves + 25, "F", class_="shape"),
            arrow((at, halves + 14), (at, product), (x + 11 * side, product)),
        ]
    return (
        element(
            "rect", x=x - 82, y=top - 6, width=164, height=88, rx=4, class_="box", fill_opacity=0
        )
        + "".join(parts)
        + node(x, product, "×")
    )


PARTS = {
    "vertical-convolution": Part(
        "vertical convolution",
        ("above = self.vertical(vertical)",),
        "The vertical stack convolves the rows above, and its own row of features: they know only "
        "rows above.",
        lambda: _convolution(VERTICAL, minimal.vertical_mask(3, own_row=True)),
    ),
    "horizontal-convolution": Part(
        "horizontal convolution",
        ("self.horizontal(horizontal)",),
        "The horizontal stack convolves its own row, up to the pixel's own features.",
        lambda: _convolution(HORIZONTAL, minimal.horizontal_mask(3, own_pixel=True)),
    ),
    "link": Part(
        "link",
        ("self.link(above)",),
        "The link hands the rows above to the horizontal stack: a 1 × 1 convolution, before the "
        "gate. There is no way back.",
        lambda: (
            element("circle", cx=VERTICAL, cy=LINK, r=3, class_="head")
            + touched((VERTICAL, LINK), (HORIZONTAL, LINK))
            + arrow((VERTICAL, LINK), (MIDDLE - 30, LINK))
            + box(MIDDLE, LINK, 60, 40, class_="box")
            + text(MIDDLE, LINK - 8, "link")
            + text(MIDDLE, LINK + 9, "1 × 1")
            + arrow((MIDDLE + 30, LINK), (HORIZONTAL - 11, LINK))
            + node(HORIZONTAL, LINK, "+")
        ),
    ),
    "condition": Part(
        "condition",
        ("self.project(gate(left))", "return gate(above), features"),
        "A condition, such as a label, is one more term in both gates: gate(left + condition) and "
        "gate(above + condition). This code has none; chapter 5 adds it.",
        lambda: (
            touched((VERTICAL, CONDITION), (HORIZONTAL, CONDITION))
            + box(MIDDLE, CONDITION, 84, 26, class_="box dashed")
            + text(MIDDLE, CONDITION, "condition")
            + arrow((MIDDLE - 42, CONDITION), (VERTICAL + 11, CONDITION), stroke_dasharray="4 3")
            + arrow((MIDDLE + 42, CONDITION), (HORIZONTAL - 11, CONDITION), stroke_dasharray="4 3")
            + node(VERTICAL, CONDITION, "+")
            + node(HORIZONTAL, CONDITION, "+")
        ),
    ),
    "vertical-gate": Part(
        "gate of the vertical stack",
        ("features, gates = ops.split", "ops.tanh(features) * ops.sigmoid", "return gate(above)"),
        "2F features are split: tanh of one half times the logistic function of the other.",
        lambda: _gate(VERTICAL),
    ),
    "horizontal-gate": Part(
        "gate of the horizontal stack",
        ("features, gates = ops.split", "ops.tanh(features) * ops.sigmoid", "gate(left)"),
        "The same gate, on what the row to the left and the rows above say together.",
        lambda: _gate(HORIZONTAL),
    ),
    "project": Part(
        "1 × 1 convolution",
        ("self.project(",),
        "A 1 × 1 convolution mixes the features of each pixel.",
        lambda: (
            box(HORIZONTAL, PROJECT, 164, 28, class_="box")
            + text(HORIZONTAL, PROJECT, "1 × 1 convolution")
        ),
    ),
    "residual": Part(
        "residual connection",
        ("if not self.first", "features = horizontal + features"),
        "The input is added to the output; not in the first block, whose input is the pixel "
        "itself.",
        lambda: touched(*AROUND) + arrow(*AROUND) + node(HORIZONTAL, RESIDUAL, "+"),
    ),
}

STYLE = f"""<style>
.pcnn-block {{ display: flex; flex-wrap: wrap; gap: .6em 1.6em; align-items: center; color: inherit;
  justify-content: center }}
.pcnn-block svg {{ flex: 0 1 460px; min-width: 0; max-width: 100%; height: auto; font-size: 14.5px;
  font-family: inherit; overflow: visible }}
.pcnn-block text {{ fill: currentColor; pointer-events: none }}
.pcnn-block .shape {{ font-size: 12.5px; opacity: .85 }}
.pcnn-block .stack {{ fill: {QUIET}; fill-opacity: .12 }}
.pcnn-block .box {{ fill: {QUIET}; fill-opacity: .16; stroke: currentColor; stroke-width: 1.2 }}
.pcnn-block .dashed {{ stroke-dasharray: 4 3 }}
.pcnn-block .line {{ fill: none; stroke: currentColor; stroke-width: 1.2 }}
.pcnn-block .head {{ fill: currentColor }}
.pcnn-block .centre {{ fill: none; stroke: currentColor; stroke-width: 1.6 }}
.pcnn-block .hit {{ fill: none; stroke: transparent; stroke-width: 14; pointer-events: stroke }}
.pcnn-block g[tabindex] {{ cursor: pointer; outline: none }}
.pcnn-block .code {{ flex: 0 1 auto; min-width: 0; max-width: 100%; text-align: left }}
.pcnn-block .source {{ font: .8em/1.55 ui-monospace, SFMono-Regular, Menlo, Consolas, monospace;
  overflow-x: auto; padding: .3em 0 }}
.pcnn-block .code span {{ display: block; white-space: pre; padding: 0 .5em; width: max-content;
  min-width: 100%; border-left: 3px solid transparent }}
.pcnn-block .about {{ display: grid; font-size: .9em; line-height: 1.4; margin: .4em 0 0 }}
.pcnn-block .about p {{ grid-area: 1 / 1; margin: 0 .5em; visibility: hidden; max-width: 34em }}
.pcnn-block .about p:first-child {{ visibility: visible }}
@media (max-width: 600px) {{ .pcnn-block .source {{ font-size: .66em }} }}
</style>"""
LIT = f"background: {BLUE}44; border-left-color: {BLUE}"


def sources() -> list[str]:
    """The lines of `pcnnlib.minimal` that compute a block: its gate, and its `call`."""
    found = []
    for function in (minimal.gate, minimal.GatedBlock.call):
        found += [*textwrap.dedent(inspect.getsource(function)).rstrip().splitlines(), ""]
    return found[:-1]


def lines_of(part: Part, lines: list[str]) -> list[int]:
    """The numbers of the lines that compute a part, from 0."""
    found = [[k for k, line in enumerate(lines) if code in line] for code in part.code]
    if any(len(numbers) != 1 for numbers in found):
        raise LookupError(f"{part.name}: {part.code} do not each stand in one line of the source")
    return sorted({number for (number,) in found})


def gated_block() -> Drawing:
    """The gated block: two stacks, their masks, shapes, link, gates, residual and condition.

    Returns:
        `Drawing`, with the code of `pcnnlib.minimal.GatedBlock.call` below it. Part and code light
        up together when one of them is pointed at, tapped or focused.
    """
    lines = sources()
    lit, groups, about = [], [], []
    by_line: dict[int, list[str]] = {k: [] for k in range(len(lines))}
    for name, part in PARTS.items():
        numbers = lines_of(part, lines)
        for number in numbers:
            by_line[number].append(name)
        code = "; ".join(lines[number].strip() for number in numbers)
        words = f"{part.name}. {part.about} Code: {code}"
        groups.append(
            element("g", part.draw(), tabindex=0, role="img", aria_label=words, data_part=name)
        )
        about.append(f'<p data-about="{name}">{escape(part.about)}</p>')
        # Pointing at something wins over what has the focus.
        for state in (":hover", ":focus"):
            unless = "" if state == ":hover" else ":not(:has(g[tabindex]:hover))"
            here = f'.pcnn-block{unless}:has([data-part="{name}"]{state})'
            lit.append(
                f'{here} .code [data-parts~="{name}"] {{ {LIT} }}'
                f"{here} .about p:first-child {{ visibility: hidden }}"
                f'{here} .about [data-about="{name}"] {{ visibility: visible }}'
                f'{here} [data-part="{name}"] .box {{ fill: {BLUE}; fill-opacity: .35; '
                f"stroke: {BLUE}; stroke-width: 2.2 }}"
                f'{here} [data-part="{name}"] .line {{ stroke: {BLUE}; stroke-width: 2.4 }}'
            )
        lit.append(
            f'.pcnn-block:has([data-parts~="{name}"]:hover) [data-part="{name}"] .box '
            f"{{ fill: {BLUE}; fill-opacity: .35; stroke: {BLUE} }}"
        )
    shown = "".join(
        f'<span data-parts="{" ".join(by_line[k])}">{escape(line) or " "}</span>'
        for k, line in enumerate(lines)
    )
    svg = (
        f'<svg viewBox="0 0 {SIZE[0]} {SIZE[1]}" width="{SIZE[0]}" role="group" '
        f'aria-label="{{alt}}">{_background()}{"".join(groups)}</svg>'
    )
    body = (
        f'{STYLE}<style>{"".join(lit)}</style><div class="pcnn-block">{svg}<div class="code">'
        f'<div class="source">{shown}</div><div class="about"><p>Point at a part, tap it, '
        f"or reach it with the Tab key: the lines that compute it light up.</p>{''.join(about)}"
        "</div></div></div>"
    )
    return Drawing(body, "drawing of the gated block")


def _background() -> str:
    """The two stacks, and the arrows between parts with the shapes that pass along them."""
    parts = []
    for x, name in ((VERTICAL, "vertical"), (HORIZONTAL, "horizontal")):
        parts += [
            element("rect", x=x - 94, y=32, width=188, height=OUTPUT - 46, rx=8, class_="stack"),
            text(x - 6, INPUT, name, text_anchor="end", font_weight="bold"),
            text(x + 6, INPUT, "(B, H, W, F)", text_anchor="start", class_="shape"),
            arrow((x, INPUT + 8), (x, CONVOLUTION - 28)),
            text(x + 8, LINK - 22, "(B, H, W, 2F)", text_anchor="start", class_="shape"),
            text(x - 6, OUTPUT, name, text_anchor="end", font_weight="bold"),
            text(x + 6, OUTPUT, "(B, H, W, F)", text_anchor="start", class_="shape"),
        ]
    below = GATE + 47
    parts += [
        arrow((VERTICAL, CONVOLUTION + 28), (VERTICAL, CONDITION - 11)),
        arrow((HORIZONTAL, CONVOLUTION + 28), (HORIZONTAL, LINK - 11)),
        arrow((HORIZONTAL, LINK + 11), (HORIZONTAL, CONDITION - 11)),
        *(arrow((x, CONDITION + 11), (x, GATE - 34), head=False) for x in (VERTICAL, HORIZONTAL)),
        arrow((VERTICAL, below), (VERTICAL, OUTPUT - 10)),
        arrow((HORIZONTAL, below), (HORIZONTAL, PROJECT - 14)),
        arrow((HORIZONTAL, PROJECT + 14), (HORIZONTAL, RESIDUAL - 11)),
        arrow((HORIZONTAL, RESIDUAL + 11), (HORIZONTAL, OUTPUT - 10)),
    ]
    return "".join(parts)
