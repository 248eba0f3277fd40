"""Compression: bytes of test images by our models, and by image formats and compressors.

    python benchmarks/file_sizes.py --data_path data
    python benchmarks/file_sizes.py --data_path data --only mnist --images 500

| run | test images | our model |
|---|---|---|
| `mnist` | MNIST's 10,000, binarised | `mnist` |
| `mnist-grey` | MNIST's 10,000, 256 levels | `mnist-grey` |
| `cifar-subset` | 400 of CIFAR-10 | `cifar-subset/mixture` |

Image formats get each image as a file of its own, and all of them as one large picture, where their
headers no longer count; compressors get all values as one file, eight of 2 levels in a byte. Every
way is set to its smallest files, and what comes back is compared with what went in. Ours is one
file: the model is not in it, just as no program is in the others.

Seconds are processor time, so that it matters little what else the machine does. Ours leave out
what compiles, and the verification that `compress` makes by default: it is what `out` measures.
"""

import argparse
import bz2
import gzip
import io
import lzma
import math
import pathlib
import struct
import time

import pcnnlib_startup

pcnnlib_startup.keep_freed_memory()
with pcnnlib_startup.without_chatter():
    import keras
    import numpy as np
    import zstandard
    from PIL import Image

    import pcnnlib as pcnn
    from pcnnlib import codec, runs

# Run -> data set, options of `load_dataset`, published model, test images kept for the page.
RUNS = {
    "mnist": ("mnist", {}, "mnist", 300),
    "mnist-grey": ("mnist", {"levels": 256}, "mnist-grey", 10),
    "cifar-subset": ("cifar10_subset.npz", {}, "cifar-subset/mixture", 40),
}
COMMAND = "python benchmarks/file_sizes.py --data_path data"
COLUMNS = 100  # of one large picture, at most
# Name -> format and options of Pillow; JPEG XL by pillow-jxl-plugin.
FORMATS = {
    "PNG": ("PNG", {"optimize": True}),
    "WebP": ("WEBP", {"lossless": True, "quality": 100, "method": 6}),
    "JPEG XL": ("JXL", {"lossless": True, "effort": 9}),
}
COMPRESSORS = {
    "gzip": (lambda x: gzip.compress(x, 9, mtime=0), gzip.decompress),
    "bzip2": (lambda x: bz2.compress(x, 9), bz2.decompress),
    "xz": (lambda x: lzma.compress(x, preset=9 | lzma.PRESET_EXTREME), lzma.decompress),
    "zstd": (
        lambda x: zstandard.ZstdCompressor(level=22).compress(x),
        lambda x: zstandard.ZstdDecompressor().decompress(x),
    ),
}


def timed(function, *args):
    """`(result, processor seconds)`."""
    start = time.process_time()
    result = function(*args)
    return result, time.process_time() - start


def row(images, files, header, seconds_in, seconds_out):
    """A line of the table: what the files of all images take.

    Args:
        images: `(N, H, W, C)`.
        files: bytes of each file.
        header: bytes in them that are not the images' own; None: not known.
        seconds_in, seconds_out: of all images.
    """
    size = sum(map(len, files))
    return {
        "bytes": size,
        "files": len(files),
        "header_bytes": header,
        "bits_per_dim": 8 * size / images.size,
        "images_per_second_in": len(images) / max(seconds_in, 1e-9),
        "images_per_second_out": len(images) / max(seconds_out, 1e-9),
    }


def ours(model, images):
    """Our line, and the model's own likelihood, bits per dimension."""
    size = codec.batch_size(len(images))
    pcnn.decompress(model, pcnn.compress(model, images[:size], verify=False))  # compiles
    data, seconds_in = timed(lambda: pcnn.compress(model, images, verify=False))
    back, seconds_out = timed(pcnn.decompress, model, data)
    assert np.array_equal(back, images)
    promise = -model.log_likelihood(images).sum() / math.log(2) / images.size
    file = codec.parse(data)
    return row(images, [data], file.header_bytes, seconds_in, seconds_out), promise, file


def as_picture(image, levels):
    """A picture of an image `(H, W, C)`, of as few bits a pixel as its format has."""
    image = image * (255 if levels == 2 else 1)
    if image.shape[-1] == 3:
        return Image.fromarray(image)
    picture = Image.fromarray(image[..., 0])
    return picture.convert("1") if levels == 2 else picture


def encode(pictures, name):
    """The files of pictures in a format."""
    kind, options = FORMATS[name]
    files = []
    for picture in pictures:
        # WebP knows colours alone, and the plugin for JPEG XL no mode of one bit.
        mode = {"WebP": "RGB", "JPEG XL": "L"}.get(name)
        if mode is not None and picture.mode != "RGB":
            picture = picture.convert(mode)
        buffer = io.BytesIO()
        picture.save(buffer, kind, **options)
        files.append(buffer.getvalue())
    return files


def decode(files, levels, channels):
    """Images `(H, W, C)` from files of pictures."""
    images = []
    for file in files:
        picture = Image.open(io.BytesIO(file)).convert("RGB" if channels == 3 else "L")
        image = np.asarray(picture).reshape(picture.height, picture.width, channels)
        images.append(image // 255 if levels == 2 else image)
    return images


def header_of(name, file):
    """Bytes of a file in front of and behind the coded pixels; None where that is not told apart.

    A PNG file has its pixels in IDAT chunks; WebP's container has 20 bytes.
    """
    if name == "WebP":
        return 20
    if name != "PNG":
        return None
    at, pixels = 8, 0
    while at < len(file):
        length, kind = struct.unpack_from(">I4s", file, at)
        pixels += length if kind == b"IDAT" else 0
        at += length + 12
    return len(file) - pixels


def tiled(images):
    """All images side by side, `(1, H', W', C)`; places that are left over hold zeros."""
    n, height, width, channels = images.shape
    columns = min(COLUMNS, math.isqrt(n - 1) + 1)
    rows = -(-n // columns)
    whole = np.zeros((rows * columns, height, width, channels), images.dtype)
    whole[:n] = images
    grid = whole.reshape(rows, columns, height, width, channels).swapaxes(1, 2)
    return grid.reshape(1, rows * height, columns * width, channels)


def by_format(name, images, levels, one_picture):
    """The line of an image format."""
    shown = tiled(images) if one_picture else images
    pictures = [as_picture(image, levels) for image in shown]
    files, seconds_in = timed(encode, pictures, name)
    back, seconds_out = timed(decode, files, levels, images.shape[-1])
    assert np.array_equal(np.stack(back), shown)
    headers = [header_of(name, file) for file in files]
    return row(images, files, None if None in headers else sum(headers), seconds_in, seconds_out)


def by_compressor(name, images, levels):
    """The line of a compressor: all values one after the other."""
    values = np.packbits(images) if levels == 2 else images
    into, out = COMPRESSORS[name]
    data, seconds_in = timed(into, values.tobytes())
    back, seconds_out = timed(out, data)
    assert back == values.tobytes()
    return row(images, [data], None, seconds_in, seconds_out)


def peers(images, levels):
    """Lines of all others, by name."""
    import pillow_jxl  # noqa: F401  # with it Pillow knows JPEG XL

    lines = {}
    for name in FORMATS:
        lines[name] = by_format(name, images, levels, one_picture=False)
        print(f"{name}: {lines[name]['bits_per_dim']:.4f} bits/dim", flush=True)
        lines[f"{name}, one picture"] = by_format(name, images, levels, one_picture=True)
    for name in COMPRESSORS:
        lines[name] = by_compressor(name, images, levels)
    return lines


def measure(name, args, made):
    """The record of a run, and the images beside it."""
    source, options, published, kept = RUNS[name]
    path = source if not source.endswith(".npz") else str(pathlib.Path(args.data_path) / source)
    data = pcnn.load_dataset(path, data_path=args.data_path, **options)
    images = data.test.images[: args.images]
    model = pcnn.load_pretrained(published)
    line, promise, file = ours(model, images)
    print(f"ours: {line['bits_per_dim']:.4f} bits/dim, promised {promise:.4f}", flush=True)
    record = runs.read_run(published)
    fields = {
        "command": COMMAND if args.images is None else f"{COMMAND} --images {args.images}",
        "seed": 0,  # of the data set: its binarisation, where there is one
        "settings": {
            "model": published,
            "weights_sha256": record["weights"]["sha256"],
            "parameters": record["weights"]["parameters"],
            "batch_size": file.batch_size,
            "count_bits": codec.BITS,
        },
        "data": runs.describe_data(data),
        **made,
        "images": len(images),
        "values": int(images.size),
        "promised_bits_per_dim": promise,
        "payload_bytes": len(file.payload),
        "test": {"bits_per_dim": file.bits_per_dim, "images": len(images)},
        "ways": {"ours": line, **peers(images, data.levels)},
    }
    return fields, {"test": images[:kept]}


def table(run):
    """The lines of a run, as text."""
    lines = [f"{'':22}    bytes   header  bits/dim   in/s   out/s"]
    for name, way in sorted(run["ways"].items(), key=lambda item: item[1]["bytes"]):
        header = "-" if way["header_bytes"] is None else f"{way['header_bytes']:,}"
        lines.append(
            f"{name:22}{way['bytes']:>9,}{header:>9}{way['bits_per_dim']:>10.4f}"
            f"{way['images_per_second_in']:>7.0f}{way['images_per_second_out']:>8.0f}"
        )
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data_path", default="data", help="folder with the data files")
    parser.add_argument("--results_path", help="where figures go; by default the project's own")
    parser.add_argument("--only", choices=RUNS, nargs="+", default=list(RUNS))
    parser.add_argument("--images", type=int, help="the first so many: to rehearse")
    args = parser.parse_args()
    if args.images is not None and args.results_path is None:
        parser.error("--images rehearses: give it a --results_path of its own")
    packages = ["pcnnlib", "keras", keras.backend.backend(), "numpy", "constriction"]
    packages += ["pillow", "pillow-jxl-plugin", "zstandard"]
    made = runs.provenance(packages)  # once: what is published changes the folder
    for name in args.only:
        run, examples = measure(name, args, made)
        folder = runs.runs_dir() if args.results_path is None else pathlib.Path(args.results_path)
        runs.write_run(folder / "compression" / name, run, images=examples)
        print(f"{name}, {run['images']:,} images\n{table(run)}", flush=True)


if __name__ == "__main__":
    main()
