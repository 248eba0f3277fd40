"""Scores of many images, batch by batch: what is done is kept, and a second start goes on there."""

import pathlib
import time
from collections.abc import Callable

import pcnnlib_startup

with pcnnlib_startup.without_chatter():
    import numpy as np

    from pcnnlib._internal.files import replacing


def score_all(
    score: Callable, images: np.ndarray, kept: pathlib.Path, batch_size: int
) -> tuple[np.ndarray, float]:
    """Scores of all images, and the seconds that they took.

    Args:
        score: function of `(n, H, W, C)` images that returns numbers `(n, columns)`.
        images: integer levels `(N, H, W, C)`.
        kept: file that holds what is done, and the seconds of it.
        batch_size: n, images at once.

    Returns:
        `(scores (N, columns), seconds)`.
    """
    done, seconds = None, 0.0
    if kept.is_file():
        with np.load(kept) as file:
            done, seconds = file["done"][: len(images)], float(file["seconds"])
    while done is None or len(done) < len(images):
        began = time.perf_counter()
        so_far = 0 if done is None else len(done)
        # The last batch begins earlier rather than being smaller: another shape is compiled anew.
        first = max(0, min(so_far, len(images) - batch_size))
        batch = score(images[first : first + batch_size])[so_far - first :]
        done = batch if done is None else np.concatenate([done, batch])
        seconds += time.perf_counter() - began
        with replacing(kept) as scratch, open(scratch, "wb") as file:
            np.savez(file, done=done, seconds=seconds)
        print(f"{len(done):,} of {len(images):,} images, {seconds:.0f} s", flush=True)
    return done, seconds
