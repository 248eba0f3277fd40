"""Ways of a pixel through the layers, step by step: one stack never gets there, two do.

All is computed from the library's masks: the pixels that each layer reaches, and the path that
comes nearest.
"""

import zlib
from collections.abc import Sequence
from typing import Any

import numpy as np

from pcnnlib._internal.errors import UsageError, check_int
from pcnnlib.nn import masks
from pcnnlib.nn.raster import before
from pcnnlib.viz import checks
from pcnnlib.viz.diagrams.vector import Drawing, element, text
from pcnnlib.viz.style import BLIND, LATER, QUIET, SEEN

CELL, GAP = 30, 34  # size of a pixel, and the space between the panels
STEP, HOLD = 1.5, 4.0  # seconds


def offsets(mask: Any) -> np.ndarray:
    """Where the taps of a mask `(k, k)` lie, as rows and columns from its centre, `(taps, 2)`."""
    return np.argwhere(mask) - np.array(np.shape(mask)) // 2


def reached(layers: Sequence, at: tuple[int, int], shape: tuple[int, int]) -> list[np.ndarray]:
    """Pixels that a prediction depends on after each layer, from the output to the image.

    Args:
        layers: masks `(k, k)`, of the last layer first.
        at: `(i, j)`, the pixel being predicted.
        shape: `(H, W)`.

    Returns:
        list of bool `(H, W)`: before any layer, after the first of `layers`, and so on.
    """
    seen = np.zeros(shape, bool)
    seen[at] = True
    found = [seen]
    for mask in layers:
        seen = np.zeros(shape, bool)
        for here in np.argwhere(found[-1]):
            there = here + offsets(mask)
            inside = ((there >= 0) & (there < shape)).all(axis=1)
            seen[tuple(there[inside].T)] = True
        found.append(seen)
    return found


def nearest_path(
    layers: Sequence, at: tuple[int, int], goal: tuple[int, int], shape: tuple[int, int]
) -> list[tuple[int, int]]:
    """The pixels of a path, one step a layer, that ends in the goal's column, or as near as it can.

    Of the paths that end equally near, one that gets ahead as evenly as the layers allow.
    """
    found = reached(layers, at, shape)
    here = min(map(tuple, np.argwhere(found[-1])), key=lambda p: _distance(p, goal))
    path = [here]
    for k in range(len(layers) - 1, -1, -1):
        came_from = np.array(path[0]) - offsets(layers[k])
        ahead = np.array(at) + (np.array(here) - at) * k / len(layers)
        possible = [
            tuple(p)
            for p in came_from
            if (p >= 0).all() and (p < shape).all() and found[k][tuple(p)]
        ]
        path.insert(0, min(possible, key=lambda p: float(np.abs(p - ahead).sum())))
    return [(int(i), int(j)) for i, j in path]


def missed_by(end: tuple[int, int], goal: tuple[int, int]) -> str:
    """How a path that ends at a pixel missed the goal, in words."""
    row, column = end[0] - goal[0], end[1] - goal[1]
    sides = [
        f"{abs(n)} {what}{'s' if abs(n) > 1 else ''} too {after if n > 0 else before}"
        for n, what, before, after in (
            (row, "row", "high", "low"),
            (column, "column", "far left", "far right"),
        )
        if n
    ]
    return ", ".join(sides) or "reached"


def _distance(pixel: Any, goal: Any) -> tuple[int, int]:
    return abs(int(pixel[1]) - goal[1]), abs(int(pixel[0]) - goal[0])


def paths_to_a_pixel(
    shape: Any = (6, 8), at: Any = (4, 2), goal: Any = (3, 5), *, layers: int = 3
) -> Drawing:
    """How a prediction looks for a pixel, layer by layer: with one stack, and with two.

    Args:
        shape: `(H, W)` of the image.
        at: `(i, j)`, the pixel being predicted.
        goal: `(i, j)`, an earlier pixel that it looks for.
        layers: of 3 x 3 kernels.

    Returns:
        `Drawing`: an animation that rests while it is pointed at, and for readers who prefer less
        motion its last picture.

    Raises:
        UsageError: pixels outside the image, or a goal that is not earlier.
    """
    shape = checks.check_sequence("shape", shape, 2)
    height, width = (check_int("each of shape", n, 1, 16) for n in shape)
    at = checks.check_pixel("at", at, (height, width))
    goal = checks.check_pixel("goal", goal, (height, width))
    layers = check_int("layers", layers, 1, 12)
    earlier = before((height, width), at)
    if not earlier[goal]:
        raise UsageError(f"goal must come before {at} in raster order, got {goal}")
    # From the output to the image: masks B, and at last the mask A that reads the image.
    types = "B" * (layers - 1) + "A"
    stacks = {
        "One stack": [masks.raster_mask(3, t)[:, :, 0, 0] for t in types],
        "The vertical stack": [masks.vertical_mask(3, t)[:, :, 0, 0] for t in types],
    }
    panels, rules, step = [], [], 0
    seconds = 2 * layers * STEP + HOLD
    # Another drawing on the page has other steps and another time.
    own = f"pcnn-paths-{zlib.crc32(repr((shape, at, goal, layers)).encode()):08x}"
    for k, (title, kernels) in enumerate(stacks.items()):
        deep = reached([kernels[0]] * (height + width) + kernels[-1:], at, (height, width))[-1]
        # The horizontal stack sees the own row, where there is one.
        blind = earlier & ~deep if k == 0 else np.zeros_like(earlier)
        path = nearest_path(kernels, at, goal, (height, width))
        found = reached(kernels, at, (height, width))
        below, above = [_cells({"later": ~earlier, "blind": blind})], []
        for layer, kernel in enumerate(kernels):
            stays, shown = f"s{step}", f"k{step}"
            begin, end = (step * STEP / seconds, (step + 1) * STEP / seconds)
            rules += [_appears(own, stays, begin), _appears(own, shown, begin, end)]
            last = layer == layers - 1
            below.append(
                element(
                    "g",
                    _squares(found[layer + 1], fill=SEEN, fill_opacity=0.85 if last else 0.5),
                    class_=f"step {stays if last else shown + ' passing'}",
                )
            )
            around = np.zeros_like(earlier)
            for i, j in np.array(path[layer]) + offsets(kernel):
                if 0 <= i < height and 0 <= j < width:
                    around[i, j] = True
            below.append(
                element("g", _squares(around, class_="tap"), class_=f"step {shown} passing")
            )
            line, dot = _step(path[layer], path[layer + 1], layer)
            below.append(element("g", line, class_=f"step {stays}"))
            above.append(element("g", dot, class_=f"step {stays}"))
            step += 1
        count = f"{layers} layer{'s' if layers > 1 else ''}"
        verdict = f"{count}: {missed_by(path[-1], goal)}"
        rules.append(_appears(own, f"e{k}", (step - 0.4) * STEP / seconds))
        above += [
            _square(goal, class_="goal"),
            element("circle", cx=_middle(at)[0], cy=_middle(at)[1], r=7, class_="at"),
            text(width * CELL / 2, -14, title, class_="title"),
            element("g", text(width * CELL / 2, height * CELL + 16, verdict), class_=f"step e{k}"),
        ]
        drawn = below + above
        panel = element("g", "".join(drawn))
        panels.append(
            f'<svg viewBox="-4 -28 {width * CELL + 8} {height * CELL + 58}" '
            f'width="{width * CELL + 8}" aria-hidden="true">{panel}</svg>'
        )
    time = f".{own} .step {{ animation: {seconds:g}s linear infinite }}"
    style = f"{STYLE}<style>{time}{''.join(rules)}</style>"
    key = "".join(
        f'<span><svg viewBox="0 0 1 1" aria-hidden="true"><rect width="1" height="1" '
        f'fill="{colour}"/></svg>{words}</span>'
        for words, colour in (
            ("reached", SEEN),
            (f"not in {layers} layers", f"{QUIET}8c"),
            ("blind spot: in none", BLIND),
            ("not yet generated", LATER),
        )
    )
    body = (
        f'{style}<div class="pcnn-paths {own}" role="img" aria-label="{{alt}}">{"".join(panels)}'
        f'<div class="key">{key}</div></div>'
    )
    return Drawing(body, "animation of paths through the layers")


def _middle(pixel: tuple[int, int]) -> tuple[float, float]:
    return (pixel[1] + 0.5) * CELL, (pixel[0] + 0.5) * CELL


def _square(pixel: Any, **attributes: Any) -> str:
    corner: dict[str, Any] = {"x": int(pixel[1]) * CELL + 1, "y": int(pixel[0]) * CELL + 1}
    return element("rect", **corner, width=CELL - 2, height=CELL - 2, **attributes)


def _squares(cells: np.ndarray, **attributes: Any) -> str:
    return "".join(_square(pixel, **attributes) for pixel in np.argwhere(cells))


def _cells(roles: dict) -> str:
    plain = _squares(~roles["later"] & ~roles["blind"], class_="earlier")
    return plain + _squares(roles["later"], fill=LATER) + _squares(roles["blind"], fill=BLIND)


def _step(here: tuple[int, int], there: tuple[int, int], layer: int) -> tuple[str, str]:
    """The step of the path through one layer, with the layer's number at its end."""
    (x, y), (u, v) = _middle(here), _middle(there)
    line = element("line", x1=x, y1=y, x2=u, y2=v, class_="way")
    dot = element("circle", cx=u, cy=v, r=8.5, class_="dot")
    return line, dot + text(u, v, str(layer + 1), class_="number")


def _appears(own: str, name: str, begin: float, end: float | None = None) -> str:
    """A rule: parts of this name appear after a share of the time, and stay or go again.

    It is that of the drawing `own` alone.
    """
    a = 100 * begin
    shown = f"{a + 2:.2f}%, 100%" if end is None else f"{a + 2:.2f}%, {100 * end:.2f}%"
    gone = "" if end is None else f" {100 * end + 2:.2f}%, 100% {{ opacity: 0 }}"
    return (
        f"@keyframes {own}-{name} "
        f"{{ 0%, {a:.2f}% {{ opacity: 0 }} {shown} {{ opacity: 1 }}{gone} }}"
        f".{own} .{name} {{ animation-name: {own}-{name} }}"
    )


STYLE = f"""<style>
.pcnn-paths {{ display: flex; flex-wrap: wrap; justify-content: center; gap: .4em {GAP}px;
  color: inherit }}
.pcnn-paths > svg {{ flex: 0 1 auto; min-width: 0; max-width: 100%; height: auto; font-size: 14px;
  font-family: inherit }}
.pcnn-paths text {{ fill: currentColor }}
.pcnn-paths .title {{ font-weight: bold }}
.pcnn-paths .earlier {{ fill: {QUIET}; fill-opacity: .55 }}
.pcnn-paths .tap {{ fill: none; stroke: currentColor; stroke-width: 1.6 }}
.pcnn-paths .passing {{ opacity: 0 }}
.pcnn-paths .way {{ stroke: currentColor; stroke-width: 2.5 }}
.pcnn-paths .dot {{ fill: {SEEN}; stroke: currentColor; stroke-width: 1.5 }}
.pcnn-paths .number {{ fill: #fff; font-size: 12px; font-weight: bold }}
.pcnn-paths .at {{ fill: currentColor }}
.pcnn-paths .goal {{ fill: none; stroke: currentColor; stroke-width: 3 }}
.pcnn-paths:hover .step {{ animation-play-state: paused }}
.pcnn-paths .key {{ flex: 1 0 100%; display: flex; flex-wrap: wrap; justify-content: center;
  gap: .2em 1.2em; font-size: .9em }}
.pcnn-paths .key svg {{ width: .85em; height: .85em; margin-right: .4em; vertical-align: -.08em }}
@media (prefers-reduced-motion: reduce) {{ .pcnn-paths .step {{ animation: none !important }} }}
</style>"""
