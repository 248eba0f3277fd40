"""The flags of the command line, one frozen class for each group of `--help`.

A field is a flag: the annotation says which values it takes, and the comment behind the field, with
the lines of comment that follow it, is its help. Training is `pcnnlib.training.TrainConfig` itself,
so that a new field there is a flag.
"""

import sys
import types
import typing
from dataclasses import dataclass, field
from typing import Any, Literal

import keras

from pcnnlib._internal.errors import (
    UsageError,
    check_at_most,
    check_bool,
    check_dilations,
    check_int,
    check_number,
)
from pcnnlib._internal.levels import MOST_LEVELS
from pcnnlib.data import SOURCES
from pcnnlib.nn.attention import check_attention
from pcnnlib.nn.distributions import DISTRIBUTIONS
from pcnnlib.nn.raster import ORDERS
from pcnnlib.training import OPTIMIZERS, TrainConfig


def example(text: str, default: Any = None) -> Any:
    """A field with an example of its value, for help and error messages."""
    return field(default=default, metadata={"example": text})


# Larger than any use: what such a number asks for would fail late, or never come to an end.
LARGEST = {"layers": 1_000, "f_map": 16_384, "components": 1_000, "code_size": 65_536}
LARGEST["orders"] = len(ORDERS)
# What only masked layers have.
NOT_PAINTING = ("layers", "dilations", "attention", "dropout")
CODED = ("autoencoder", "painting", "vqvae")
# What may be told a class.
LABELLED = ("conditional", "vqvae")
DIGITS = 9  # of a number of devices, processes or batches
LONGEST_ADDRESS = 300  # a host's name has at most 253 characters
MOST_IMAGES = 100_000  # drawn at once, on one picture
MOST_DRAWS = 1_000  # for one image
MOST_GUIDANCE = 1_000


def check_kinds(group: Any) -> None:
    """Raise `UsageError` for a value of another kind than its field's annotation names."""
    for name, annotation in typing.get_type_hints(type(group)).items():
        value, kinds = getattr(group, name), [annotation]
        if typing.get_origin(annotation) in (types.UnionType, typing.Union):  # X | None
            kinds = list(typing.get_args(annotation))
        if value is None and type(None) in kinds:
            continue
        kind = kinds[0]
        if typing.get_origin(kind) is Literal and value not in typing.get_args(kind):
            choices = ", ".join(map(repr, typing.get_args(kind)))
            raise UsageError(f"--{name} must be one of {choices}, got {value!r}")
        if kind is bool:
            check_bool(f"--{name}", value)
        if kind is str and not isinstance(value, str):
            raise UsageError(f"--{name} must be a text, got {value!r}")
        if kind is str and not value:  # of a shell's variable that is not set, say
            raise UsageError(f"--{name} must not be empty, got {value!r}")


@dataclass(frozen=True)
class Data:
    """Which images are learnt.

    Raises:
        UsageError: a value that is no name, or no number of levels.
    """

    data: str = "digits"  # a path to .npz, a folder of pictures (its subfolders are the classes),
    # or one of these names:
    levels: int | None = None  # values a pixel can take; by default as the data has them
    image_size: tuple[int, ...] | None = example("32")  # of a folder: side, or height,width; by
    # default the pictures' own if they share one up to 64, else 32
    colour: bool | None = None  # of a folder: colours or grey; by default grey if all pictures are
    cache: bool = False  # of a folder: keep what was read in a file beside it

    def __post_init__(self) -> None:
        check_kinds(self)


@dataclass(frozen=True)
class Network:
    """Which network learns them: arguments of its constructor, some by a shorter name.

    Raises:
        UsageError: a value out of range.
    """

    model: Literal["", "conditional", "autoencoder", "painting", "vqvae"] = ""  # empty:
    # unconditional; painting: an autoencoder whose decoder predicts every pixel from the code
    # alone; vqvae: one whose code is a small grid of integers, and a network, conditional if there
    # are labels, that draws such grids
    layers: int = 12  # gated blocks, the first included
    f_map: int | None = None  # features of each stack; by default 32, rounded up to a multiple of
    # the channels where the network orders them; painting: features of the decoder
    dilations: tuple[int, ...] | None = example("1,2,4")  # pixels from tap to tap in the second
    # block, the third and so on, repeated; by default 1, or 1,2,4,8 for images larger than 12
    # pixels
    attention: tuple[int, ...] | None = example("4,8")  # blocks, from 1, behind which every pixel
    # looks at all pixels before it, of a vqvae every code at all codes; training time grows with
    # the square of their number
    distribution: str | None = None  # of a pixel; by default bernoulli for 2 levels, categorical
    # for more:
    components: int = 10  # logistics in the mixture
    code_size: int = 10  # autoencoder, painting: numbers in a code; vqvae: in each code's vector
    codes: int = 512  # vqvae: values that each integer of a code can take
    code_grids: int = 1  # vqvae: grids of codes; 2: a top one of half as many in each direction,
    # and the bottom one encoded, and drawn, given it
    autoencoder_epochs: int | None = None  # vqvae: of its first stage, the autoencoder; by default
    # as many as the second has, which --epochs sets
    label_dropout: float | None = None  # conditional, vqvae: share of labels taken away while
    # training, so that --guidance can draw; by default 0, of a vqvae 0.1
    dropout: float = 0.0  # share of gated features dropped while training
    orders: int = 1  # in which images are read and drawn: 8 are all symmetries of a square, 4 all
    # of another image; 1 is raster order
    precision: Literal["float32", "mixed_bfloat16"] = "float32"  # of features while training;
    # weights stay float32, and the trained network computes in it

    def __post_init__(self) -> None:
        check_kinds(self)
        for name, largest in LARGEST.items():
            if getattr(self, name) is not None:
                check_int(f"--{name}", getattr(self, name), 1)
                check_at_most(f"--{name}", getattr(self, name), largest)
        if self.dilations is not None:
            check_dilations(self.dilations)
        if self.attention is not None and self.model != "painting":
            check_attention("--attention", self.attention, self.layers)
        check_number("--dropout", self.dropout, 0.0)
        if self.dropout >= 1:
            raise UsageError(f"--dropout must be below 1, got {self.dropout}")
        if self.model != "vqvae":
            for name in ("codes", "code_grids", "autoencoder_epochs"):
                if getattr(self, name) != getattr(type(self), name):
                    raise UsageError(f"--{name} needs --model=vqvae")
        if self.code_size != type(self).code_size and self.model not in CODED:
            raise UsageError(f"--code_size needs --model={', '.join(CODED[:-1])} or {CODED[-1]}")
        check_int("--codes", self.codes, 2, MOST_LEVELS)
        check_int("--code_grids", self.code_grids, 1, 2)
        if self.autoencoder_epochs is not None:
            check_int("--autoencoder_epochs", self.autoencoder_epochs, 1)
            check_at_most("--autoencoder_epochs", self.autoencoder_epochs, 1_000_000)
        if self.label_dropout is not None:
            if self.model not in LABELLED:
                raise UsageError(f"--label_dropout needs --model={' or '.join(LABELLED)}")
            if check_number("--label_dropout", self.label_dropout, 0.0) >= 1:
                raise UsageError(f"--label_dropout must be below 1, got {self.label_dropout}")
        for name in NOT_PAINTING if self.model == "painting" else ():
            if getattr(self, name) != getattr(type(self), name):
                raise UsageError(f"--{name} says nothing of --model=painting: leave it out")
        if self.orders > 1 and self.model in CODED:
            raise UsageError(
                f"--orders must be 1 with --model={self.model}, which draws in raster order alone, "
                f"got {self.orders}"
            )
        mixture = self.distribution == "logistic_mixture"
        if self.components != type(self).components and not mixture:
            raise UsageError("--components needs --distribution=logistic_mixture")


@dataclass(frozen=True)
class Drawing:
    """Which images are drawn, and how.

    Raises:
        UsageError: a value out of range.
    """

    pretrained: str | None = example("NAME")  # with --epochs=0: draw from a published run
    n_samples: int = 100  # images drawn, rounded up to full rows
    temperature: float = 1.0  # below 1: likely values likelier still
    guidance: float = 1.0  # conditional, vqvae: how much the class counts; above 1: images are more
    # of their class and less different from each other, which needs --label_dropout in training
    classes: tuple[int | str, ...] | None = example("3,3,7")  # conditional: a row for each of these
    # labels, or cat,dog where they are names; by default for each there is
    complete: str | None = example("FILE.png")  # picture to complete: transparent pixels are drawn
    keep: Literal["top", "left", "bottom", "right"] = "top"  # half of --complete kept if no pixel
    # is transparent
    order: int | None = None  # in which to draw, from 0; by default 0, and for --complete the one
    # that puts most kept pixels first
    resample: int = 1  # --complete: draws for each image, of which one is chosen that fits the kept
    # pixels that come too late in the order
    draw_every: int = 10  # epochs from one grid of samples to the next while training; there is
    # always one at the end
    animate: bool | None = None  # also write a GIF of the images growing; by default if conditional
    export: str | None = example("FILE.html")  # also write a page in which the model draws, see
    # `pcnnlib.export_html`

    def __post_init__(self) -> None:
        check_kinds(self)
        check_int("--n_samples", self.n_samples, 1)
        check_at_most("--n_samples", self.n_samples, MOST_IMAGES)
        check_int("--draw_every", self.draw_every, 1)
        check_number("--temperature", self.temperature, 0.0, open_below=True)
        check_number("--guidance", self.guidance, 0.0, MOST_GUIDANCE)
        if self.order is not None:
            check_int("--order", self.order, 0, len(ORDERS) - 1)
        check_int("--resample", self.resample, 1)
        check_at_most("--resample", self.resample, MOST_DRAWS)
        if self.resample > 1 and self.complete is None:
            raise UsageError("--resample needs --complete")
        if self.keep != type(self).keep and self.complete is None:
            raise UsageError("--keep needs --complete")


@dataclass(frozen=True)
class Files:
    """Where files are read and written.

    Raises:
        UsageError: a value that is no path.
    """

    data_path: str = "data"  # looked into before anything is downloaded
    ckpt_path: str = "ckpts"  # checkpoints
    samples_path: str = "samples"  # pictures
    summary_path: str = "logs"  # for tensorboard --logdir
    publish: str | None = example("NAME")  # after training, write the run to <results_path>/<NAME>
    results_path: str | None = None  # where --publish writes, by default results; and where
    # --pretrained looks, by default among the runs that come with the library

    def __post_init__(self) -> None:
        check_kinds(self)


@dataclass(frozen=True)
class Compression:
    """Images as a file that is as short as a model's likelihood, and back.

    Raises:
        UsageError: a value that is no path, or flags that do not go together.
    """

    compress: str | None = example("IMAGES.npz")  # images (or x_test) to write to --out, and if the
    # model takes labels these: y_test, called as in its data, or condition, the numbers of the
    # classes; --order says in which order
    decompress: str | None = example("FILE.pcnn")  # compressed images to write to --out, an .npz
    out: str | None = example("FILE")  # the file to write, replaced when it is complete

    def __post_init__(self) -> None:
        check_kinds(self)
        if self.compress is not None and self.decompress is not None:
            raise UsageError("--compress and --decompress are two commands: give one of them")
        if self.asked is None and self.out is not None:
            raise UsageError("--out needs --compress or --decompress")
        if self.asked is not None and self.out is None:
            raise UsageError(f"--{self.asked} needs --out, the file to write")
        if self.decompress is not None and not str(self.out).endswith(".npz"):
            raise UsageError(f"--out must end in .npz with --decompress, got {self.out!r}")

    @property
    def asked(self) -> str | None:
        """The flag that asks for one, or None."""
        given = [name for name in ("compress", "decompress") if getattr(self, name) is not None]
        return given[0] if given else None


@dataclass(frozen=True)
class Devices:
    """What a training runs on.

    Raises:
        UsageError: a value that is no number of devices, or no batches to profile.
    """

    devices: str = "1"  # that share each batch: a number, or all
    coordinator: str | None = example("HOST:PORT")  # several processes, JAX only: the first one's
    processes: int | None = None  # how many train together
    process: int | None = None  # which of them this is, from 0
    profile: tuple[int, ...] = example("10,20", (0,))  # batches for TensorBoard's profiler: one, or
    # the first and the last; 0: none

    def __post_init__(self) -> None:
        check_kinds(self)
        if self.devices != "all" and not (self.devices.isdecimal() and len(self.devices) < DIGITS):
            raise UsageError(f"--devices must be a number or all, got {self.devices!r:.60}")
        if self.coordinator is not None and len(self.coordinator) > LONGEST_ADDRESS:
            raise UsageError(
                f"--coordinator must be address:port, got {len(self.coordinator)} characters"
            )
        batches = self.profile
        check_at_most("--profile", batches[-1], 10**DIGITS)
        if len(batches) > 2 or min(batches) < 0 or list(batches) != sorted(batches):
            raise UsageError(
                "--profile must be a batch, or first and last such as 10,20, "
                f"got {','.join(map(str, batches))!r}"
            )
        if any(batches) and keras.backend.backend() == "jax" and sys.version_info < (3, 12):
            raise UsageError("--profile needs Python 3.12 under JAX, or KERAS_BACKEND=tensorflow")

    @property
    def count(self) -> int | Literal["all"]:
        """Devices to train on."""
        return "all" if self.devices == "all" else int(self.devices)

    @property
    def profiled(self) -> int | tuple[int, ...]:
        """Batches to profile, as TensorBoard's callback takes them."""
        return self.profile[0] if len(self.profile) == 1 else self.profile


@dataclass(frozen=True)
class Settings:
    """All flags. The comment behind a group is its title; its value here holds the defaults."""

    data: Data = Data()  # data
    network: Network = Network()  # network
    training: TrainConfig = TrainConfig(epochs=50)  # training; --epochs=0 only draws
    drawing: Drawing = Drawing()  # drawing
    compression: Compression = Compression()  # compression, with --epochs=0
    files: Files = Files()  # files
    devices: Devices = Devices()  # several devices


# Values of a flag that a registry holds, with their help; --data also takes a path.
NAMES: dict[str, dict[str, str]] = {
    "data": {name: source.help for name, source in SOURCES.items()},
    "distribution": {name: str(d.__doc__).split("\n")[0] for name, d in DISTRIBUTIONS.items()},
    "optimizer": dict.fromkeys(OPTIMIZERS, ""),
}
OPEN = {"data"}
