"""Scores of many images, batch by batch: what is done is kept, and a second start goes on there."""

import argparse
import pathlib
import time
from collections.abc import Callable, Collection

import pcnnlib_startup

with pcnnlib_startup.without_chatter():
    import numpy as np

    from pcnnlib._internal.files import replacing


RESULTS = pathlib.Path(__file__).parent.parent / "results"


def arguments(description: str, datasets: Collection[str] = ()) -> argparse.Namespace:
    """What an experiment that scores the test images is told; a rehearsal scores the first few.

    Args:
        description: for `--help`.
        datasets: those it can be asked to score, the usual one first; none: there is no choice.
    """
    parser = argparse.ArgumentParser(description=description)
    if datasets:
        parser.add_argument("--data", choices=list(datasets), default=next(iter(datasets)))
    parser.add_argument("--data_path", default="data")
    parser.add_argument("--results_path", help="by default the project's own results")
    parser.add_argument("--ckpt_path", default="ckpts", help="what is done is kept here")
    parser.add_argument("--images", type=int, help="only the first of them: to rehearse")
    args = parser.parse_args()
    if args.images is not None and args.images < 1:
        parser.error(f"--images must be at least 1, got {args.images}")
    if args.images is not None and args.results_path is None:
        parser.error("--images rehearses: give it a --results_path of its own")
    args.results_path = pathlib.Path(args.results_path or RESULTS)
    args.error = parser.error
    return args


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
