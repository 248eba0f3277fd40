"""Images as bytes, by a model's own predictions, and back.

Each value costs `-log2 p` bits, `p` being what the model gave it: a file is as long as the images'
negative log-likelihood. Reader and writer run the same compiled function on the same shapes, one
pixel of a batch at a time, so that reading costs about what drawing costs, and writing no less.

B batch, H rows, W columns, C channels, K levels.
"""

import hashlib
import platform
import zlib
from importlib import metadata
from typing import Any

import keras
import numpy as np
from numpy.typing import ArrayLike

from pcnnlib._internal import devices
from pcnnlib._internal.errors import UsageError, check_bool, check_int, check_weights_finite
from pcnnlib._internal.levels import as_levels
from pcnnlib._internal.progress import progress_bar
from pcnnlib.codec.coder import Decoder, Encoder, integer_probabilities, pack_integers
from pcnnlib.codec.coder import unpack_integers as unpack
from pcnnlib.codec.container import LARGEST_BATCH, Container, parse
from pcnnlib.models.autoencoders import Autoencoder
from pcnnlib.models.base import AutoregressiveModel
from pcnnlib.models.latent_prior import LatentPrior
from pcnnlib.models.vqvae import VectorQuantizedAutoencoder
from pcnnlib.nn.conditions import rows_of
from pcnnlib.nn.raster import check_order, reorient_each, restore_each
from pcnnlib.sampling.stepwise import pixel_steps

FLOAT = np.dtype("<f4")  # of vectors and maps in a file
# What `environment` may name.
ENVIRONMENT = tuple(
    "backend tensorflow jax torch pcnnlib keras numpy constriction machine devices".split()
)


def compress(
    model: Any,
    images: ArrayLike,
    condition: Any = None,
    *,
    order: Any = 0,
    verify: bool = True,
    progress: bool = False,
) -> bytes:
    """Images as bytes, about as many as the model's likelihood promises.

    The condition is part of the file: labels take `log2` of their number in bits each, vectors and
    maps their float32 numbers. What the model weighs is not: whoever reads the file needs the same
    weights.

    Each value costs at most 2e-7 bits (2 levels) or 2e-5 bits (256 levels) more than by its
    probability, and the file some 300 bytes beyond.

    Args:
        model: a `PixelCNN` or `GatedPixelCNN`. An autoencoder has no distribution of images: its
            `decoder` has, with codes for a condition.
        images: integer levels `(N, H, W, C)`, at least one image.
        condition: one row per image, for a conditional model.
        order: in which the images are read, one for all or one for each.
        verify: whether to decompress at the end, and to raise an error rather than return bytes
            that give other images. Takes as long as compressing does.
        progress: whether to show a progress bar (a step is one row of one batch).

    Returns:
        bytes, for `decompress`.

    Raises:
        UsageError: images, condition or order that do not fit the model, weights or probabilities
            that are not finite, or a machine that does not compute the same numbers twice.

    >>> data = compress(model, images)  # doctest: +SKIP
    >>> (decompress(model, data) == images).all()  # doctest: +SKIP
    np.True_
    """
    _check_model(model)
    verify, progress = check_bool("verify", verify), check_bool("progress", progress)
    images = model.check_images(images)
    n = len(images)
    if not n:
        raise UsageError("images must hold at least one image, got none")
    orders = check_order(0 if order is None else order, model.orders, n)
    rows = model.inputs_taken.rows(condition, n)
    size = batch_size(n)
    given = model.check_condition(condition, n, orders)
    check_weights_finite(model)
    encoder = Encoder()
    turned = reorient_each(images, orders)

    def put(place, counts):
        first, i, j, channel = place
        return encoder.put(turned[first : first + size, i, j, channel], counts)

    _run(model, n, given, size, put, lambda first, batch: None, _bar(progress, n, size, model))
    data = Container(
        image_shape=model.image_shape,
        levels=model.levels,
        count=n,
        batch_size=size,
        fingerprint=fingerprint(model),
        checksum=hashlib.sha256(_levels(images)).digest(),
        batch_checksums=tuple(
            zlib.crc32(_levels(images[first : first + size])) for first in range(0, n, size)
        ),
        environment=environment(),
        orders=pack_integers(orders, model.orders),
        condition=_pack_condition(model, rows),
        payload=encoder.bytes(),
    ).pack()
    if verify and not np.array_equal(decompress(model, data, progress=progress), images):
        raise UsageError(NOT_REPRODUCED)  # `decompress` has said so before
    return data


def decompress(
    model: Any, data: bytes, *, return_condition: bool = False, progress: bool = False
) -> Any:
    """The images of `compress`, every pixel as it was, or an error.

    Another backend, another version of a library or another processor may round otherwise than the
    one that wrote the file, and then nothing can be read from it. That is noticed, by a checksum,
    at the end of the first batch that differs.

    Args:
        model: the one that compressed them.
        data: bytes of `compress`.
        return_condition: whether to return the condition too.
        progress: whether to show a progress bar (a step is one row of one batch).

    Returns:
        `(N, H, W, C)`, uint8, or uint16 above 256 levels; with `return_condition` also the
        condition, an array or None.

    Raises:
        UsageError: bytes that are no compressed images or are damaged, of another model, or that
            this machine does not decode to the images they were made of.
    """
    _check_model(model)
    return_condition = check_bool("return_condition", return_condition)
    progress = check_bool("progress", progress)
    file = parse(data)
    check_weights_finite(model)
    if (file.image_shape, file.levels) != (model.image_shape, model.levels):
        raise UsageError(
            f"data holds images {file.image_shape} of {file.levels} levels, "
            f"the model is for {model.image_shape} of {model.levels}"
        )
    if file.fingerprint != fingerprint(model):
        raise UsageError(
            "data was compressed by another model: the fingerprint of its weights is "
            f"{file.fingerprint.hex()[:12]}..., not {fingerprint(model).hex()[:12]}..."
        )
    n = file.count
    rows = _unpack_condition(model, file.condition, n)
    orders = unpack(file.orders, model.orders, n)
    given = model.check_condition(rows, n, orders)
    decoder = Decoder(file.payload)
    batches, digest = [], hashlib.sha256()
    checksums = iter(file.batch_checksums)
    bar = _bar(progress, n, file.batch_size, model)

    def finish(first, batch):
        batch = restore_each(batch, orders[first : first + len(batch)])
        if zlib.crc32(_levels(batch)) != next(checksums):
            raise UsageError(_not_reproduced(file))
        digest.update(_levels(batch))
        batches.append(batch)

    _run(model, n, given, file.batch_size, lambda _, counts: decoder.get(counts), finish, bar)
    if digest.digest() != file.checksum:
        raise UsageError(_not_reproduced(file))
    images = np.concatenate(batches)
    return (images, rows) if return_condition else images


def fingerprint(model: AutoregressiveModel) -> bytes:
    """SHA-256 of the values of a model's weights, and of their shapes."""
    digest = hashlib.sha256()
    for weight in model.get_weights():
        digest.update(f"{weight.dtype}{weight.shape}".encode())
        digest.update(np.ascontiguousarray(weight).tobytes())
    return digest.digest()


def environment() -> dict[str, str]:
    """What numbers depend on here: backend, versions, machine."""
    name = keras.backend.backend()
    packages = ("pcnnlib", "keras", name, "numpy", "constriction")
    versions = {package: _version(package) for package in packages}
    kind = ",".join(devices.accelerators()) or "cpu"
    return {"backend": name, **versions, "machine": platform.machine(), "devices": kind}


def _run(model, n, given, size, code, finish, bar):
    """Step through all images; what is coded of a pixel goes into it.

    Args:
        n: images; the last batch is filled up with the last one.
        size: of a batch.
        code: function of `((first, i, j, channel), counts)`, the image at which a batch begins,
            place and counts of the values of those that are no filling: returns the values.
        finish: function of a batch's first image and its images, in raster order.
    """
    height, width, channels = model.image_shape
    for first in range(0, n, size):
        index = np.minimum(np.arange(first, first + size), n - 1)
        inside = min(size, n - first)
        steps = pixel_steps(model, size, rows_of(given, index))
        images = np.zeros((size, *model.image_shape), "int32")
        for i in range(height):
            steps.begin_row(i)
            for j in range(width):
                pixel = np.zeros((size, channels), "int32")
                for channel in range(channels):
                    found = steps.probabilities(j, channel, pixel)[:inside]
                    values = code((first, i, j, channel), integer_probabilities(found))
                    # A copy, because a tensor may share the memory of the former.
                    pixel = pixel.copy()
                    pixel[:, channel] = values[index - first]
                images[:, i, j] = pixel
                steps.append(j, pixel)
            steps.end_row(images[:, i])
            if bar is not None:
                bar.add(1)
        finish(first, as_levels(images[:inside], model.levels))


def batch_size(n: int) -> int:
    """Images that the network is run on at once: equal parts, none larger than when drawing."""
    n = check_int("n", n, 1)
    return -(-n // -(-n // LARGEST_BATCH))


def _check_model(model: Any) -> None:
    if isinstance(model, Autoencoder):
        raise UsageError(
            f"model must give images a probability, and {type(model).__name__} gives one to images "
            "with their code: compress by its decoder, if it has one, with condition=codes"
        )
    if isinstance(model, (LatentPrior, VectorQuantizedAutoencoder)):
        raise UsageError(
            f"model must give images a probability, and {type(model).__name__} gives a bound: "
            "compress their codes, model.encode(images), by the model.prior of a LatentPrior"
        )
    if not isinstance(model, AutoregressiveModel):
        raise UsageError(f"model must be one of this library, got {type(model).__name__}")


def _levels(images: np.ndarray) -> bytes:
    """The bytes that checksums are of, the same on every machine."""
    return np.ascontiguousarray(images, images.dtype.newbyteorder("<")).tobytes()


def _pack_condition(model, rows):
    if rows is None:
        return b""
    if not model.condition.shape:
        lowest = model.condition.lowest  # -1 where there may be no label
        return pack_integers(rows - lowest, model.condition.n - lowest)
    return rows.astype(FLOAT).tobytes()


def _unpack_condition(model, data, n):
    """The rows that a file holds, or `UsageError` where they are none of this model's."""
    if model.condition is None:
        if data:
            raise UsageError("data is damaged: it holds a condition, and the model takes none")
        return None
    if not model.condition.shape:
        lowest = model.condition.lowest
        return unpack(data, model.condition.n - lowest, n) + lowest
    wanted = FLOAT.itemsize * n * int(np.prod(model.condition.shape))
    if len(data) != wanted:
        raise UsageError(
            f"data is damaged: its condition has {len(data):,} bytes, {n:,} images have {wanted:,}"
        )
    rows = np.frombuffer(data, FLOAT).astype("float32").reshape(n, *model.condition.shape)
    if not np.isfinite(rows).all():
        raise UsageError("data is damaged: its condition holds NaN or infinity")
    return rows


def _bar(progress: bool, n: int, batch: int, model: Any) -> Any:
    return progress_bar(-(-n // batch) * model.image_shape[0], "row") if progress else None


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "unknown"


NOT_REPRODUCED = "data cannot be decoded here: the images that come out are not those that went in"


def _not_reproduced(file: Container) -> str:
    """The message of a file that decodes to other images, with what may be the reason."""
    # A file may say anything of its making: only what is known is repeated, and in quotes.
    here = environment()
    other = {
        name: file.environment[name]
        for name in ENVIRONMENT
        if name in file.environment and file.environment[name] != here.get(name)
    }
    if not other:
        return f"{NOT_REPRODUCED}; all that the file says of its making is the same here"
    made = ", ".join(f"{name} {value!r:.40}" for name, value in other.items())
    found = ", ".join(f"{name} {here.get(name, 'none')!r:.40}" for name in other)
    return f"{NOT_REPRODUCED}; it was made with {made}, and here is {found}"
