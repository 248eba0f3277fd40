"""A folder of pictures: found, divided by content, and read whatever is in it."""

import os
import shutil
import struct
import warnings
import zlib

import numpy as np
import pytest
from PIL import Image

import pcnnlib as pcnn
from pcnnlib import UsageError
from pcnnlib.data import folders, pictures

pytestmark = pytest.mark.robustness


def picture(k, shape=(6, 5, 3)):
    return np.random.default_rng(k).integers(0, 256, shape).astype("uint8")


def save(path, pixels, **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path, **options)


@pytest.fixture
def photos(tmp_path):
    """Thirty pictures in three classes, in colour, of one size, in formats without loss."""
    for k in range(30):
        kind = ["owl", "cat", "dog"][k % 3]
        suffix, options = [(".png", {}), (".WEBP", {"lossless": True})][k % 2]
        save(tmp_path / "photos" / kind / f"{k}{suffix}", picture(k), **options)
    return tmp_path / "photos"


def contents(split):
    return {
        (image.tobytes(), label) for image, label in zip(split.images, split.labels, strict=True)
    }


def quiet(*args, **options):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return pcnn.load_dataset(*args, **options)


def test_subfolders_are_classes_and_every_picture_is_in_one_part(photos):
    data = quiet(f"{photos}/")
    assert (data.image_shape, data.levels) == ((6, 5, 3), 256)
    assert (data.classes, data.labels) == (3, ("cat", "dog", "owl"))
    parts = (data.train, data.validation, data.test)
    assert [len(part) for part in parts] == [24, 3, 3]
    for part in parts:  # every class is in every part
        assert set(part.labels) == {0, 1, 2}
    number = {"owl": 2, "cat": 0, "dog": 1}
    wanted = {(picture(k).tobytes(), number[["owl", "cat", "dog"][k % 3]]) for k in range(30)}
    assert set.union(*map(contents, parts)) == wanted


def test_parts_follow_from_contents_and_not_from_names(photos, tmp_path):
    data = pcnn.load_dataset(photos)
    other = tmp_path / "elsewhere"
    for k, path in enumerate(sorted(photos.rglob("*.*"), key=lambda path: path.stat().st_ino)):
        target = other / path.parent.name / f"{(k * 7) % 31:03}{path.suffix.lower()}"
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target)
    again = pcnn.load_dataset(other)
    assert again.checksum == data.checksum
    np.testing.assert_array_equal(again.test.images, data.test.images)
    # A picture of another size stays in its part: the file decides, not the pixels.
    small = pcnn.load_dataset(photos, image_size=3)
    assert small.image_shape == (3, 3, 3) and small.checksum != data.checksum
    np.testing.assert_array_equal(small.test.labels, data.test.labels)


def test_a_folder_without_subfolders_has_no_labels(tmp_path):
    for k in range(12):
        save(tmp_path / f"{k}.png", picture(k))
    (tmp_path / "notes.txt").write_text("of no matter")
    (tmp_path / ".hidden.png").write_text("nor this")
    (tmp_path / "empty").mkdir()
    data = quiet(tmp_path)
    assert (data.classes, data.labels, data.train.labels) == (None, None, None)
    assert [len(part) for part in (data.train, data.validation, data.test)] == [10, 1, 1]


@pytest.mark.parametrize("validation", ["validation", "val", "valid", None])
def test_parts_that_are_given_are_kept(tmp_path, validation):
    n = {"train": 12, "test": 4} | ({validation: 5} if validation else {})
    k = 0
    for part, count in n.items():
        for label in ("7", "10"):
            for _ in range(count):
                save(tmp_path / part / label / "deeper" / f"{k}.png", picture(k))
                k += 1
    data = quiet(tmp_path)
    # Names that are numbers are numbers, and in their order.
    assert data.labels == (7, 10)
    sizes = [24, 10, 8] if validation else [22, 2, 8]
    assert [len(part) for part in (data.train, data.validation, data.test)] == sizes
    assert (picture(24).tobytes(), 0) in contents(data.test)
    assert (picture(0).tobytes(), 0) in contents(data.train) | contents(data.validation)


def test_size_colour_and_levels(photos, tmp_path):
    grey = pcnn.load_dataset(photos, colour=False, image_size=(4, 6), levels=5)
    assert (grey.image_shape, grey.levels, grey.train.images.max()) == ((4, 6, 1), 5, 4)
    # Pictures of several sizes are brought to one, their middle cut out.
    wide = np.zeros((10, 30, 3), "uint8")
    wide[:, 7:23] = 200  # resizing looks a little beyond what is cut out
    save(photos / "owl" / "wide.png", wide)
    data = pcnn.load_dataset(photos)
    assert data.image_shape == (32, 32, 3)
    assert any(
        (image == 200).all()
        for part in (data.train, data.test, data.validation)
        for image in part.images
    )


@pytest.mark.parametrize("levels", [None, 3])
def test_grey_and_black_and_white_pictures_are_known_as_such(tmp_path, levels):
    for k in range(9):
        pixels = (picture(k, (4, 4)) > 128).astype("uint8") * 255
        save(tmp_path / "two" / f"{k}.png", np.repeat(pixels[..., None], 3, axis=2))
        save(tmp_path / "more" / f"{k}.png", picture(k, (4, 4)))
    two = pcnn.load_dataset(tmp_path / "two", levels=levels)
    assert (two.image_shape, two.levels) == ((4, 4, 1), levels or 2)
    assert set(np.unique(two.train.images)) == {0, two.levels - 1}
    assert pcnn.load_dataset(tmp_path / "more").levels == 256


@pytest.mark.parametrize("k", [3, 17, 256])
def test_a_picture_drawn_by_the_library_comes_back(tmp_path, k):
    """Levels are shown as values that mean the same levels again."""
    from pcnnlib.viz import images

    drawn = np.random.default_rng(0).integers(0, k, (9, 4, 4, 1))
    for n, rgb in enumerate(images.to_rgb(drawn, k)):
        images.save_png(tmp_path / f"{n}.png", rgb)
    data = pcnn.load_dataset(tmp_path, levels=k)
    parts = (data.train, data.validation, data.test)
    found = {image.tobytes() for part in parts for image in part.images}
    assert found == {image.tobytes() for image in drawn.astype("uint8")}


def test_pictures_as_cameras_and_programs_write_them(tmp_path):
    upright = picture(0, (8, 4, 3))
    exif = Image.Exif()
    exif[pictures.ORIENTATION] = 6  # to be turned clockwise
    save(tmp_path / "turned.png", np.rot90(upright).copy(), exif=exif)
    assert pictures.common_size([tmp_path / "turned.png"]) == (8, 4)
    np.testing.assert_array_equal(
        pictures.read_picture(tmp_path / "turned.png", (8, 4))[1], upright
    )
    deep = np.full((4, 4), 0x80FF, "uint16")
    save(tmp_path / "deep.png", deep)
    assert (pictures.read_picture(tmp_path / "deep.png", (4, 4))[1] == 0x80).all()
    clear = np.zeros((4, 4, 4), "uint8")
    save(tmp_path / "clear.png", clear)
    assert (pictures.read_picture(tmp_path / "clear.png", (4, 4))[1] == 255).all()
    Image.new("CMYK", (4, 4)).save(tmp_path / "print.jpg")
    assert pictures.read_picture(tmp_path / "print.jpg", (4, 4), colour=False)[1].shape == (4, 4, 1)
    Image.new("L", (4, 4), 3).save(tmp_path / "named-wrongly.jpg", format="png")
    assert (pictures.read_picture(tmp_path / "named-wrongly.jpg", (4, 4))[1] == 3).all()


def png_of_size(width, height):
    """A few bytes that say they are a picture of any size."""

    def chunk(kind, data):
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    rows = zlib.compress(bytes(1000))
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")
    )


def spoil(path, kind):
    whole = path.read_bytes()
    path.unlink()
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "loop":
        path.symlink_to(path)
    elif kind == "link to nothing":
        path.symlink_to("nothing")
    else:
        path.write_bytes(
            {
                "empty": b"",
                "text": b"a picture",
                "truncated": whole[: len(whole) // 2],
                "program": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 5 5\n",
                "bomb": png_of_size(12_000, 12_000),
                "larger bomb": png_of_size(2**31 - 1, 2**31 - 1),
            }[kind]
        )


KINDS = {
    "empty": "no PNG, JPEG or WebP",
    "text": "no PNG, JPEG or WebP",
    "truncated": "",
    "program": "no PNG, JPEG or WebP",
    "bomb": "12000 x 12000 pixels",
    "larger bomb": "",
    "pipe": "it is a pipe or a device, not a file",
    "loop": "",
    "link to nothing": "it is no file",
}


@pytest.mark.parametrize("kind", KINDS)
def test_what_cannot_be_read_is_named_and_left_out(photos, kind, monkeypatch):
    spoil(photos / "cat" / "4.png", kind)
    decoded = []
    load = Image.Image.load
    monkeypatch.setattr(Image.Image, "load", lambda self: decoded.append(self.size) or load(self))
    with pytest.warns(UserWarning, match="1 of 30 pictures cannot be read: cat/4.png ") as warned:
        data = pcnn.load_dataset(photos)
    assert KINDS[kind] in str(warned[0].message) and "0x" not in str(warned[0].message)
    assert max(map(max, decoded), default=0) <= 6  # a bomb is not even begun
    assert sum(map(len, (data.train, data.validation, data.test))) == 29
    for k in (1, 7, 10):
        spoil(next(photos.glob(f"*/{k}.*")), "text")
    with pytest.raises(UsageError, match="4 of 30 pictures cannot be read: cat/") as raised:
        pcnn.load_dataset(photos)
    assert "\n" not in str(raised.value)


def test_a_subfolder_without_pictures_is_named(photos):
    (photos / "emu").mkdir()
    (photos / "owl" / "young").mkdir()  # within a class it is none of its own
    said = "no PNG, JPEG or WebP pictures in emu/, left out of the classes"
    for again in range(2):
        with pytest.warns(UserWarning, match=f"data folder {photos}: {said}$"):
            data = pcnn.load_dataset(photos, cache=True)
        assert data.labels == ("cat", "dog", "owl"), again
    spoil(photos / "cat" / "4.png", "text")
    with pytest.warns(UserWarning, match=f"{said}; 1 of 30 pictures cannot be read: cat/4.png"):
        pcnn.load_dataset(photos)
    for part in ("train", "test"):
        for kind in "ab":
            save(photos.parent / "own" / part / kind / "1.png", picture(ord(kind)))
    for k in range(5):
        save(photos.parent / "own" / "train" / "a" / f"{k}.png", picture(k))
    (photos.parent / "own" / "test" / "c").mkdir()
    with pytest.warns(UserWarning, match="pictures in test/c/, left out"):
        pcnn.load_dataset(photos.parent / "own")


def test_a_file_that_is_too_long_is_not_read_to_its_end(photos, monkeypatch):
    monkeypatch.setattr(pictures, "MOST_BYTES", 1 << 20)
    with open(photos / "cat" / "4.png", "r+b") as file:
        file.truncate(1 << 40)  # takes no room on the disk
    with pytest.warns(UserWarning, match=r"cat/4.png \(more than 1 MB\)"):
        pcnn.load_dataset(photos)


def test_copies_count_once_and_a_picture_of_two_classes_in_none(photos):
    shutil.copy(photos / "cat" / "4.png", photos / "cat" / "again.png")
    shutil.copy(photos / "cat" / "10.png", photos / "dog" / "which.png")
    with pytest.warns(UserWarning, match="3 pictures are there more than once: ") as warned:
        data = pcnn.load_dataset(photos)
    text = str(warned[0].message)
    assert "cat/10.png" in text and "dog/which.png" in text
    parts = (data.train, data.validation, data.test)
    images = [image.tobytes() for part in parts for image in part.images]
    assert len(images) == len(set(images)) == 29


def test_images_that_memory_has_no_room_for_are_refused_before_they_are_read(photos, monkeypatch):
    monkeypatch.setattr(folders, "read_picture", lambda *_: pytest.fail("read"))
    monkeypatch.setattr(folders, "memory", lambda: 10_000_000)
    with pytest.raises(UsageError, match="image_size must be smaller: 30 pictures of 500 x 500"):
        pcnn.load_dataset(photos, image_size=500)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"image_size": 0}, "image_size must be an integer >= 1, got 0"),
        ({"image_size": (4, 4, 3)}, r"image_size must be a side, or height and width, got \(4, 4"),
        ({"image_size": "32"}, "image_size must be an integer >= 1, got '32'"),
        ({"image_size": 10**9}, "image_size must be at most 16,384, got 1000000000"),
        ({"colour": "grey"}, "colour must be True or False, got 'grey'"),
        ({"cache": 1}, "cache must be True or False, got 1"),
        ({"levels": 300}, r"levels must be an integer 2\.\.256, got 300"),
        ({"shuffle": False}, "shuffle must be True: a folder has no order"),
    ],
)
def test_arguments_out_of_range_are_refused(photos, options, message):
    with pytest.raises(UsageError, match=message):
        pcnn.load_dataset(photos, **options)


@pytest.mark.parametrize("option", [{"image_size": 8}, {"colour": False}, {"cache": True}])
def test_what_is_for_folders_is_refused_elsewhere(npz, option):
    for name in ("digits", npz()):
        with pytest.raises(UsageError, match="must be left out: it is for a folder of pictures"):
            pcnn.load_dataset(name, **option)


@pytest.mark.parametrize(
    ("files", "message"),
    [
        (["a.txt"], "holds no PNG, JPEG or WebP pictures"),
        (["a.png", "cat/b.png"], "got a.png beside cat/"),
        (["train/a.png", "test/b.png", "other/c.png"], "got test/, train/, other/"),
        (["train/cat/a.png", "train/dog/b.png"], "must hold test/ beside train/"),
        (["train/a.png", "validation/b.png"], "must hold train/, test/ and, if any, validation/"),
        (["train/a.png", "val/b.png", "valid/b.png", "test/c.png"], "and nothing else, got test/"),
        (["train/a.png", "test/b.png", "c.png"], "got test/, train/, c.png"),
        (["train/a.png", "test/b.txt"], r"holds no pictures in test/"),
        (["train/a/1.png", "test/2.png"], "must have classes in each of test, train, or in none"),
        (["train/a/1.png", "validation/a/2.png", "test/b/3.png"], "test must hold classes that"),
        (["1.png", "2.png"], "there is none left for test"),
        (["a/1.png", "b/2.png", "c/3.png"], "a class needs 3"),
    ],
)
def test_folders_that_are_no_data_are_refused(tmp_path, files, message):
    for k, name in enumerate(files):
        save(tmp_path / "own" / name, picture(k), format="png")
    with pytest.raises(UsageError, match=message) as raised:
        pcnn.load_dataset(tmp_path / "own")
    assert f"data folder {tmp_path / 'own'}" in str(raised.value)
    assert "\n" not in str(raised.value)


def test_links_that_lead_back_end(photos):
    (photos / "cat" / "back").symlink_to(photos)
    assert sum(map(len, (lambda d: (d.train, d.validation, d.test))(quiet(photos)))) == 30


def test_nothing_is_written_unless_asked_for_and_a_cache_is_used_while_it_fits(photos, monkeypatch):
    data = pcnn.load_dataset(photos)
    assert [path.name for path in photos.parent.iterdir()] == ["photos"]
    spoil(photos / "dog" / "2.png", "text")
    with pytest.warns(UserWarning, match="1 of 30") as first:
        data = pcnn.load_dataset(photos, cache=True)
    assert [path.name for path in photos.parent.glob("*.*")] == ["photos.pcnnlib.npz"]
    with monkeypatch.context() as patch, pytest.warns(UserWarning, match="1 of 30") as again:
        patch.setattr(folders, "read_picture", lambda *_: pytest.fail("read"))
        kept = pcnn.load_dataset(photos, cache=True)
    assert str(first[0].message) == str(again[0].message)
    assert (kept.checksum, kept.labels, kept.levels) == (data.checksum, data.labels, data.levels)
    # Another argument, another picture or a damaged cache: it is made anew.
    with pytest.warns(UserWarning):
        assert pcnn.load_dataset(photos, image_size=4, cache=True).image_shape == (4, 4, 3)
    save(photos / "dog" / "2.png", picture(99))
    assert quiet(photos, cache=True).checksum != data.checksum
    (photos.parent / "photos.pcnnlib.npz").write_bytes(b"PK")
    assert len(quiet(photos, cache=True).train) == 24


def test_a_known_name_stays_that_data_set(photos, monkeypatch):
    shutil.move(photos, photos.parent / "digits")
    monkeypatch.chdir(photos.parent)
    assert pcnn.load_dataset("digits").levels == 17
    assert pcnn.load_dataset("digits/").levels == pcnn.load_dataset("./digits").levels == 256
    monkeypatch.chdir("digits")
    assert pcnn.load_dataset(".").classes == 3
