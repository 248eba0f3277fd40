"""Animations of images being generated: every frame, and the files that hold them."""

import base64
import io
import re

import numpy as np
import pytest
from PIL import Image
from support import random_images

from pcnnlib._internal.errors import UsageError
from pcnnlib.viz import plots
from pcnnlib.viz.images import UNDRAWN, tile, to_rgb


@pytest.fixture
def images():
    return random_images(6, (8, 8, 1), 17)


def pixels_of(picture, n, shape, columns):
    """RGB `(n, H, W, 3)`: the middle of every pixel of a sheet of images.

    Images keep a gap of one pixel between each other and around.
    """
    height, width = shape
    rows = -(-n // columns)
    scale = picture.shape[1] // (columns * (width + 1) + 1)
    assert picture.shape == (
        (rows * (height + 1) + 1) * scale,
        (columns * (width + 1) + 1) * scale,
        3,
    )
    middles = picture[scale // 2 :: scale, scale // 2 :: scale]
    corners = [
        (1 + (k // columns) * (height + 1), 1 + (k % columns) * (width + 1)) for k in range(n)
    ]
    return np.array([middles[top : top + height, left : left + width] for top, left in corners])


def read_gif(file):
    """RGB `(frames, rows, columns, 3)`, milliseconds of each frame, and how often it loops."""
    with Image.open(file) as gif:
        frames, times = [], []
        for k in range(gif.n_frames):
            gif.seek(k)
            frames.append(np.asarray(gif.convert("RGB")))
            times.append(gif.info["duration"])
        return np.array(frames), times, gif.info["loop"]


def test_animation_starts_undrawn_and_ends_with_the_images(images, tmp_path):
    animation = plots.animate(images, 17, columns=3, width=90)
    assert len(animation.pictures) == 65  # from no pixel to all 64
    scale = 90 // 27
    centre = scale + scale // 2
    assert (animation.pictures[0][centre, centre] == UNDRAWN).all()
    # The first pixel of the first image, as a grey value.
    grey = round(int(images[0, 0, 0, 0]) * 255 / 16)
    assert (animation.pictures[1][centre, centre] == grey).all()
    assert not (animation.pictures[-1] == UNDRAWN).all(axis=-1).any()
    animation.save(tmp_path / "growing.gif")
    with Image.open(tmp_path / "growing.gif") as saved:
        assert saved.is_animated and saved.info["loop"] == 0


@pytest.mark.parametrize("channels", [1, 3])
def test_every_frame_shows_the_pixels_that_are_drawn_by_then(channels):
    images = random_images(5, (3, 4, channels), 17)
    animation = plots.animate(images, 17, columns=3, every=5, width=120)
    assert len(animation.pictures) == 4
    rgb = to_rgb(images, 17)
    for drawn, picture in zip((0, 5, 10, 12), animation.pictures, strict=True):
        known = (np.arange(12) < drawn).reshape(1, 3, 4, 1)
        np.testing.assert_array_equal(
            pixels_of(picture, 5, (3, 4), columns=3), np.where(known, rgb, UNDRAWN)
        )


def test_animation_with_the_gaps_of_a_grid_ends_with_that_grid():
    batch = random_images(4, (4, 4, 1), 2)
    first, *_, last = plots.animate(
        batch, 2, columns=2, every=2, width=480, gap=0.5, background=255
    ).pictures
    np.testing.assert_array_equal(last, tile(batch, 2, width=480))
    # The first picture shows nothing but the colour of what is not drawn, and the gaps.
    assert {tuple(c) for c in first.reshape(-1, 3).tolist()} == {
        tuple(UNDRAWN.tolist()),
        (255, 255, 255),
    }


def test_kept_pixels_are_there_from_the_start():
    images = random_images(2, (4, 4, 1), 17)
    keep = np.zeros((4, 4, 1), bool)
    keep[:, 2:] = True
    first, *_, last = plots.animate(images, 17, keep=keep, width=120).pictures
    rgb = to_rgb(images, 17)
    np.testing.assert_array_equal(
        pixels_of(first, 2, (4, 4), columns=2), np.where(keep, rgb, UNDRAWN)
    )
    np.testing.assert_array_equal(pixels_of(last, 2, (4, 4), columns=2), rgb)


def test_gaps_have_one_colour_that_no_pixel_has(images):
    for picture in plots.animate(images, 17, columns=3, every=16, width=90).pictures:
        scale = picture.shape[1] // 28
        gaps = np.concatenate(
            [
                picture[: scale - 1].reshape(-1, 3),
                picture[:, 9 * scale + 1 : 10 * scale - 1].reshape(-1, 3),
            ]
        )
        (colour,) = {tuple(c) for c in gaps.tolist()}
        assert len(set(colour)) == 3 and colour != tuple(
            UNDRAWN.tolist()
        )  # neither grey nor undrawn


def test_gif_of_a_colour_image_keeps_its_colours(tmp_path):
    images = np.zeros((1, 2, 2, 3), "uint8")
    images[0] = [[[255, 0, 0], [0, 255, 0]], [[0, 0, 255], [200, 100, 50]]]
    animation = plots.animate(images, 256, width=30)
    assert (animation.pictures[-1][15, 15] == [255, 0, 0]).all()
    animation.save(tmp_path / "a.gif")
    frames, _, _ = read_gif(tmp_path / "a.gif")
    np.testing.assert_array_equal(frames, animation.pictures)
    np.testing.assert_array_equal(pixels_of(frames[-1], 1, (2, 2), columns=1), images)


def test_gif_of_grey_images_keeps_every_level(images, tmp_path):
    animation = plots.animate(images, 17, columns=3, width=90)
    animation.save(tmp_path / "a.gif")
    frames, _, _ = read_gif(tmp_path / "a.gif")
    assert len(frames) == len(animation.pictures) == 65
    np.testing.assert_array_equal(frames, animation.pictures)


def test_gif_of_256_levels_is_near_them(tmp_path):
    images = np.arange(256, dtype="uint8").reshape(1, 16, 16, 1)
    animation = plots.animate(images, 256, every=64, width=90)
    animation.save(tmp_path / "a.gif")
    frames, _, _ = read_gif(tmp_path / "a.gif")
    # 256 greys and two tints are more than the 256 colours of a GIF.
    error = np.abs(frames[-1].astype(int) - animation.pictures[-1])
    assert error.max() <= 8 and error.mean() < 2


def test_gif_has_the_times_that_are_asked_for_and_loops_for_ever(images, tmp_path):
    plots.animate(images, 17, every=20, milliseconds=150, hold=1200, width=90).save(
        tmp_path / "a.gif"
    )
    frames, times, loop = read_gif(tmp_path / "a.gif")
    assert len(frames) == 5  # 0, 20, 40, 60 and 64 pixels
    assert times == [150] * 4 + [1200]
    assert loop == 0


def test_a_finished_animation_rests_longer_than_a_frame(images, tmp_path):
    plots.animate(images, 17, every=20, width=90).save(tmp_path / "a.gif")
    _, times, _ = read_gif(tmp_path / "a.gif")
    assert times == [70] * 4 + [2500]


def test_kept_pixels_cost_no_frame_but_their_time(tmp_path):
    keep = np.tri(4, dtype=bool)[..., None]
    images = np.zeros((1, 4, 4, 1), "uint8")
    animation = plots.animate(images, 2, keep=keep, milliseconds=50, hold=300, width=40)
    animation.save(tmp_path / "a.gif")
    frames, times, _ = read_gif(tmp_path / "a.gif")
    assert len(animation.pictures) == 17
    assert len(frames) == 7  # six pixels are drawn
    assert sum(times) == 16 * 50 + 300


def embedded(page, kind):
    """The bytes of the one picture of this kind in a page."""
    (text,) = re.findall(rf"data:image/{kind};base64,([A-Za-z0-9+/=]+)", page)
    return io.BytesIO(base64.b64decode(text))


def test_animation_is_light_and_has_a_still_for_those_who_want_no_motion(images):
    page = plots.animate(images, 17).html("digits appear")
    assert len(page) < 60_000
    assert 'alt="digits appear"' in page and "prefers-reduced-motion" in page
    still, moving = page.index("data:image/png"), page.index("data:image/gif")
    assert page.index("prefers-reduced-motion") < still < page.index("<img") < moving


def test_page_holds_the_whole_animation_and_its_last_frame(images):
    animation = plots.animate(images, 17, columns=3, every=20, milliseconds=150, width=90)
    page = animation.html()
    frames, times, loop = read_gif(embedded(page, "gif"))
    np.testing.assert_array_equal(frames, animation.pictures)
    assert times[:-1] == [150] * 4 and times[-1] > 1000
    assert loop == 0
    with Image.open(embedded(page, "png")) as still:
        np.testing.assert_array_equal(np.asarray(still.convert("RGB")), animation.pictures[-1])
    width = animation.pictures[0].shape[1]
    assert f'width="{width}"' in page
    assert animation._repr_mimebundle_()["text/html"] == page


def test_alt_text_is_escaped(images):
    page = plots.animate(images, 17, every=64, width=90).html('a "b" < c')
    assert 'alt="a &quot;b&quot; &lt; c"' in page


@pytest.mark.parametrize("wrong", [{"columns": -1}, {"every": 0}, {"every": 1.5}])
def test_impossible_animations_are_refused(images, wrong):
    with pytest.raises(UsageError, match=next(iter(wrong))):
        plots.animate(images, 17, **wrong)


def test_more_columns_than_images_are_one_row(images):
    pictures = plots.animate(images[:2], 17, columns=5, every=64, width=90).pictures
    np.testing.assert_array_equal(
        pixels_of(pictures[-1], 2, (8, 8), columns=2), to_rgb(images[:2], 17)
    )


def test_failed_write_leaves_the_old_gif(images, tmp_path, monkeypatch):
    path = tmp_path / "a.gif"
    animation = plots.animate(images, 17, every=64, width=90)
    animation.save(path)
    before = path.read_bytes()

    def full(self, filename, *args, **options):
        open(filename, "wb").close()
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Image.Image, "save", full)
    with pytest.raises(UsageError, match="a.gif cannot be written: .*No space left"):
        animation.save(path)
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["a.gif"]
