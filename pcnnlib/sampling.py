"""Drawing images pixel by pixel: the plain way (`full`), and from caches (`cached`).

`full` runs the whole network once per pixel: simple, slow, and the reference.

`cached` computes what a new pixel changes and nothing else (in the spirit of Ramachandran et al.
2017, arXiv:1704.06001). The vertical stack of a row depends on the rows above alone: it runs once
per row, for all columns. The horizontal stack runs once per pixel (once per channel for ordered
colour). The caches hold the rows and columns that the kernels still reach, so memory grows with
W times layers (times dilation), never with H*W times layers.

Both draw by inversion from the same uniform noise, made by NumPy from the seed: the same seed gives
the same images, by either method, on either backend, and image k does not depend on how many are
drawn.
"""

import concurrent.futures

import keras
import numpy as np
from keras import ops

from pcnnlib import backend
from pcnnlib.errors import UsageError, check_int, check_number

# More images at once would gain no speed; more than this are drawn in equal parts.
LARGEST_BATCH = 256
# Fewer images than this are not worth a core of their own.
SMALLEST_LANE = 8
# Whether TensorFlow compiles `cached` through XLA. Small batches spend their time between
# operations, which XLA does away with; `benchmarks/sampling.py` has the figures.
XLA = True


def sample(
    model,
    n,
    condition=None,
    *,
    seed=None,
    temperature=1.0,
    image=None,
    keep=None,
    method=None,
    progress=False,
    callback=None,
    return_log_likelihood=False,
):
    """Draw `n` images.

    Args:
        model: a `PixelCNN` or `GatedPixelCNN`.
        n: number of images, at least 1.
        condition: one row per image, for a conditional model.
        seed: int >= 0, or None for fresh randomness.
        temperature: > 0. Below 1, likely values become likelier still.
        known: integer images `(n, H, W, C)`, or one of them `(H, W, C)` for all, to complete.
        given: boolean mask, True where `image` is kept, of the shape of `image`, or without its
            last axis, or one mask `(H, W)` for all. A drawn pixel can only take account of given
            pixels *before* it in raster order.
        method: "cached", "full", or None for the fastest that the model has.
        progress: whether to show a progress bar (a step is one row of one batch).
        callback: function of `(rows, images)`, called after each row of a batch: the number of
            rows drawn, and uint8 `(batch, H, W, C)` with zeros where nothing is drawn yet.
        return_log_likelihood: whether to return each image's log-likelihood too.

    Returns:
        uint8 `(n, H, W, C)`; with `return_log_likelihood` also float64 `(n,)`, nats, of the whole
        image (given pixels included) at temperature 1.

    Raises:
        UsageError: an argument out of range, shapes that disagree, `image` without `keep`.
    """
    n = check_int("n", n, 1)
    temperature = check_number("temperature", temperature, 0.0, open_below=True)
    # Below this the likeliest level is as good as certain, and float32 would divide by zero.
    temperature = max(temperature, 1e-30)
    if seed is not None:
        seed = check_int("seed", seed, 0)
    method = check_method(model, method)
    condition = model.check_condition(condition, n)
    image, keep = check_keep(model, n, image, keep)
    start, row = METHODS[method]
    height, width, channels = model.image_shape
    # One stream for all images: image k gets the same noise however many are drawn.
    noise = np.random.default_rng(seed).random(
        (n, height, width, channels, model.distribution.noise_per_channel), "float32"
    )
    parts = -(-n // LARGEST_BATCH)
    batch = -(-n // parts)
    # One lane a core: a pixel's step is too small to be shared, but two batches run side by side.
    lanes = min(backend.cores(), batch // SMALLEST_LANE or 1) if method == "cached" else 1
    lane = -(-batch // lanes)
    batch = lane * lanes
    bar = keras.utils.Progbar(parts * height, unit_name="row") if progress else None
    compiled = model.compiled_functions.setdefault("sampled", set())
    fresh = (method, lane) not in compiled
    if progress and fresh:
        print(f"compiling the sampler for batches of {lane}, once")
    drawn = []
    with concurrent.futures.ThreadPoolExecutor(lanes) as pool:
        for first in range(0, n, batch):
            # The last part is filled up, so that every part has the shape compiled for.
            index = np.minimum(np.arange(first, first + batch), n - 1).reshape(lanes, lane)
            states = [
                start(model, lane, None if condition is None else condition[k]) for k in index
            ]
            images = np.zeros((batch, *model.image_shape), "uint8")
            for i in range(height):
                jobs = [
                    (model, state, i, (noise[k, i], image[k, i], keep[k, i]), temperature)
                    for state, k in zip(states, index, strict=True)
                ]
                # What is compiled in the first row of all is compiled once, before lanes share it.
                side_by_side = map if fresh else pool.map
                rows = list(side_by_side(lambda job: row(*job), jobs))
                fresh = False
                states = [state for state, _, _ in rows]
                images[:, i] = np.concatenate([values for _, values, _ in rows])
                if callback is not None:
                    callback(i + 1, images[: n - first].copy())
                if bar is not None:
                    bar.add(1)
            compiled.add((method, lane))
            drawn.append(images[: n - first])
    drawn = np.concatenate(drawn)
    if return_log_likelihood:
        return drawn, model.log_likelihood(drawn, condition)
    return drawn


def frames(images, keep=None, every=1, first=0):
    """An image growing pixel by pixel: frame t shows the first t pixels, and the given ones.

    Generation never revisits a pixel, so the finished image tells the whole story.

    Args:
        images: `(n, H, W, C)`.
        given: mask of pixels known from the start, broadcastable to `(n, H, W, C)`.
        every: pixels from one frame to the next.
        first: pixels shown by the first frame.

    Yields:
        `(images with zeros where nothing is drawn yet, bool mask of drawn pixels (n, H, W, C))`.
    """
    images = np.asarray(images)
    height, width = images.shape[1:3]
    order = np.arange(height * width).reshape(height, width, 1)
    keep = np.zeros((), bool) if keep is None else np.asarray(keep)
    for t in [*range(first, height * width, check_int("every", every, 1)), height * width]:
        shown = np.broadcast_to(keep | (order < t), images.shape)
        yield np.where(shown, images, 0), shown


def parameters(model, images, condition=None, method=None):
    """Parameters of every pixel's distribution, as the sampler computes them, one after another.

    What the sampler would see if it were drawing exactly these images; for tests and for study.

    Returns:
        float32 array of the shape of `model(images)`.
    """
    images = model.check_images(images)
    n = len(images)
    condition = model.check_condition(condition, n)
    start, row = METHODS[check_method(model, method)]
    state = start(model, n, condition)
    noise = np.zeros((n, *model.image_shape[1:], model.distribution.noise_per_channel), "float32")
    rows = []
    for i in range(model.image_shape[0]):
        inputs = (noise, images[:, i].astype("int32"), np.ones_like(images[:, i], bool))
        state, _, seen = row(model, state, i, inputs, 1.0, keep_parameters=True)
        rows.append(seen)
    return np.stack(rows, axis=1)


def cache_size(model):
    """Numbers that `cached` keeps from one row to the next, and within a row, for one image.

    Grows with the width of the image and the number of blocks, not with its height.
    """
    state, _ = _cached_start(model, 1, None)
    return sum(int(np.prod(cache.shape)) for cache in (*state, *_left_of_row(model, 1)))


def check_method(model, method):
    """The name of the sampling method, or `UsageError`."""
    cached = hasattr(model, "blocks") and hasattr(model.blocks[0], "look_left")
    if method is None:
        return "cached" if cached else "full"
    if method not in METHODS:
        wanted = ", ".join(repr(m) for m in METHODS)
        raise UsageError(f"method must be one of {wanted} or None, got {method!r}")
    if method == "cached" and not cached:
        raise UsageError(f'method "cached" needs a GatedPixelCNN, got {type(model).__name__}')
    return method


def check_keep(model, n, image, keep):
    """`image` and `keep` as int32 and bool arrays `(n, H, W, C)`; zeros and False for None."""
    shape = (n, *model.image_shape)
    if known is None and keep is None:
        return np.zeros(shape, "int32"), np.zeros(shape, bool)
    if known is None or keep is None:
        missing = "given" if keep is None else "known"
        raise UsageError(f"known and given come together: {missing} is missing")
    image = np.asarray(image)
    image = image[None] if image.shape == model.image_shape else known
    image = model.check_images(image, "known")
    if len(image) not in (1, n):
        raise UsageError(f"known must hold 1 or {n} images, got {len(image)}")
    keep = np.asarray(keep)
    if keep.dtype != bool:
        raise UsageError(f"given must be a boolean mask, got {given.dtype}")
    image, plane = model.image_shape, model.image_shape[:2]
    if keep.shape in (plane, (1, *plane), (n, *plane)):
        keep = keep[..., None]
    elif keep.shape not in (image, (1, *image), (n, *image)):
        raise UsageError(f"given must have shape {plane}, {image} or {shape}, got {given.shape}")
    image = np.broadcast_to(image, shape).astype("int32")
    return image, np.broadcast_to(keep, shape)


def _compiled(model, name, batch, function, xla):
    """Compile once per model and batch size, and keep it.

    One function per size: TensorFlow takes many sizes of one function for a mistake, and warns.
    """
    key = (name, batch)
    if key not in model.compiled_functions:
        model.compiled_functions[key] = backend.compiled(function, model, xla=xla)
    return model.compiled_functions[key]


# ---------------------------------------------------------------- full: the reference


def _full_start(model, batch, condition):
    return np.zeros((batch, *model.image_shape), "int32"), condition


def _full_row(model, state, i, inputs, temperature, keep_parameters=False):
    images, condition = state
    noise, image, keep = inputs

    def look(images, condition, noise, image, keep, at, temperature):
        """One look at the whole network: parameters and values of row i, column j."""
        given_so_far = images if condition is None else (images, condition)
        seen = model(given_so_far, training=False)
        seen = ops.take(ops.take(seen, at[0], axis=1), at[1], axis=1)[:, None, None]
        pixel = (x[:, None, None] for x in (image, keep))
        values = model.distribution.sample_given(seen, noise[:, None, None], temperature, *pixel)
        return values[:, 0, 0], seen[:, 0, 0]

    look = _compiled(model, "full", len(images), look, xla=False)
    images, seen_row = images.copy(), []
    width, channels = images.shape[2:]
    for j in range(width):
        for steps in range(channels if model.distribution.channelwise else 1):
            at = ops.convert_to_tensor([i, j], "int32")
            chosen, seen = look(
                ops.convert_to_tensor(images),
                None if condition is None else ops.convert_to_tensor(condition),
                *(ops.convert_to_tensor(x[:, j]) for x in (noise, image, keep)),
                at,
                ops.convert_to_tensor(temperature, "float32"),
            )
            chosen = ops.convert_to_numpy(chosen)
            # Channels before this one are fixed by now; later ones are not to be seen yet.
            upto = steps + 1 if model.distribution.channelwise else channels
            images[:, i, j, :upto] = chosen[:, :upto]
        seen_row.append(ops.convert_to_numpy(seen))
    return (images, condition), images[:, i].astype("uint8"), np.stack(seen_row, axis=1)


# ---------------------------------------------------------------- cached


def _cached_start(model, batch, condition):
    """Caches before the first row: the zeros that padding would put there."""
    width, channels = model.image_shape[1:]
    caches = []
    for index, block in enumerate(model.blocks):
        top, bottom, left, right = block.vertical.kernel_extent
        features = model.filters if index else channels
        # Only rows above the current one are kept: the current one comes with its row.
        shape = (batch, -top, width - left + right, features)
        caches.append(ops.zeros(shape, model.compute_dtype))
    encoded = ()
    if condition is not None:
        encoded = model.encode_condition(ops.convert_to_tensor(condition))
    return caches, encoded


def _cached_row(model, state, i, inputs, temperature, keep_parameters=False):
    caches, encoded = state
    noise, image, keep = inputs
    # A map says something else in every row; labels and vectors say the same.
    h = encoded[:, i : i + 1] if model.condition is not None and encoded.shape[1] > 1 else encoded

    def draw_row(caches, h, noise, image, keep, temperature):
        return _draw_row(model, caches, h, noise, image, keep, temperature, keep_parameters)

    name = "cached, with parameters" if keep_parameters else "cached"
    draw_row = _compiled(model, name, len(noise), draw_row, xla=XLA)
    caches, values, seen = draw_row(
        caches,
        h,
        ops.convert_to_tensor(noise),
        ops.convert_to_tensor(image),
        ops.convert_to_tensor(keep),
        ops.convert_to_tensor(temperature, "float32"),
    )
    values = np.asarray(ops.convert_to_numpy(values), "uint8")
    return (caches, encoded), values, ops.convert_to_numpy(seen)


def _draw_row(model, caches, h, noise, image, keep, temperature, keep_parameters):
    """Draw one row of a batch.

    Args:
        caches: per block, the rows above it still in reach, `(B, rows, W + padding, features)`.
        h: encoded condition of this row, or an empty tuple.
        noise: `(B, W, C, N)`; known: int `(B, W, C)`; given: bool `(B, W, C)`.

    Returns:
        `(caches for the next row, values (B, W, C), parameters (B, W, ...) if kept)`.
    """
    h = None if model.condition is None else h
    batch, width = image.shape[:2]
    row = None  # the vertical features of this row; the image itself is not drawn yet
    below, told = [], []
    for block, cache in zip(model.blocks, caches, strict=True):
        window = cache
        if block.vertical.kernel_extent[1] == 0:
            window = ops.concatenate([cache, _pad_columns(row, block)], axis=1)
            below.append(window[:, 1:])
        row, to_horizontal = block.look_up(window, h)
        told.append(to_horizontal)

    told = ops.concatenate(told, axis=-1)[:, 0]  # (B, W, 2F * blocks)

    left = _left_of_row(model, batch)
    columns = ops.arange(width)

    def put(row, j, pixel):
        """The row with its column j replaced."""
        at = ops.reshape(columns == j, (1, width, *[1] * (len(row.shape) - 2)))
        return ops.where(at, ops.expand_dims(pixel, 1), row)

    def step(j, state):
        left, values, seen = state
        column = [ops.squeeze(_column(x, j), 1) for x in (told, noise, image, keep)]
        pixel, left, parameters = _draw_pixel(model, left, *column, temperature)
        # Kept only when asked for: with 256 levels they would be most of the memory traffic.
        return left, put(values, j, pixel), put(seen, j, parameters) if keep_parameters else seen

    values = ops.zeros_like(image)
    seen = ops.zeros((0,))
    if keep_parameters:
        size = (batch, 1, width, model.distribution.size)
        seen = model.distribution.parameters(ops.zeros(size))[:, 0]
    _, values, seen = ops.fori_loop(0, width, step, (left, values, seen))
    # The finished row is the first block's newest row above.
    newest = _pad_columns(_scale(model, values)[:, None], model.blocks[0])
    return [ops.concatenate([caches[0][:, 1:], newest], axis=1), *below], values, seen


def _draw_pixel(model, left, told, noise, image, keep, temperature):
    """Draw one pixel of a batch, channel after channel.

    Args:
        left: per block, features to the left still in reach, `(B, 1, columns, features)`.
        told: what the vertical stack says of this pixel, all blocks together, `(B, 2F * blocks)`.
        noise: `(B, C, N)`; image, given: `(B, C)`.

    Returns:
        `(values (B, C), left of the next pixel, parameters of the pixel (B, ...))`.
    """
    told = ops.split(told[:, None, None], len(model.blocks), axis=-1)
    channels = image.shape[-1]
    values = ops.where(keep, image, ops.zeros_like(image))
    for channel in range(channels if model.distribution.channelwise else 1):
        here, after = _scale(model, values)[:, None, None], []
        for block, before, from_above in zip(model.blocks, left, told, strict=True):
            upto_here = ops.concatenate([before, here], axis=2)
            after.append(upto_here[:, :, 1:])
            window = upto_here if block.horizontal.kernel_extent[3] == 0 else before
            here = block.look_left(window, from_above, here)
        seen = model.distribution.parameters(model.head(here))
        pixel = (x[:, None, None] for x in (image, keep))
        drawn = model.distribution.sample_given(seen, noise[:, None, None], temperature, *pixel)
        drawn = drawn[:, 0, 0]
        if model.distribution.channelwise:
            # Later channels keep their place holder until it is their turn.
            turn = np.arange(channels) <= channel
            values = ops.where(turn, drawn, values)
        else:
            values = drawn
    # The image's own pixel is known only now; the other caches were complete in the last look.
    newest = _scale(model, values)[:, None, None]
    after[0] = ops.concatenate([left[0], newest], axis=2)[:, :, 1:]
    return values, after, seen[:, 0, 0]


def _left_of_row(model, batch):
    """Caches before the first column of a row: the zeros that padding would put there."""
    caches = []
    for index, block in enumerate(model.blocks):
        features = model.filters if index else model.image_shape[-1]
        shape = (batch, 1, -block.horizontal.kernel_extent[2], features)
        caches.append(ops.zeros(shape, model.compute_dtype))
    return caches


def _column(x, j):
    """Column j of `(B, W, ...)`, as `(B, 1, ...)`, for an index known only when running."""
    start = [0, j, *[0] * (len(x.shape) - 2)]
    return ops.slice(x, start, (x.shape[0], 1, *x.shape[2:]))


def _scale(model, values):
    return ops.cast(values, model.compute_dtype) * (2 / (model.levels - 1)) - 1


def _pad_columns(row, block):
    _, _, left, right = block.vertical.kernel_extent
    return ops.pad(row, ((0, 0), (0, 0), (-left, right), (0, 0)))


METHODS = {"cached": (_cached_start, _cached_row), "full": (_full_start, _full_row)}
