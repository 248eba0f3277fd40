"""Figures of what a prediction sees: receptive fields, causality, what a change reaches."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib import patches
from numpy.typing import ArrayLike

from pcnnlib._internal.errors import UsageError, check_int
from pcnnlib.analysis import CausalityReport
from pcnnlib.nn.raster import before, raster_order
from pcnnlib.viz import checks
from pcnnlib.viz.style import (
    GREEN,
    INK,
    LATER,
    MEANINGS,
    SEEN,
    Picture,
    colour_legend,
    draw_cells,
    mark_pixel,
    new_panels,
    paint,
    role_legend,
    styled,
    words,
)


@styled
def receptive_fields(
    maps: dict,
    at: Any,
    *,
    columns: int = 4,
    reach: int | dict | None = None,
    order: int | dict = 0,
) -> Picture:
    """Which pixels the prediction of one pixel depends on, and which earlier ones it misses.

    Args:
        maps: dict of title -> `(H, W)`: strengths (`pcnnlib.receptive_field`) or bool
            (`CausalityReport.seen_from`). Strengths are shown by a logarithmic shade.
        at: `(i, j)`, the predicted pixel; or a dict of title -> `(i, j)`.
        columns: panels per row.
        reach: how many rows and columns away the kernels reach, an int or a dict of title -> int;
            what lies further is out of reach, not blind. None: as far as the farthest seen pixel.
        order: in which the model reads, an int or a dict of title -> int.

    Returns:
        `Picture`. Pixels at or after `at` that are seen all the same, leaks, are crossed.

    Raises:
        UsageError: no maps, maps that are no strengths, or a pixel outside its map.
    """
    maps = checks.check_named("maps", maps, "title -> strengths (H, W)")
    if isinstance(at, dict) and set(at) != set(maps):
        raise UsageError(f"at must name the titles of maps, got {', '.join(map(str, at))}")
    if isinstance(reach, dict) and set(reach) != set(maps):
        raise UsageError(f"reach must name the titles of maps, got {', '.join(map(str, reach))}")
    if isinstance(order, dict) and set(order) != set(maps):
        raise UsageError(f"order must name the titles of maps, got {', '.join(map(str, order))}")
    columns = check_int("columns", columns, 1)
    figure, axes = new_panels(len(maps), 1.7, columns=columns, legend=True)
    roles_shown = set()
    for axis, (title, seen) in zip(axes, maps.items(), strict=True):
        seen = _strengths(f"maps[{title!r}]", seen)
        here = checks.check_pixel("at", at[title] if isinstance(at, dict) else at, seen.shape)
        far = reach[title] if isinstance(reach, dict) else reach
        own = order[title] if isinstance(order, dict) else order
        roles, strength = pixel_roles(seen, here, far, own)
        colour = paint([(MEANINGS[name][0], roles == name) for name in MEANINGS])
        colour[roles == "here"] = 0
        fade = roles == "seen"
        colour[..., 3] = np.where(fade, strength, colour[..., 3])
        draw_cells(axis, colour, gap=max(roles.shape) <= 20)
        if not (roles == "leak")[here]:
            mark_pixel(axis, here)
        for i, j in np.argwhere(roles == "leak"):
            axis.plot(j, i, "x", color="#ffffff", ms=3.5, mew=1.1)
        axis.set_title(words(title))
        roles_shown |= set(roles.flat)
    role_legend(figure, [name for name in MEANINGS if name in roles_shown])
    return figure


def pixel_roles(
    seen: ArrayLike, at: Any, reach: int | None = None, order: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """What each pixel is to the prediction at `at`, and how strongly it counts.

    An earlier pixel that is not seen is "blind" if the kernels reach as far, and "unreached" if
    not: more layers cure only the second.

    Args:
        seen: `(H, W)`, strengths or bool.
        at: `(i, j)`, the predicted pixel.
        reach: how many rows and columns away the kernels reach; None: as far as the farthest pixel
            that is seen.
        order: in which the model reads, see `pcnnlib.nn.raster.ORDERS`.

    Returns:
        str array `(H, W)` of "here", "seen", "blind", "unreached", "leak" or "later", and
        float `(H, W)` in [0.4, 1], 1 for the strongest influence.

    Raises:
        UsageError: strengths not finite or below 0, a pixel outside, or a reach that is no
            integer.
    """
    seen = _strengths("seen", seen)
    at = checks.check_pixel("at", at, seen.shape)
    earlier = before(seen.shape, at, order)
    strength = np.ones(seen.shape)
    if seen.dtype != bool and (seen > 0).any():
        logs = np.log10(np.where(seen > 0, seen, np.nan))
        top = np.nanmax(logs)
        # Three decades of influence fill the scale.
        strength = np.nan_to_num(np.clip(1 + 0.6 * (logs - top) / 3, 0.4, 1), nan=1.0)
    seen = seen > 0
    away = np.abs(np.indices(seen.shape) - np.reshape(at, (2, 1, 1))).max(axis=0)
    if reach is None:
        reach = max(away[seen & earlier], default=0)
    unseen = np.where(away <= check_int("reach", reach, 0), "blind", "unreached")
    roles = np.where(earlier, np.where(seen, "seen", unseen), np.where(seen, "leak", "later"))
    here = np.zeros(seen.shape, bool)
    here[tuple(at)] = True
    return np.where(here & ~seen, "here", roles), strength


def _strengths(name: str, seen: ArrayLike) -> np.ndarray:
    """A map of strengths or bool, or `UsageError`."""
    seen = checks.check_array(name, seen, ("H", "W"))
    if seen.min() < 0:
        raise UsageError(f"{name} must hold strengths >= 0, got {seen.min():g}")
    return seen


@styled
def causality(reports: dict) -> Picture:
    """Every pair of values: does the input (column) change the prediction (row)?

    A causal model fills nothing on or above the diagonal; one without a blind spot fills all
    below it.

    Args:
        reports: dict of title -> `CausalityReport`.

    Returns:
        `Picture`.

    Raises:
        UsageError: no reports.
    """
    reports = checks.check_named("reports", reports, "title -> CausalityReport")
    for title, report in reports.items():
        if not isinstance(report, CausalityReport):
            came = type(report).__name__
            raise UsageError(f"reports[{title!r}] must be a CausalityReport, got {came}")
    figure, axes = new_panels(len(reports), 2.15, columns=3, legend=True)
    roles_shown = set()
    for axis, (title, report) in zip(axes, reports.items(), strict=True):
        n = math.isqrt(report.influence.size)
        influence, earlier = (x.reshape(n, n).T for x in (report.influence, report.before))
        roles = np.where(
            earlier,
            np.where(influence, "seen", "blind"),
            np.where(influence, "leak", "later"),
        )
        colour = paint([(MEANINGS[name][0], roles == name) for name in MEANINGS])
        draw_cells(axis, colour, gap=n <= 16)
        axis.set_title(words(title))
        axis.set_axis_on()
        axis.set_xticks([]), axis.set_yticks([])
        axis.set_xlabel("value changed")
        axis.spines[:].set_visible(False)
        roles_shown |= set(roles.flat)
    axes[0].set_ylabel("prediction")
    names = [name for name in MEANINGS if name in roles_shown and name != "here"]
    role_legend(figure, names, {"blind": "earlier, not seen", "later": "not earlier, not seen"})
    return figure


@styled
def changed_features(
    vertical: np.ndarray, horizontal: np.ndarray, at: Any, *, blocks: Sequence[int]
) -> Picture:
    """What a newly drawn pixel changes in a network, and what of it the next pixel needs.

    Args:
        vertical, horizontal: bool `(blocks, H, W)`, from `analysis.changed_features`.
        at: `(i, j)`, the pixel that was drawn.
        blocks: which blocks to show, counted from 1.

    Returns:
        `Picture`: a panel per block and stack.

    Raises:
        UsageError: no blocks, one that is not there, shapes that disagree, a pixel outside.
    """
    vertical = checks.check_array("vertical", vertical, ("blocks", "H", "W"), "bool")
    horizontal = checks.check_array("horizontal", horizontal, vertical.shape, "bool")
    at = checks.check_pixel("at", at, vertical.shape[1:])
    blocks = [
        check_int("each of blocks", block, 1, len(vertical))
        for block in checks.check_sequence("blocks", blocks)
    ]
    figure, axes = new_panels(2 * len(blocks), 1.5, columns=len(blocks), legend=True)
    nothing = np.zeros(vertical.shape[1:], bool)
    order = raster_order(*nothing.shape)
    following = order == order[tuple(at)] + 1
    stacks = {"vertical": vertical, "horizontal": horizontal}
    panels = [(name, stack, block) for name, stack in stacks.items() for block in blocks]
    for axis, (name, stack, block) in zip(axes, panels, strict=True):
        changed = stack[block - 1]
        needed = changed & following if name == "horizontal" else nothing
        draw_cells(axis, paint([(LATER, ~changed), (SEEN, changed), (GREEN, needed)]))
        axis.add_patch(
            patches.Rectangle((at[1] - 0.5, at[0] - 0.5), 1, 1, fill=False, ec=INK, lw=1.4)
        )
        axis.set_title(f"{name}, block {block}")
    meanings = {
        LATER: "unchanged",
        SEEN: "changes",
        GREEN: "changes, and the next pixel needs it",
    }
    colour_legend(figure, {word: colour for colour, word in meanings.items()})
    return figure


@styled
def changed_predictions(maps: dict, outlined: dict | None = None) -> Picture:
    """Which predictions a change reaches.

    Args:
        maps: dict of title -> bool `(H, W)`, from `analysis.changed_predictions`.
        outlined: dict of title -> `(top, left, height, width)`, where the change was made, or None.

    Returns:
        `Picture`.

    Raises:
        UsageError: no maps, maps that are not bool, or outlines that are no rectangles.
    """
    maps = {
        title: checks.check_array(f"maps[{title!r}]", reached, ("H", "W"), "bool")
        for title, reached in checks.check_named("maps", maps, "title -> bool (H, W)").items()
    }
    outlined = checks.check_optional("outlined", outlined, "title -> (top, left, height, width)")
    outlined = {
        title: checks.check_array(f"outlined[{title!r}]", place, (4,))
        for title, place in outlined.items()
    }
    if not set(outlined) <= set(maps):
        raise UsageError(f"outlined must name titles of maps, got {', '.join(map(str, outlined))}")
    figure, axes = new_panels(len(maps), 1.7, columns=4, legend=True)
    for axis, (title, reached) in zip(axes, maps.items(), strict=True):
        draw_cells(axis, paint([(LATER, ~reached), (SEEN, reached)]))
        axis.set_title(words(title))
        if title in outlined:
            top, left, height, width = outlined[title]
            corner = (left - 0.5, top - 0.5)
            axis.add_patch(patches.Rectangle(corner, width, height, fill=False, ec=INK, lw=1.6))
    colour_legend(figure, {"prediction changes": SEEN, "unchanged": LATER})
    return figure
