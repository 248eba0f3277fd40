"""Drawing images: the arguments, the noise, and the loop over parts and rows."""

import concurrent.futures
import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from pcnnlib._internal import devices
from pcnnlib._internal.deprecation import warn_renamed
from pcnnlib._internal.errors import (
    UsageError,
    check_bool,
    check_seed,
    check_size,
    check_temperature,
    check_weights_finite,
    short,
)
from pcnnlib._internal.levels import level_dtype
from pcnnlib._internal.progress import progress_bar
from pcnnlib.nn.conditions import rows_of
from pcnnlib.nn.raster import ORDERS, is_mixture, orders_of, reorient_each, restore_each
from pcnnlib.sampling import cached, fixed_point, plain, resampling
from pcnnlib.sampling.completion import all_kept_first, check_keep, order_of_each
from pcnnlib.sampling.guidance import guided

# More images at once would gain no speed; more than this are drawn in equal parts.
LARGEST_BATCH = 256
# A lane is the part of a batch that one thread draws: for fewer images a thread is not worth it.
SMALLEST_LANE = 8
# Per method: `start(model, batch, given)` makes the state before the first row, and
# `draw_row(model, state, i, (noise, image, keep), temperature, keep_parameters)` returns the next
# state, the values of row i `(B, W, C)` and, if they are kept, its parameters `(B, W, ...)`. Noise
# `(B, H, W, C, N)`, image and keep `(B, H, W, C)` are those of all rows. They know raster order
# alone: for another order, all of this is reoriented.
METHODS = {
    "cached": (cached.start, cached.draw_row),
    "rows": (cached.start, fixed_point.draw_row),
    "parallel": (fixed_point.start, fixed_point.take_row),
    "full": (plain.start, plain.draw_row),
}


def sample(
    model: Any,
    n: int,
    condition: Any = None,
    *,
    seed: int | None = None,
    temperature: float = 1.0,
    image: ArrayLike | None = None,
    keep: ArrayLike | None = None,
    method: str | None = None,
    progress: bool = False,
    callback: Callable[[int, np.ndarray], None] | None = None,
    return_log_likelihood: bool = False,
    order: Any = None,
    resample: int = 1,
    guidance: float = 1.0,
    known: ArrayLike | None = None,
    given: ArrayLike | None = None,
) -> Any:
    """Draw `n` images pixel by pixel.

    Args:
        model: a `PixelCNN` or `GatedPixelCNN`.
        n: number of images, at least 1.
        condition: one row per image, for a conditional model.
        seed: int >= 0, or None for fresh randomness.
        temperature: > 0. Below 1, likely values become likelier still.
        image: integer images `(n, H, W, C)`, or one of them `(H, W, C)` for all, to complete.
        keep: boolean mask, True where the pixels of `image` are kept, of the shape of `image`, or
            without its last axis, or one mask `(H, W)` for all. A pixel is drawn given only
            the kept pixels *before* it in its order.
        method: how the images are computed; the images are the same, but in half precision for
            some pixels whose probabilities are rounded otherwise. "cached": pixel by pixel,
            and of each pixel only what is new. "full": pixel by pixel, the whole network each
            time. "parallel": all pixels again and again until none changes, the whole network each
            time. "rows": the same within a row, the rows above cached. None: "cached" if the model
            has caches, else "parallel": on CPUs the fastest by `benchmarks/sampling.py`, or as fast
            as "rows".
        progress: whether to show a progress bar (a step is one row of one batch).
        callback: function of `(rows, images)`, called after each row of a batch: the number of
            rows drawn, and `(batch, H, W, C)` with zeros where nothing is drawn yet.
        return_log_likelihood: whether to return each image's log-likelihood too, in the order in
            which it was drawn.
        order: in which the pixels are drawn, 0 .. orders-1, one for all images or one for each (see
            `pcnnlib.nn.raster.ORDERS`); "mixture": for each image a random one, which draws
            from the mixture that `log_likelihood(order="mixture")` is of. None: the order that puts
            most kept pixels first, for each mask (`pcnnlib.sampling.best_order` says which, and
            `progress` prints it), and without any the first.
        resample: number of draws for each image, of which one is chosen: its chance is proportional
            to the probability of the kept pixels that come after drawn ones. More draws are closer
            to the model's own distribution given *all* kept pixels. The drawing takes so many times
            longer, and each draw takes one more pass of the network. Where an order puts all kept
            pixels first, one draw is enough, and one is made.
        guidance: for a model of `Labels(n, dropout=...)`: how much the label counts, from 0 on. At
            1 as it does in the model, above 1 more: images are more of their class, and less
            different from each other. Another value than 1 takes about twice as long.
        known, given: former names of `image` and `keep`, deprecated.

    Returns:
        `(n, H, W, C)`, uint8, or uint16 above 256 levels; with `return_log_likelihood` also float64
        `(n,)`, nats, of the whole image (kept pixels included) at temperature and guidance 1.

    Raises:
        UsageError: an argument out of range, shapes that disagree, `image` without `keep`, an order
            that the model does not know, `resample` without kept pixels or with a `callback`,
            guidance of a model that saw its labels always, or a model whose weights or outputs are
            not finite.
    """
    image = _renamed("known", known, "image", image)
    keep = _renamed("given", given, "keep", keep)
    n = check_size("n", n, "images drawn")
    temperature = check_temperature(temperature)
    progress = check_bool("progress", progress)
    return_log_likelihood = check_bool("return_log_likelihood", return_log_likelihood)
    if callback is not None and not callable(callback):
        raise UsageError(f"callback must be a function of (rows, images), got {short(callback)}")
    seed = check_seed(seed)
    method = check_method(model, method)
    check_weights_finite(model)
    resample = check_size("resample", resample, "images drawn")
    named = f"n={n} images" + (f" with resample={resample}" if resample > 1 else "")
    room = images_to_fill(n * resample, model.image_shape, model.levels, named)
    completes = image is not None or keep is not None
    image, keep = check_keep(model, n, image, keep)
    orders = order_of_each(model, n, order, keep if completes else None, seed)
    given = check_given(model, condition, n, orders)
    if progress and orders_of(model) > 1:
        print(f"drawing {describe_orders(orders)}")
    options = seed, temperature, method, progress
    network = guided(model, guidance)
    if resample > 1:
        _check_resample(keep, completes, callback)
        if not all_kept_first(keep, orders).all():
            rows = np.repeat(np.arange(n), resample)
            image, keep, orders = image[rows], keep[rows], orders[rows]
            given = rows_of(given, rows)
            drawn = _draw(network, room, given, image, keep, orders, None, *options)
            chosen = resampling.choose(network, drawn, given, keep, orders, resample, seed)
            drawn, orders = drawn[chosen], orders[chosen]
            return _with_likelihood(model, drawn, condition, orders, return_log_likelihood)
    drawn = _draw(network, room[:n], given, image, keep, orders, callback, *options)
    return _with_likelihood(model, drawn, condition, orders, return_log_likelihood)


def _renamed(former, given, name, value):
    """The value of an argument, or what came under its former name."""
    if given is None:
        return value
    if value is not None:
        raise UsageError(f"{former} must be left out: it is the former name of {name}")
    warn_renamed(f"sample({former}=)", f"{name}=", stacklevel=4)
    return given


def _draw(model, drawn, given, image, keep, order, callback, seed, temperature, method, progress):
    """Fill `drawn` part by part, each in lanes side by side, row by row; returns it."""
    n = len(drawn)
    turned = bool(order.any())
    start, draw_row = METHODS[method]
    height, width, channels = model.image_shape
    # One stream for all images: image k gets the same noise however many are drawn.
    rng = np.random.default_rng(seed)
    per_image = (height, width, channels, model.distribution.noise_per_channel)
    parts = -(-n // LARGEST_BATCH)
    batch = -(-n // parts)
    # One lane a core: a pixel's step is too small to be shared, but two batches run side by side.
    lanes = min(devices.cores(), batch // SMALLEST_LANE or 1) if method in ("cached", "rows") else 1
    lane = -(-batch // lanes)
    batch = lane * lanes
    bar = progress_bar(parts * height, "row") if progress else None
    compiled = model.compiled_functions.by_key.setdefault("sampled", set())
    fresh = (method, lane) not in compiled
    if progress and fresh:
        print(f"compiling the sampler for batches of {lane}, once")
    with concurrent.futures.ThreadPoolExecutor(lanes) as pool:
        for first in range(0, n, batch):
            # The last part is filled up, so that every part has the shape compiled for.
            index = np.minimum(np.arange(first, first + batch), n - 1).reshape(lanes, lane)
            noise = rng.random((min(batch, n - first), *per_image), "float32")
            images = np.zeros((batch, *model.image_shape), drawn.dtype)
            inputs = [(noise[k - first], image[k], keep[k]) for k in index]
            if turned:
                inputs = [
                    (step, *(reorient_each(values, order[k]) for values in kept))
                    for k, (step, *kept) in zip(index, inputs, strict=True)
                ]
            states = [start(model, lane, rows_of(given, k)) for k in index]
            for i in range(height):
                jobs = [
                    (model, state, i, lane_inputs, temperature)
                    for state, lane_inputs in zip(states, inputs, strict=True)
                ]
                # What is compiled in the first row of all is compiled once, before lanes share it.
                side_by_side = map if fresh else pool.map
                rows = list(side_by_side(lambda job: draw_row(*job), jobs))
                fresh = False
                states = [state for state, _, _ in rows]
                images[:, i] = np.concatenate([values for _, values, _ in rows])
                if callback is not None:
                    shown = restore_each(images, order[index.ravel()]) if turned else images
                    callback(i + 1, shown[: n - first].copy())
                if bar is not None:
                    bar.add(1)
            compiled.add((method, lane))
            images = restore_each(images, order[index.ravel()]) if turned else images
            drawn[first : first + batch] = images[: n - first]
    return drawn


def _with_likelihood(model, drawn, condition, order, wanted):
    if not wanted:
        return drawn
    # A model of one order need not know of any.
    options = {"order": order} if orders_of(model) > 1 else {}
    return drawn, model.log_likelihood(drawn, condition, **options)


def _check_resample(keep, completes, callback):
    if not completes:
        raise UsageError("resample needs image and keep: without them there is nothing to weigh by")
    if callback is not None:
        raise UsageError("callback must be None with resample: most of what it saw is not chosen")
    resampling.check_whole_pixels(keep)


def check_given(model: Any, condition: Any, n: int, order: Any) -> Any:
    """What n images come with, see `AutoregressiveModel.check_condition`."""
    if orders_of(model) == 1:  # a model of one order need not know of any
        return model.check_condition(condition, n)
    return model.check_condition(condition, n, order)


def describe_orders(order: np.ndarray) -> str:
    """The orders of images in words: "from the top left, row by row", or how many of each."""
    found, counts = np.unique(order, return_counts=True)
    if len(found) == 1:
        return f"{ORDERS[found[0]]} (order {found[0]})"
    each = (f"{n} {ORDERS[k]} (order {k})" for k, n in zip(found, counts, strict=True))
    return "; ".join(each)


def images_to_fill(n: int, shape: tuple[int, ...], levels: int, named: str) -> np.ndarray:
    """Room for `n` images of K levels, `(n, H, W, C)`, or `UsageError` if there is none.

    `named` is what the user asked for, for the message.
    """
    dtype = np.dtype(level_dtype(levels))
    try:
        return np.empty((n, *shape), dtype)
    except (MemoryError, ValueError) as error:
        size = n * math.prod(shape) * dtype.itemsize / 2**30
        raise UsageError(f"{named} need {size:,.0f} GiB: there is no such room") from error


def parameters(
    model: Any,
    images: ArrayLike,
    condition: Any = None,
    method: str | None = None,
    order: Any = 0,
) -> np.ndarray:
    """Parameters of every pixel's distribution, as the sampler computes them, one after another.

    What the sampler would see if it were drawing exactly these images; for tests and for study.

    Returns:
        float32 array of the shape of `model(images)`.

    Raises:
        UsageError: images, condition, method or order that do not fit the model.
    """
    images = model.check_images(images)
    n = len(images)
    if is_mixture(order):
        raise UsageError(f"order must be an integer, or one for each image, got {order!r}")
    orders = order_of_each(model, n, order, None, None)
    given = check_given(model, condition, n, orders)
    images = reorient_each(images, orders) if orders.any() else images
    start, draw_row = METHODS[check_method(model, method)]
    state = start(model, n, given)
    noise = np.zeros((*images.shape, model.distribution.noise_per_channel), "float32")
    inputs = noise, images.astype("int32"), np.ones_like(images, bool)
    rows = []
    for i in range(model.image_shape[0]):
        state, _, row = draw_row(model, state, i, inputs, 1.0, keep_parameters=True)
        rows.append(row)
    stacked = np.stack(rows, axis=1)
    return restore_each(stacked, orders) if orders.any() else stacked


def check_method(model: Any, method: str | None) -> str:
    """The name of the sampling method, or `UsageError`."""
    if method is None:
        return "cached" if cached.fits(model) else "parallel"
    if not isinstance(method, str) or method not in METHODS:
        wanted = ", ".join(repr(m) for m in METHODS)
        raise UsageError(f"method must be one of {wanted} or None, got {short(method)}")
    if method == "cached" and not cached.fits(model):
        raise UsageError(
            'method "cached" needs a model whose blocks keep caches, such as GatedPixelCNN, got '
            f"{type(model).__name__}"
        )
    if method == "rows" and not fixed_point.fits_rows(model):
        raise UsageError(
            'method "rows" needs a model whose blocks compute rows, such as GatedPixelCNN without '
            f"attention, got {type(model).__name__}"
        )
    return method
