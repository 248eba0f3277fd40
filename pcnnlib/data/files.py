"""Data sets in `.npz` files: every damage is named, and nothing is unpickled."""

import os
import pathlib
import zipfile
import zlib
from collections.abc import Sequence

import numpy as np

from pcnnlib._internal.errors import UsageError


def read_npz(
    path: str | os.PathLike, keys: Sequence[str], optional: Sequence[str] = ()
) -> dict[str, np.ndarray]:
    """Arrays of an `.npz` file, by key; pickled objects are refused.

    Raises:
        UsageError: no such file, damaged, a key missing, or an array of objects.
    """
    path = pathlib.Path(path)
    if not path.is_file():
        raise UsageError(f"data file {path} does not exist")
    try:
        # Checked first: NumPy's own error calls any other file a pickle.
        if not zipfile.is_zipfile(path):
            raise ValueError("not a zip file")
        with np.load(path, allow_pickle=False) as archive:
            missing = [key for key in keys if key not in archive.files]
            if missing:
                raise UsageError(
                    f"data file {path} lacks {', '.join(missing)}; "
                    f"it has {', '.join(archive.files) or 'nothing'}"
                )
            wanted = [*keys, *(key for key in optional if key in archive.files)]
            arrays = {key: archive[key] for key in wanted}
        if not all(isinstance(array, np.ndarray) for array in arrays.values()):
            raise ValueError("a member that is no array")  # NumPy gives its bytes
        return arrays
    except UsageError:
        raise
    except ValueError as error:
        if "allow_pickle" in str(error):
            reason = "it holds Python objects, which are never loaded"
        else:
            reason = "it is no .npz archive of arrays"
        raise UsageError(f"data file {path} cannot be read: {reason}") from error
    # What a damaged or dishonest archive can raise: too much memory, an unknown compression, ...
    except (OSError, EOFError, MemoryError, RuntimeError, zipfile.BadZipFile, zlib.error) as error:
        raise UsageError(
            f"data file {path} cannot be read: {error or type(error).__name__}"
        ) from error


def read_images(path: str | os.PathLike) -> list:
    """The images and labels of an `.npz` file with `x_train`, `x_test` and, if any, labels.

    Returns:
        `((x_train, y_train), (x_test, y_test))`: uint8 `(N, H, W, C)` and int64 `(N,)` or None.

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
        if images.min() < 0 or images.max() > 255:
            raise UsageError(
                f"data file {path}: x_{part} must hold levels 0..255, "
                f"got {images.min()}..{images.max()}"
            )
        if labels is not None:
            labels = labels.reshape(-1)
            if labels.dtype.kind not in "iu" or len(labels) != len(images) or labels.min() < 0:
                raise UsageError(
                    f"data file {path}: y_{part} must be {len(images)} integer labels >= 0, "
                    f"got {labels.dtype} {labels.shape}"
                )
            labels = labels.astype("int64")
        images = images.astype("uint8")
        splits.append((images if images.ndim == 4 else images[..., None], labels))
    if splits[0][0].shape[1:] != splits[1][0].shape[1:]:
        raise UsageError(
            f"data file {path}: x_train and x_test must hold images of one shape, "
            f"got {splits[0][0].shape[1:]} and {splits[1][0].shape[1:]}"
        )
    if len(splits[0][0]) < 2:
        raise UsageError(f"data file {path}: x_train must hold at least 2 images, got 1")
    return splits
