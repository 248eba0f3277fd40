"""File sizes are those of files that give every pixel back, headers told apart from them."""

import file_sizes
import numpy as np
import pytest
from support import gated, random_images

from pcnnlib import runs


@pytest.mark.parametrize(("channels", "levels"), [(1, 2), (1, 256), (3, 256)])
def test_every_way_gives_the_images_back(channels, levels):
    """The script compares them itself; here also what it counts."""
    images = random_images(5, (6, 7, channels), levels)
    lines = file_sizes.peers(images, levels)
    formats = set(file_sizes.FORMATS)
    assert set(lines) == formats | {f"{f}, one picture" for f in formats} | set(
        file_sizes.COMPRESSORS
    )
    for name, line in lines.items():
        assert line["files"] == (5 if name in formats else 1)
        assert line["bits_per_dim"] == 8 * line["bytes"] / images.size > 0
        assert line["images_per_second_in"] > 0 and line["images_per_second_out"] > 0
        assert line["header_bytes"] is None or 0 < line["header_bytes"] < line["bytes"]
    assert lines["PNG"]["header_bytes"] is not None and lines["xz"]["header_bytes"] is None


def test_png_of_two_levels_has_one_bit_a_pixel():
    picture = file_sizes.as_picture(random_images(1, (6, 7, 1), 2)[0], 2)
    assert picture.mode == "1"
    (file,) = file_sizes.encode([picture], "PNG")
    pixels = len(file) - file_sizes.header_of("PNG", file)
    assert 6 < pixels < 30  # six rows of a byte and its filter's, behind zlib's own


def test_one_picture_holds_all_images_side_by_side():
    images = random_images(5, (2, 3, 1), 256)
    (whole,) = file_sizes.tiled(images)
    assert whole.shape == (4, 9, 1)
    assert np.array_equal(whole[:2, 3:6], images[1]) and np.array_equal(whole[2:, 3:6], images[4])
    assert not whole[2:, 6:].any()


def test_ours_is_as_long_as_the_model_promised():
    model = gated((4, 4, 1), levels=2)
    images = model.sample(300, seed=0)
    line, promise, file = file_sizes.ours(model, images)
    assert line["bytes"] == line["header_bytes"] + len(file.payload)
    assert promise <= file.bits_per_dim < promise + 64 / images.size
    assert line["images_per_second_in"] > 0 and line["images_per_second_out"] > 0


@pytest.mark.parametrize("name", file_sizes.RUNS)
def test_published_files_keep_their_promise(name):
    """Within half a per cent of the model's own likelihood, and smaller than all others."""
    if f"compression/{name}" not in runs.list_runs():
        pytest.skip("not measured yet")
    run = runs.read_run(f"compression/{name}")
    assert run["settings"]["model"] == file_sizes.RUNS[name][2]
    weights = runs.read_run(run["settings"]["model"])["weights"]
    assert run["settings"]["weights_sha256"] == weights["sha256"]
    bits = 8 * run["payload_bytes"] / run["values"]
    assert run["promised_bits_per_dim"] <= bits < 1.005 * run["promised_bits_per_dim"]
    assert min(run["ways"], key=lambda way: run["ways"][way]["bytes"]) == "ours"
    assert "+" not in run["commit"]
    assert len(runs.read_examples(f"compression/{name}")["test"]) == file_sizes.RUNS[name][3]
    text = file_sizes.table(run)
    assert all(way in text for way in run["ways"])
