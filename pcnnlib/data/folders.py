"""A folder of pictures as a data set: found, read, and divided by what the files hold.

Which part of the data a picture falls into follows from the checksum of its file: names, dates and
order of files do not matter, and copies of a picture never lie on both sides.
"""

import collections
import hashlib
import os
import pathlib
import warnings
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from pcnnlib._internal.devices import memory
from pcnnlib._internal.errors import UsageError, check_bool, check_size, first_line
from pcnnlib._internal.files import replacing
from pcnnlib._internal.progress import progress_bar
from pcnnlib.data.files import read_npz
from pcnnlib.data.pictures import SUFFIXES, common_size, read_picture, reason

PARTS = ("train", "validation", "test")
# Names of subfolders that divide the pictures already.
GIVEN = {name: name for name in PARTS} | {"valid": "validation", "val": "validation"}
HELD_OUT = 10  # one of so many pictures of each class validates, and one tests
MOST_UNREADABLE = 0.1  # share of the pictures
NAMED = 5  # files that a message names, at most


class Folder(NamedTuple):
    """What a folder holds: `(images, labels)` of each part, and what its classes are called."""

    parts: list[tuple[np.ndarray, np.ndarray | None]]
    levels: int
    names: tuple | None


class Picture(NamedTuple):
    """A file that was found: its part of the data, "" if that is to be chosen, and its class."""

    path: pathlib.Path
    part: str
    label: str | None


class Row(NamedTuple):
    """A picture that was read."""

    checksum: str
    label: str
    picture: Picture
    pixels: np.ndarray


def read_folder(
    folder: str | os.PathLike,
    *,
    image_size: int | Sequence[int] | None = None,
    colour: bool | None = None,
    levels: int | None = None,
    cache: bool = False,
) -> Folder:
    """The pictures of a folder. `load_dataset` says what the arguments do.

    Returns:
        `Folder`: images uint8 `(N, H, W, C)`, labels int64 `(N,)` or None.

    Raises:
        UsageError: an argument out of range, no pictures, too many that cannot be read, or
            subfolders that contradict each other.
    """
    size = None if image_size is None else _check_image_size(image_size)
    colour = None if colour is None else check_bool("colour", colour)
    cache = check_bool("cache", cache)
    folder = pathlib.Path(folder)
    pictures, empty = _find(folder)
    absolute = folder.resolve()
    stored = absolute.with_name(f"{absolute.name}.pcnnlib.npz")
    key = _key(folder, pictures, size, colour, levels) if cache else ""
    kept = _read_cache(stored, key) if cache else None
    if kept is None:
        if cache and not os.access(stored.parent, os.W_OK):
            raise UsageError(f"cache {stored} cannot be written: its folder allows no writing")
        read, left_out = _read(folder, pictures, size, colour, levels)
        if cache:
            _write_cache(stored, key, read, left_out)
    else:
        read, left_out = kept
    if empty:
        none = f"no PNG, JPEG or WebP pictures in {_some(empty)}, left out of the classes"
        left_out = f"{none}; {left_out}" if left_out else none
    if left_out:
        warnings.warn(f"data folder {folder}: {left_out}", stacklevel=4)
    return read


def _check_image_size(image_size):
    sides = image_size if isinstance(image_size, (tuple, list)) else (image_size,)
    if len(sides) not in (1, 2):
        raise UsageError(f"image_size must be a side, or height and width, got {image_size!r}")
    sides = [check_size("image_size", side, "image side") for side in sides]
    return sides[0], sides[-1]


def _find(folder) -> tuple[list[Picture], list[str]]:
    """The pictures, and the subfolders beside classes that hold none."""
    subfolders, files = _listed(folder)
    given = [name for name in subfolders if name in GIVEN]
    if "train" in given and len(given) > 1:
        kinds = [GIVEN[name] for name in given]
        others = [
            *(f"{name}/" for name in subfolders if name not in GIVEN),
            *(f.name for f in files),
        ]
        if others or len(set(kinds)) < len(kinds) or "test" not in kinds:
            raise UsageError(
                f"data folder {folder} must hold train/, test/ and, if any, validation/, and "
                f"nothing else, got {_some([*(f'{name}/' for name in given), *others])}"
            )
        found, empty = [], []
        for name in given:
            pictures, without = _of_part(folder / name, GIVEN[name])
            found += pictures
            empty += [f"{name}/{subfolder}" for subfolder in without]
        for kind in kinds:
            if not any(p.part == kind for p in found):
                raise UsageError(f"data folder {folder} holds no pictures in {kind}/")
        if len({p.label is None for p in found}) > 1:
            raise UsageError(
                f"data folder {folder} must have classes in each of {_some(given)}, or in none"
            )
    elif subfolders == ["train"]:
        raise UsageError(f"data folder {folder} must hold test/ beside train/")
    else:
        found, empty = _of_part(folder, "")
    if not found:
        raise UsageError(f"data folder {folder} holds no PNG, JPEG or WebP pictures")
    return found, empty


def _of_part(folder, part) -> tuple[list[Picture], list[str]]:
    subfolders, files = _listed(folder)
    inside = {name: list(_below(folder / name)) for name in subfolders}
    classes = {name: paths for name, paths in inside.items() if paths}
    if classes and files:
        raise UsageError(
            f"data folder {folder} must hold its pictures in subfolders, one for each class, or "
            f"all without, got {files[0].name} beside {next(iter(classes))}/"
        )
    found = [Picture(path, part, None) for path in files]
    found += [Picture(path, part, name) for name, paths in classes.items() for path in paths]
    return found, [f"{name}/" for name in inside if name not in classes] if classes else []


def _below(folder):
    subfolders, files = _listed(folder)
    yield from files
    for name in subfolders:
        if not (folder / name).is_symlink():  # it might lead back to where it is
            yield from _below(folder / name)


def _listed(folder):
    """Names of subfolders, and paths of files called like pictures; nothing that is hidden."""
    try:
        with os.scandir(folder) as scanned:
            entries = [entry for entry in scanned if not entry.name.startswith((".", "__"))]
        subfolders = sorted(entry.name for entry in entries if os.path.isdir(entry))
    except (OSError, ValueError) as error:
        raise UsageError(f"data folder {folder} cannot be read: {first_line(error)}") from error
    names = {entry.name for entry in entries if entry.name.lower().endswith(SUFFIXES)}
    return subfolders, [pathlib.Path(folder, name) for name in sorted(names - set(subfolders))]


def _read(folder, pictures, size, colour, levels):
    """The `Folder`, and what was left out of it."""
    size = size or common_size(picture.path for picture in pictures)
    values = len(pictures) * size[0] * size[1] * (1 if colour is False else 3)
    if 2 * values > memory() // 2:  # they are there twice for a moment
        raise UsageError(
            f"image_size must be smaller: {len(pictures):,} pictures of {size[0]} x {size[1]} take "
            f"{2 * values / 1e9:,.1f} GB, more than half of this machine's "
            f"{memory() / 1e9:,.1f} GB of memory"
        )
    rows, unreadable = [], []
    bar = progress_bar(len(pictures), "picture")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow's, about small faults of files that it can read
        for picture in pictures:
            try:
                checksum, pixels = read_picture(picture.path, size, colour is not False)
                rows.append(Row(checksum, picture.label or "", picture, pixels))
            except Exception as error:  # whatever a decoder raises for a damaged file
                unreadable.append(f"{picture.path.relative_to(folder)} ({reason(error)})")
            bar.add(1)
    left_out = []
    if unreadable:
        left_out.append(
            f"{len(unreadable)} of {len(pictures)} pictures cannot be read: {_some(unreadable)}"
        )
        if len(unreadable) > MOST_UNREADABLE * len(pictures):
            raise UsageError(f"data folder {folder}: {left_out[0]}")
    rows.sort(key=lambda row: row[:2])
    if pictures[0].part:
        divided = {part: [row for row in rows if row.picture.part == part] for part in PARTS}
        if not any(picture.part == "validation" for picture in pictures):
            divided |= _divide(divided["train"], ["validation"])
    else:
        rows, copies = _without_copies(rows)
        if copies:
            names = _some([str(row.picture.path.relative_to(folder)) for row in copies])
            left_out.append(f"{len(copies)} pictures are there more than once: {names}")
        divided = _divide(rows, ["test", "validation"])
    _check_divided(folder, divided)
    if colour is None:
        colour = any((row.pixels != row.pixels[..., :1]).any() for row in rows)
    names = _class_names({row.label for row in rows if row.picture.label is not None})
    number = {str(name): k for k, name in enumerate(names or ())}
    parts = []
    for part in PARTS:
        images = np.stack([row.pixels[..., : 3 if colour else 1] for row in divided[part]])
        labels = [number[row.label] for row in divided[part]] if names else None
        parts.append((images, None if labels is None else np.array(labels, "int64")))
    if levels is None:
        levels = 2 if all(np.isin(images, (0, 255)).all() for images, _ in parts) else 256
    # The levels that pictures of this library show as these values.
    to_level = np.rint(np.arange(256) * ((levels - 1) / 255)).astype("uint8")
    parts = [(to_level[images], labels) for images, labels in parts]
    return Folder(parts, levels, names), "; ".join(left_out)


def _without_copies(rows):
    """Each content once, and the rest; one that is in two classes is in none, its class unknown."""
    by_content = collections.defaultdict(list)
    for row in rows:
        by_content[row.checksum].append(row)
    kept, copies = [], []
    for same in by_content.values():
        n = 1 if same[0].label == same[-1].label else 0
        kept += same[:n]
        copies += same[n:]
    return kept, copies


def _divide(rows, into):
    """Rows by part: of each class a tenth, by checksum, goes to each of `into`, the rest trains."""
    divided = {part: [] for part in (*into, "train")}
    by_class = collections.defaultdict(list)
    for row in rows:
        by_class[row.label].append(row)
    for same in by_class.values():
        n = max(1, len(same) // HELD_OUT) if len(same) > len(into) else 0
        for k, part in enumerate(into):
            divided[part] += same[k * n : (k + 1) * n]
        divided["train"] += same[len(into) * n :]
    return {part: sorted(inside, key=lambda row: row[:2]) for part, inside in divided.items()}


def _check_divided(folder, divided):
    for part, rows in divided.items():
        if not rows:
            raise UsageError(
                f"data folder {folder} must hold more pictures: there is none left for {part} "
                "(a class needs 3, one each for train, validation and test)"
            )
    known = {row.label for row in divided["train"]}
    for part in PARTS[1:]:
        unknown = sorted({row.label for row in divided[part]} - known)
        if unknown:
            raise UsageError(
                f"data folder {folder}: {part} must hold classes that train has, got {unknown[0]}"
            )


def _class_names(labels):
    """Names of the classes in order, numbers where all of them are; None without classes."""
    if labels and all(label.isdecimal() and str(int(label)) == label for label in labels):
        return tuple(sorted(map(int, labels)))
    return tuple(sorted(labels)) or None


def _some(texts, most=NAMED):
    return ", ".join([*texts[:most], *(["..."] if len(texts) > most else [])])


def _key(folder, pictures, size, colour, levels):
    """What a cache was made from: files by name, size and time of change, and the arguments."""
    digest = hashlib.sha256(repr((1, size, colour, levels)).encode())
    for picture in pictures:
        try:
            status = os.stat(picture.path)
            what = status.st_size, status.st_mtime_ns
        except OSError:
            what = 0, 0
        digest.update(repr((os.fsencode(picture.path.relative_to(folder)), *what)).encode())
    return digest.hexdigest()


def _read_cache(path, key):
    """The `Folder` of a cache and what was left out; None if there is none of this key."""
    images, labels = [f"x_{part}" for part in PARTS], [f"y_{part}" for part in PARTS]
    try:
        arrays = read_npz(path, [*images, "about"], optional=[*labels, "names"], what="cache")
    except UsageError:  # none yet, or damaged: it is written anew
        return None
    about = arrays["about"]
    if about.shape != (3,) or str(about[0]) != key:
        return None
    parts = [(arrays[x], arrays.get(y)) for x, y in zip(images, labels, strict=True)]
    names = tuple(arrays["names"].tolist()) if "names" in arrays else None
    return Folder(parts, int(about[1]), names), str(about[2])


def _write_cache(path, key, read, left_out):
    arrays = {"about": np.array([key, str(read.levels), left_out])}
    for part, (images, labels) in zip(PARTS, read.parts, strict=True):
        arrays |= {f"x_{part}": images} | ({} if labels is None else {f"y_{part}": labels})
    if read.names is not None:
        arrays["names"] = np.array(read.names)
    with replacing(path) as scratch:
        np.savez_compressed(scratch, **arrays)
