"""Data sets in `.npz` files: every damage is named, and nothing is unpickled."""

import lzma
import math
import os
import stat
import struct
import tokenize
import warnings
import zipfile
import zlib
from collections.abc import Sequence

import numpy as np

from pcnnlib._internal.devices import memory
from pcnnlib._internal.errors import UsageError, channels_first, check_path, first_line
from pcnnlib._internal.levels import MOST_LEVELS, MOST_SHADES, as_levels

# Largest label of a class: a network has weights for each class that could be.
MAX_LABEL = 65_535
# What a damaged or dishonest archive can raise: too much memory, an unknown compression, ...
DAMAGES = (
    OSError,
    EOFError,
    MemoryError,
    RuntimeError,
    KeyError,
    OverflowError,
    SyntaxError,
    TypeError,
    struct.error,
    tokenize.TokenError,
    lzma.LZMAError,
    zipfile.BadZipFile,
    zlib.error,
)


def read_npz(
    path: str | os.PathLike,
    keys: Sequence[str] | None,
    optional: Sequence[str] = (),
    what: str = "data file",
) -> dict[str, np.ndarray]:
    """Arrays of an `.npz` file, by key; pickled objects are refused.

    What a file declares is held against what it holds and against the machine's memory before any
    of it is unpacked.

    Args:
        path: the file.
        keys: arrays that must be there; None: all that are.
        optional: further arrays that may be.
        what: what an error message calls the file.

    Raises:
        UsageError: no such file, damaged, a key missing, an array of objects, or more than half the
            memory.
    """
    path = check_path("path", path)
    if not is_regular_file(path, what):
        raise UsageError(f"{what} {path} does not exist")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of NumPy, on headers that Python 2 wrote
        return _read_npz(path, keys, optional, what)


def _read_npz(path, keys, optional, what):
    try:
        # Checked first: NumPy's own error calls any other file a pickle.
        if not zipfile.is_zipfile(path):
            raise ValueError("not a zip file")
        with zipfile.ZipFile(path) as archive:
            members = {info.filename: info for info in archive.infolist()}
            names = [name.removesuffix(".npy") for name in members]
            missing = [key for key in keys or () if key not in names]
            if missing:
                raise UsageError(
                    f"{what} {path} lacks {', '.join(missing)}; "
                    f"it has {', '.join(names) or 'nothing'}"
                )
            wanted = names if keys is None else [*keys, *(k for k in optional if k in names)]
            if not all(f"{key}.npy" in members for key in wanted):
                raise ValueError("a member that is no array")
            declared = sum(_declared_bytes(archive, members[f"{key}.npy"]) for key in wanted)
            if declared > memory() // 2:
                raise UsageError(
                    f"{what} {path} holds {declared / 1e9:,.1f} GB of arrays, more than half of "
                    f"this machine's {memory() / 1e9:,.1f} GB of memory"
                )
        with np.load(path, allow_pickle=False) as file:
            return {key: file[key] for key in wanted}
    except UsageError:
        raise
    except ValueError as error:
        if "allow_pickle" in str(error):
            reason = "it holds Python objects, which are never loaded"
        else:
            reason = "it is no .npz archive of arrays"
        raise UsageError(f"{what} {path} cannot be read: {reason}") from error
    except DAMAGES as error:
        raise UsageError(f"{what} {path} cannot be read: {first_line(error)}") from error


def is_regular_file(path: str | os.PathLike, what: str) -> bool:
    """Whether a file is there that can be read to its end; a folder counts as none.

    Raises:
        UsageError: a pipe or a device, which could be read without an end, or a path that cannot
            be followed.
    """
    try:
        mode = os.stat(path).st_mode
    except (FileNotFoundError, NotADirectoryError):
        return False
    except (OSError, ValueError) as error:  # too long a name, links in a loop, no permission
        raise UsageError(f"{what} {path} cannot be read: {first_line(error)}") from error
    if not stat.S_ISREG(mode) and not stat.S_ISDIR(mode):
        raise UsageError(f"{what} {path} cannot be read: it is a pipe or a device, not a file")
    return stat.S_ISREG(mode)


def _declared_bytes(archive, member):
    """Bytes that an array in a zip file says it has, by its header alone."""
    with archive.open(member) as file:
        version = np.lib.format.read_magic(file)
        read_header = {
            (1, 0): np.lib.format.read_array_header_1_0,
            (2, 0): np.lib.format.read_array_header_2_0,
        }[version]
        shape, _, dtype = read_header(file)
        array = math.prod(shape) * dtype.itemsize
        if not dtype.hasobject and file.tell() + array != member.file_size:
            raise EOFError("an array declares another size than it has")
    return member.file_size


def read_images(path: str | os.PathLike, levels: int = MOST_SHADES) -> list:
    """The images and labels of an `.npz` file with `x_train`, `x_test` and, if any, labels.

    Args:
        path: the file.
        levels: K; more than 256 are codes.

    Returns:
        `((x_train, y_train), (x_test, y_test))`: uint8 `(N, H, W, C)`, uint16 above 256 levels,
        and int64 `(N,)` or None.

    Raises:
        UsageError: what `read_npz` raises, or arrays that are not images or labels.
    """
    arrays = read_npz(path, ["x_train", "x_test"], optional=["y_train", "y_test"])
    if ("y_train" in arrays) != ("y_test" in arrays):
        raise UsageError(f"data file {path} must have both y_train and y_test, or neither")
    splits = []
    for part in ("train", "test"):
        images, labels = arrays[f"x_{part}"], arrays.get(f"y_{part}")
        if images.dtype.kind not in "iub":
            raise UsageError(
                f"data file {path}: x_{part} must hold integer levels, got {images.dtype}"
            )
        if images.ndim not in (3, 4) or 0 in images.shape:
            raise UsageError(
                f"data file {path}: x_{part} must be (N, H, W) or (N, H, W, C), got {images.shape}"
            )
        if channels_first(images.shape):
            raise UsageError(
                f"data file {path}: x_{part} must be (N, H, W, C), channels last; "
                f"{images.shape} looks like (N, C, H, W): np.moveaxis(x_{part}, 1, -1) mends it"
            )
        most = max(levels, MOST_SHADES)
        if images.min() < 0 or images.max() >= most:
            codes = levels <= MOST_SHADES and 0 <= images.min() <= images.max() < MOST_LEVELS
            hint = f": give levels, {images.max() + 1} or more, if these are codes" if codes else ""
            raise UsageError(
                f"data file {path}: x_{part} must hold levels 0..{most - 1}, "
                f"got {images.min()}..{images.max()}{hint}"
            )
        if labels is not None:
            labels = labels.reshape(-1)
            if labels.dtype.kind not in "iu" or len(labels) != len(images):
                raise UsageError(
                    f"data file {path}: y_{part} must be {len(images)} integer labels >= 0, "
                    f"got {labels.dtype} {labels.shape}"
                )
            wrong = labels[(labels < 0) | (labels > MAX_LABEL)]
            if wrong.size:
                raise UsageError(
                    f"data file {path}: y_{part} must hold labels 0..{MAX_LABEL}, got {wrong[0]}"
                )
            labels = labels.astype("int64")
        images = as_levels(images, most)
        splits.append((images if images.ndim == 4 else images[..., None], labels))
    if splits[0][0].shape[1:] != splits[1][0].shape[1:]:
        raise UsageError(
            f"data file {path}: x_train and x_test must hold images of one shape, "
            f"got {splits[0][0].shape[1:]} and {splits[1][0].shape[1:]}"
        )
    if len(splits[0][0]) < 2:
        raise UsageError(f"data file {path}: x_train must hold at least 2 images, got 1")
    return splits
