"""Pictures: levels to colours and back, and files that are no picture."""

import io
import os
import random
import struct
import zlib

import numpy as np
import pytest
from PIL import Image
from support import random_images

from pcnnlib._internal.errors import UsageError
from pcnnlib.viz import images


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("levels", [2, 3, 17, 200, 256])
def test_picture_saved_and_read_gives_the_same_levels(tmp_path, levels, channels):
    image = random_images(1, (6, 7, channels), levels)
    images.save_png(tmp_path / "a.png", images.to_rgb(image, levels)[0])
    read, given = images.read_png(tmp_path / "a.png", (6, 7, channels), levels)
    np.testing.assert_array_equal(read, image[0])
    assert given.all()


def test_bytes_of_a_picture_are_those_of_a_file(tmp_path):
    (picture,) = images.to_rgb(random_images(1, (6, 7, 3), 256), 256)
    (tmp_path / "a.png").write_bytes(images.png_bytes(picture))
    read, _ = images.read_png(tmp_path / "a.png", (6, 7, 3), 256)
    np.testing.assert_array_equal(read, picture)
    with Image.open(io.BytesIO(images.png_bytes(picture))) as opened:
        assert (opened.format, opened.size) == ("PNG", (7, 6))


def test_lowest_level_is_black_and_highest_white():
    rgb = images.to_rgb(np.array([0, 16]).reshape(2, 1, 1, 1), 17)
    assert rgb[:, 0, 0].tolist() == [[0, 0, 0], [255, 255, 255]]


def test_levels_between_are_evenly_spaced_greys():
    rgb = images.to_rgb(np.arange(6).reshape(1, 2, 3, 1), 6)
    assert rgb[0].tolist() == [[[51 * k] * 3 for k in row] for row in ((0, 1, 2), (3, 4, 5))]


def test_channels_are_red_green_and_blue():
    rgb = images.to_rgb(np.array([[[[2, 1, 0]]]]), 3)
    assert rgb.tolist() == [[[[255, 128, 0]]]]


def test_undrawn_pixels_have_a_colour_of_their_own():
    shown = np.array([True, False]).reshape(1, 1, 2, 1)
    rgb = images.to_rgb(np.zeros((1, 1, 2, 1), int), 2, shown)
    assert rgb[0, 0].tolist() == [[0, 0, 0], images.UNDRAWN.tolist()]
    assert len(set(images.UNDRAWN.tolist())) == 3  # no grey level


def test_a_pixel_is_drawn_when_all_its_channels_are():
    shown = np.array([[True, True, True], [True, True, False]]).reshape(1, 1, 2, 3)
    rgb = images.to_rgb(np.full((1, 1, 2, 3), 255), 256, shown)
    assert rgb[0, 0].tolist() == [[255] * 3, images.UNDRAWN.tolist()]


def test_tile_lays_images_out_row_by_row():
    batch = np.arange(5, dtype="uint8").reshape(5, 1, 1, 1)
    grid = images.tile(batch, 6, columns=3, width=30)
    colours = [51 * k for k in range(5)]
    found = [c for c in grid[..., 0].ravel() if c != 255]
    # Each image is a block of equal pixels, in order.
    assert sorted(set(found)) == colours
    firsts = [np.argwhere(grid[..., 0] == c)[0].tolist() for c in colours]
    assert firsts == sorted(firsts)
    assert firsts[0][0] == firsts[2][0] < firsts[3][0]


@pytest.mark.parametrize("channels", [1, 3])
def test_every_pixel_of_a_tiled_image_is_a_square_of_its_colour(channels):
    # White separates the images, so none of theirs is white.
    batch = random_images(5, (2, 3, channels), 16)
    grid = images.tile(batch, 17, columns=2, width=80)
    image = (grid != 255).any(axis=-1)
    scale = 80 // (2 * 4)
    rgb = images.to_rgb(batch, 17).repeat(scale, axis=1).repeat(scale, axis=2)
    rows = np.flatnonzero(image.any(axis=1)).reshape(3, 2 * scale)
    columns = np.flatnonzero(image.any(axis=0)).reshape(2, 3 * scale)
    for k in range(5):
        np.testing.assert_array_equal(grid[np.ix_(rows[k // 2], columns[k % 2])], rgb[k])
    assert (grid[np.ix_(rows[2], columns[1])] == 255).all()  # there is no sixth
    # A gap on every side.
    assert rows[0, 0] > 0 < columns[0, 0]
    assert rows[-1, -1] < len(grid) - 1 and columns[-1, -1] < grid.shape[1] - 1
    assert abs(grid.shape[1] - 80) < 20


def test_tile_is_square_unless_columns_are_given():
    batch = random_images(9, (4, 4, 1), 2)
    height, width, _ = images.tile(batch, 2).shape
    assert height == width
    row = images.tile(batch, 2, columns=9)
    assert row.shape[1] > 8 * row.shape[0]
    np.testing.assert_array_equal(images.tile(batch, 2, columns=20), row)


def test_gaps_of_a_tile_have_the_width_and_colour_that_are_asked_for():
    batch = np.zeros((2, 4, 4, 1), int)
    grid = images.tile(batch, 2, columns=2, width=100, gap=2.0, background=(1, 2, 3))
    scale = 10
    in_gap = (grid == [1, 2, 3]).all(axis=-1)
    assert in_gap.any() and not grid[~in_gap].any()
    along = in_gap[len(grid) // 2]
    assert np.flatnonzero(np.diff(along.astype(int))).size == 4
    assert along.sum() == 3 * 2 * scale
    assert in_gap[:, grid.shape[1] // 4].sum() == 2 * 2 * scale


def test_tile_leaves_undrawn_pixels_in_their_colour():
    shown = np.zeros((1, 2, 2, 1), bool)
    shown[0, 0, 1] = True
    grid = images.tile(np.zeros((1, 2, 2, 1), int), 2, shown=shown, width=60)
    undrawn = (grid == images.UNDRAWN).all(axis=-1).sum()
    drawn = (grid == 0).all(axis=-1).sum()
    assert undrawn == 3 * drawn > 0


def write(path, rgba):
    Image.fromarray(np.asarray(rgba, "uint8")).save(path)


def test_transparent_pixels_are_the_ones_to_draw(tmp_path):
    rgba = np.zeros((2, 2, 4), "uint8")
    rgba[..., 3] = [[255, 0], [254, 255]]
    rgba[0, 1, :3] = 77  # no level, but nobody will look
    write(tmp_path / "a.png", rgba)
    image, given = images.read_png(tmp_path / "a.png", (2, 2, 1), 2)
    assert given.tolist() == [[True, False], [False, True]]
    assert not image.any()


@pytest.mark.parametrize("levels", [2, 256, 512])
def test_grey_of_16_bits_is_read_as_such(tmp_path, levels):
    grey = np.array([[0, levels - 1], [levels - 1, 1]])
    sixteen = np.rint(grey * (65535 / (levels - 1))).astype("uint16")
    Image.fromarray(sixteen).save(tmp_path / "a.png")
    image, given = images.read_png(tmp_path / "a.png", (2, 2, 1), levels)
    np.testing.assert_array_equal(image[..., 0], grey)
    assert given.all() and image.dtype == ("uint8" if levels <= 256 else "uint16")


def test_white_is_the_last_of_many_levels(tmp_path):
    write(tmp_path / "a.png", np.full((2, 2, 4), 255))
    assert (images.read_png(tmp_path / "a.png", (2, 2, 1), 512)[0] == 511).all()


@pytest.mark.parametrize("value", [300, 70_000, -3])
def test_grey_of_16_bits_that_is_no_level_is_refused(tmp_path, value):
    Image.fromarray(np.full((2, 2), value, "int32")).save(tmp_path / "a.tiff")
    with pytest.raises(UsageError, match=f"from 0 to 65535, got {value}"):
        images.read_png(tmp_path / "a.tiff", (2, 2, 1), 256)


@pytest.mark.parametrize(
    ("rgba", "shape", "levels", "message"),
    [
        (np.full((3, 2, 4), 255), (2, 2, 1), 2, "must be 2 rows by 2 columns, got 3 by 2"),
        (np.full((2, 2, 4), 128), (2, 2, 1), 2, None),  # nothing opaque: all is to be drawn
        ([[[0, 0, 0, 255], [128] * 3 + [255]]], (1, 2, 1), 2, "2 grey values.* got 128"),
        ([[[0, 0, 0, 255], [255, 0, 0, 255]]], (1, 2, 1), 2, "must be grey"),
    ],
)
def test_pictures_that_do_not_fit_are_refused(tmp_path, rgba, shape, levels, message):
    write(tmp_path / "a.png", rgba)
    if message is None:
        assert not images.read_png(tmp_path / "a.png", shape, levels)[1].any()
        return
    with pytest.raises(UsageError, match=message):
        images.read_png(tmp_path / "a.png", shape, levels)


def test_files_that_are_no_picture_are_refused(tmp_path):
    (tmp_path / "text.png").write_text("hello")
    (tmp_path / "empty.png").write_bytes(b"")
    (tmp_path / "folder.png").mkdir()
    for name in ("text", "empty", "folder", "none"):
        with pytest.raises(UsageError, match=f"picture .*{name}.png cannot be read") as raised:
            images.read_png(tmp_path / f"{name}.png", (2, 2, 1), 2)
        assert "\n" not in str(raised.value)


@pytest.mark.parametrize("side", [20_000, 12_000, 1_000, 5])
def test_a_picture_of_another_size_is_refused_before_it_is_decoded(tmp_path, monkeypatch, side):
    """A small file can hold a picture of any size: here a header says how large, and no more."""
    size = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
    chunks = [
        struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
        for name, body in ((b"IHDR", size), (b"IDAT", b""))
    ]
    (tmp_path / "large.png").write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(chunks))
    monkeypatch.setattr(Image.Image, "convert", lambda *_: pytest.fail("decoded"))
    with pytest.raises(
        UsageError, match="must be 4 rows by 4 columns, (and has far|got)"
    ) as raised:
        images.read_png(tmp_path / "large.png", (4, 4, 1), 2)
    assert "\n" not in str(raised.value)


def test_a_pipe_and_a_program_are_no_pictures(tmp_path):
    os.mkfifo(tmp_path / "pipe.png")
    (tmp_path / "program.png").write_text("%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 4 4\n")
    for name in ("pipe", "program"):
        with pytest.raises(UsageError, match=f"{name}.png cannot be read"):
            images.read_png(tmp_path / f"{name}.png", (4, 4, 1), 2)


def test_damaged_pictures_are_refused_however_they_are_damaged(tmp_path):
    """Bytes flipped and files cut at 400 places: a picture, or a one-line error, never another."""
    buffer = io.BytesIO()
    Image.fromarray(random_images(1, (8, 8, 3), 256)[0]).save(buffer, "png")
    whole, rng, refused = buffer.getvalue(), random.Random(0), 0
    for trial in range(400):
        spoilt = bytearray(whole)
        for _ in range(rng.randint(1, 3)):
            spoilt[rng.randrange(len(spoilt))] ^= rng.randint(1, 255)
        if trial % 4 == 0:
            spoilt = spoilt[: rng.randrange(len(spoilt))]
        (tmp_path / "a.png").write_bytes(spoilt)
        try:
            images.read_png(tmp_path / "a.png", (8, 8, 3), 256)
        except UsageError as error:
            refused += 1
            assert "\n" not in str(error)
    assert refused > 100


@pytest.mark.parametrize("shape", [(2, 2, 1), (1, 2, 2, 2), (1, 2, 2, 4)])
def test_images_that_cannot_be_shown_are_refused(shape):
    with pytest.raises(UsageError, match=r"images must be numbers of shape \(n, H, W, 1 or 3\)"):
        images.to_rgb(np.zeros(shape, int), 2)


def test_failed_write_leaves_the_old_picture(tmp_path, monkeypatch):
    path = tmp_path / "a.png"
    picture = np.zeros((4, 4, 3), "uint8")
    images.save_png(path, picture)
    before = path.read_bytes()

    def full(self, filename, **options):
        open(filename, "wb").close()
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Image.Image, "save", full)
    with pytest.raises(UsageError, match="a.png cannot be written: .*No space left"):
        images.save_png(path, picture)
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["a.png"]


def test_folder_that_is_a_file_is_one_line(tmp_path):
    (tmp_path / "file").write_text("mine")
    with pytest.raises(UsageError, match="cannot be written"):
        images.save_png(tmp_path / "file" / "a.png", np.zeros((4, 4, 3), "uint8"))
    assert (tmp_path / "file").read_text() == "mine"
