"""Published weights, and the example images beside them."""

import os

import numpy as np

from pcnnlib._internal.errors import UsageError
from pcnnlib.data.files import is_regular_file, read_npz
from pcnnlib.models import AutoregressiveModel
from pcnnlib.runs.publish import file_checksum
from pcnnlib.runs.registry import EXAMPLES, RUN, WEIGHTS, read_run, run_dir
from pcnnlib.training import load_model

# The arrays of `examples` that are images.
IMAGES = {"test", "drawn", "nearest"}


def load_pretrained(
    name: str, results_path: str | os.PathLike | None = None
) -> AutoregressiveModel:
    """A published model with its weights, ready to draw.

    Args:
        name: of the run, such as "mnist" or "cifar-subset/mixture".
        results_path: folder of runs of your own, or None for those that come with the library.

    Returns:
        A model of this library.

    Raises:
        UsageError: no such run, one without weights, or weights that are not those published.
    """
    run, path = read_run(name, results_path), run_dir(name, results_path) / WEIGHTS
    if "weights" not in run:
        raise UsageError(f"run {name!r} has no weights")
    if not path.is_file():
        raise UsageError(f"{path} is missing")
    published = run["weights"].get("sha256") if isinstance(run["weights"], dict) else None
    if file_checksum(path) != published:
        raise UsageError(f"{path} is damaged: its checksum is not the one in {RUN}")
    return load_model(path)


def read_examples(
    name: str, results_path: str | os.PathLike | None = None
) -> dict[str, np.ndarray]:
    """Images beside a run, for pages that show it.

    Args:
        name: of the run, such as "mnist".
        results_path: folder of runs of your own, or None for those that come with the library.

    Returns:
        dict of arrays, see `examples`; empty if the run has none.

    Raises:
        UsageError: no such run, or a damaged file.
    """
    path = run_dir(name, results_path) / EXAMPLES
    if not is_regular_file(path, "result"):
        return {}
    arrays = read_npz(path, None, what="result")
    model = read_run(name, results_path).get("model")
    model = model.get("autoencoder", model) if isinstance(model, dict) else {}
    shape = model.get("image_shape") if isinstance(model, dict) else None
    if not isinstance(shape, list):  # a record of before version 0.2, say
        return arrays
    for key in IMAGES & arrays.keys():
        if [*arrays[key].shape[1:]] != shape or arrays[key].dtype.kind not in "iu":
            raise UsageError(
                f"result {path} cannot be read: {key} must hold integer images of {tuple(shape)}, "
                f"got {arrays[key].dtype} {arrays[key].shape}"
            )
    return arrays
