"""Flags follow from the configuration classes, and a run's command from its flags."""

import argparse
import dataclasses
import random
import re
import shlex
from dataclasses import dataclass
from typing import Literal

import pytest

import pcnnlib as pcnn
from pcnnlib import cli, runs
from pcnnlib.cli import network, parser
from pcnnlib.cli.flags import NAMES, Settings, example
from pcnnlib.data import SOURCES, Dataset
from pcnnlib.models import architecture
from pcnnlib.nn.distributions import DISTRIBUTIONS

FLAGS = [(group, flag) for group in parser.GROUPS for flag in vars(parser.GROUPS[group])]
# Every flag of the command line of version 0.1, with its default.
FORMER = {
    "data": "digits",
    "model": "",
    "levels": None,
    "layers": 12,
    "f_map": None,
    "dilations": None,
    "distribution": None,
    "components": 10,
    "code_size": 10,
    "dropout": 0.0,
    "flip": False,
    "epochs": 50,
    "batch_size": 100,
    "devices": "1",
    "coordinator": None,
    "processes": None,
    "process": None,
    "accumulate": 1,
    "precision": "float32",
    "optimizer": "muon",
    "learning_rate": 2e-3,
    "weight_decay": 0.5,
    "grad_clip": 100.0,
    "ema": 0.99,
    "seed": 0,
    "data_path": "data",
    "ckpt_path": "ckpts",
    "samples_path": "samples",
    "summary_path": "logs",
    "publish": None,
    "results_path": None,
    "pretrained": None,
    "profile": (0,),
    "n_samples": 100,
    "temperature": 1.0,
    "classes": None,
    "complete": None,
    "keep": "top",
    "animate": None,
}


def settings(*flags):
    return parser.settings_of(cli.make_parser().parse_args(flags))


@pytest.fixture(scope="module")
def help_text():
    return " ".join(cli.make_parser().format_help().split())


def published_commands():
    """Name and command of every published run that the command line made."""
    records = {name: runs.read_run(name)["command"] for name in runs.list_runs()}
    return {name: text for name, text in records.items() if text.startswith("python main.py ")}


def test_a_flag_keeps_its_name_and_its_default():
    args = vars(cli.make_parser().parse_args([]))
    assert {name: args[name] for name in FORMER} == FORMER
    later = {"warmup", "final_rate", "image_size", "colour", "cache", "export"}
    later |= {"orders", "order", "resample", "attention", "compress", "decompress", "out"}
    later |= {"codes", "code_grids", "autoencoder_epochs", "label_dropout", "guidance"}
    later |= {"draw_every"}
    assert set(args) - set(FORMER) == later


def test_every_field_of_a_training_is_a_flag_with_its_default():
    for field in dataclasses.fields(pcnn.TrainConfig):
        default = 50 if field.name == "epochs" else field.default
        assert getattr(settings().training, field.name) == default
    given = ["--warmup=0.5", "--final_rate=0.25", "--flip", "--optimizer=adam", "--epochs=3"]
    expected = pcnn.TrainConfig(warmup=0.5, final_rate=0.25, flip=True, optimizer="adam", epochs=3)
    assert settings(*given).training == expected


def test_help_has_each_flag_in_its_group_with_the_comment_behind_it(help_text):
    titles = parser.field_comments(Settings)
    starts = [help_text.index(f" {titles[group]}: --") for group in parser.GROUPS]
    assert starts == sorted(starts) and len(starts) == 7
    for start, end, group in zip(starts, [*starts[1:], None], parser.GROUPS, strict=True):
        section = help_text[start:end]
        comments = parser.field_comments(type(parser.GROUPS[group]))
        assert list(comments) == list(vars(parser.GROUPS[group]))
        for flag, comment in comments.items():
            assert len(comment) > 5, flag
            assert re.search(rf"--{flag}\b.*{re.escape(comment)}", section), flag


def test_help_lists_what_the_registries_hold(help_text):
    for name, source in SOURCES.items():
        assert f"{name}: {source.help}" in help_text
    for name, distribution in DISTRIBUTIONS.items():
        assert f"{name}: {distribution.__doc__.splitlines()[0]}" in help_text
    assert set(NAMES["distribution"]) == set(DISTRIBUTIONS) and set(NAMES["data"]) == set(SOURCES)


def test_help_states_the_defaults_that_hold(help_text):
    wide = ",".join(map(str, network.WIDE))
    assert f"by default 1, or {wide} for images larger than {network.NARROW} pixels" in help_text
    assert f"by default {network.FILTERS}, rounded up" in help_text
    assert "--batch_size BATCH_SIZE images a step (default: 100)" in help_text
    assert "(default: None)" not in help_text


def test_help_is_printed_and_ends_the_process(capsys):
    with pytest.raises(SystemExit) as raised:
        cli.main(["--help"])
    assert raised.value.code == 0
    assert "--grad_clip GRAD_CLIP" in capsys.readouterr().out


@dataclass(frozen=True)
class Toy:
    """One field of each kind."""

    share: float = 0.5  # 50% of "all", # signs too
    size: int | None = None  # a number
    sizes: tuple[int, ...] = example("4,5", (1, 2))  # several, which take
    # a second line
    name: Literal["one", "two"] = "one"  # of two

    loud: bool | None = None  # whether

    @property
    def other(self):
        return 3  # no field


def test_a_field_of_any_kind_becomes_a_flag(monkeypatch):
    monkeypatch.setattr(parser, "GROUPS", {"training": Toy()})
    made = cli.make_parser()
    assert vars(made.parse_args([])) == dataclasses.asdict(Toy())
    given = made.parse_args(["--share=1", "--size=3", "--sizes=7", "--name=two", "--no-loud"])
    assert vars(given) == {"share": 1.0, "size": 3, "sizes": (7,), "name": "two", "loud": False}
    text = " ".join(made.format_help().split())
    for line in (
        '--share SHARE 50% of "all", # signs too (default: 0.5)',
        "--size SIZE a number --",
        "--sizes 4,5 several, which take a second line (default: 1,2)",
        "--name {one,two} of two (default: one)",
        "--loud, --no-loud whether",
    ):
        assert line in text
    assert "no field" not in text
    for flag, message in (
        ("--sizes=1,a", "--sizes must be integers such as 4,5, got '1,a'"),
        ("--name=three", "invalid choice: 'three'"),
        ("--size=x", "invalid int value: 'x'"),
    ):
        with pytest.raises(pcnn.UsageError, match=re.escape(message)):
            made.parse_args([flag])


def test_a_field_that_no_flag_can_be_made_of_is_an_error(monkeypatch):
    @dataclass(frozen=True)
    class Odd:
        table: dict = None  # no flag

    monkeypatch.setattr(parser, "GROUPS", {"training": Odd()})
    with pytest.raises(TypeError, match="no flag can be made of the field table"):
        cli.make_parser()


@pytest.mark.parametrize("name", published_commands())
def test_a_published_command_comes_back_and_builds_the_published_network(name):
    text = published_commands()[name]
    args = cli.make_parser().parse_args(shlex.split(text)[2:])
    assert cli.command(args) == text
    model = runs.read_run(name)["model"]
    pixels = model.get("autoencoder", model)
    shape = tuple(pixels["image_shape"])
    data = Dataset(name, shape, pixels["levels"], None, None, None, 10, "", "")
    built = network.build_network(parser.settings_of(args).network, data, seed=0)
    # What was trained in another precision is published in float32.
    if built.compute_dtype != "float32":
        built = built.as_dtype("float32")
    described, published = (architecture(m) for m in (built, pcnn.load_pretrained(name)))
    for parts in (described, published):  # Keras numbers the parts of a model that has some
        parts.get("autoencoder", {}).pop("name", None)
    assert described == published


def test_the_published_runs_are_among_those_compared():
    kinds = {"mnist", "binarized-mnist", "mnist-conditional", "mnist-autoencoder"}
    kinds.add("mnist-painting")
    assert kinds <= set(published_commands())


def test_a_command_names_what_is_not_default_in_a_fixed_order():
    flags = (
        "--data='my own.npz' --model=conditional --levels=4 --layers=3 --f_map=8 --dilations=1,2"
        " --distribution=logistic_mixture --components=4 --code_size=3 --dropout=0.1 --flip"
        " --epochs=7 --batch_size=8 --devices=all --accumulate=2 --precision=mixed_bfloat16"
        " --optimizer=adam --learning_rate=0.005 --weight_decay=0.1 --grad_clip=1.0 --ema=0.9"
        " --seed=3 --publish=mine --profile=10,20 --n_samples=9 --temperature=0.8 --classes=3,3"
        " --complete=half.png --keep=left --no-animate --warmup=0.1 --final_rate=0.0"
    )
    places = ["--ckpt_path=a", "--data_path=b", "--samples_path=c", "--summary_path=d"]
    places += ["--results_path=e", "--coordinator=f:1", "--processes=2", "--process=1"]
    given = [*shlex.split(flags), *places]
    given[0] = "--data=some/folder/my own.npz"
    given[given.index("--complete=half.png")] = "--complete=./half.png"
    random.Random(0).shuffle(given)
    assert cli.command(cli.make_parser().parse_args(given)) == f"python main.py {flags}"
    assert cli.command(cli.make_parser().parse_args([])) == "python main.py"
    assert cli.command(cli.make_parser().parse_args(["--epochs=50", "--dropout=0"])) == (
        "python main.py"
    )


def test_a_later_flag_comes_last_in_a_command():
    args = argparse.Namespace(**{**FORMER, "warmup": 0.5, "animate": True, "final_rate": 0.01})
    assert cli.command(args) == "python main.py --animate --warmup=0.5"


@pytest.mark.parametrize("group", parser.GROUPS)
def test_settings_cannot_be_changed(group):
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(getattr(settings(), group), next(f for g, f in FLAGS if g == group), 3)
