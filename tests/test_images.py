"""Pictures: levels to colours and back, and files that are no picture."""

import io
import random

import numpy as np
import pytest
from pcnnlib.errors import UsageError
from PIL import Image
from support import random_images

from pcnnlib import images


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("levels", [2, 3, 17, 200, 256])
def test_picture_saved_and_read_gives_the_same_levels(tmp_path, levels, channels):
    image = random_images(1, (6, 7, channels), levels)
    images.save_png(tmp_path / "a.png", images.to_rgb(image, levels)[0])
    read, given = images.read_png(tmp_path / "a.png", (6, 7, channels), levels)
    np.testing.assert_array_equal(read, image[0])
    assert given.all()


def test_lowest_level_is_black_and_highest_white():
    rgb = images.to_rgb(np.array([0, 16]).reshape(2, 1, 1, 1), 17)
    assert rgb[:, 0, 0].tolist() == [[0, 0, 0], [255, 255, 255]]


def test_undrawn_pixels_have_a_colour_of_their_own():
    shown = np.array([True, False]).reshape(1, 1, 2, 1)
    rgb = images.to_rgb(np.zeros((1, 1, 2, 1), int), 2, shown)
    assert rgb[0, 0].tolist() == [[0, 0, 0], images.UNDRAWN.tolist()]
    assert len(set(images.UNDRAWN.tolist())) == 3  # no grey level


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


def test_growing_ends_with_the_whole_grid():
    batch = random_images(4, (4, 4, 1), 2)
    pictures = images.growing(batch, 2, frames=8)
    np.testing.assert_array_equal(pictures[-1], images.tile(batch, 2, width=480))
    # The first picture shows nothing but the colour of what is not drawn, and the gaps.
    assert {tuple(c) for c in pictures[0].reshape(-1, 3)} == {
        tuple(images.UNDRAWN.tolist()),
        (255, 255, 255),
    }


def test_gif_holds_every_picture(tmp_path):
    pictures = images.growing(random_images(2, (3, 3, 1), 2), 2)
    images.save_gif(tmp_path / "a.gif", pictures)
    with Image.open(tmp_path / "a.gif") as gif:
        assert gif.n_frames == len(pictures) == 10
        assert gif.info["loop"] == 0


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
    with pytest.raises(UsageError, match="pictures need images"):
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
