"""Folders to run the command line in, and how its mistakes are told apart from other output."""

import shutil

import keras
import numpy as np
import pytest
from once import made_once
from PIL import Image
from support import write_npz

import pcnnlib as pcnn
from pcnnlib import cli, runs, training

# Muon, the default, takes longer to compile.
QUICK = ["--optimizer=adam"]


class Home:
    """A folder to run in: data, a picture to complete, and where results go."""

    def __init__(self, folder):
        self.folder = folder
        self.data = folder / "tiny.npz"
        if not self.data.exists():
            write_npz(self.data)
        self.complete = folder / "half.png"
        image = np.zeros((4, 4), "uint8")
        image[:2, 1] = 255
        Image.fromarray(image).save(self.complete)

    def write_data(self, **options):
        """Write other data, see `write_npz`."""
        write_npz(self.data, **options)

    def flags(self, *more):
        places = {"ckpt_path": "ckpts", "samples_path": "samples", "summary_path": "logs"}
        paths = [f"--{flag}={self.folder / name}" for flag, name in places.items()]
        size = ["--layers=2", "--f_map=4", "--batch_size=12", "--n_samples=6"]
        return [f"--data={self.data}", *paths, *size, *more]

    def quick_flags(self, *more):
        """`flags` where it does not matter how well a model learns."""
        return self.flags(*QUICK, *more)

    def saved(self):
        """Everything written, by name."""
        return {
            str(path.relative_to(self.folder)): path.read_bytes()
            for path in sorted(self.folder.rglob("*"))
            if path.is_file()
        }


@pytest.fixture(scope="session")
def make_home():
    """Function that makes a folder one to run in."""
    return Home


@pytest.fixture(scope="session")
def home(tmp_path_factory):
    """A finished run of two epochs. Tests must leave its checkpoints as they are."""

    def run(folder):
        home = Home(folder)
        more = ["--epochs=2", "--animate", f"--complete={home.complete}"]
        assert cli.main(home.flags(*more)) == 0

    own = tmp_path_factory.mktemp("home") / "home"
    return Home(shutil.copytree(made_once(tmp_path_factory, "home", run), own))


@pytest.fixture
def own_home(tmp_path):
    """A folder to run in, of this test alone."""
    return Home(tmp_path)


@pytest.fixture
def no_grids(monkeypatch):
    """Train without drawing: each model compiles its own way to draw."""
    monkeypatch.setattr(training, "SampleGrids", lambda *_, **__: keras.callbacks.Callback())


@pytest.fixture
def light_publishing(monkeypatch, no_grids):
    """Publish without measuring a run's speed, and with one example image."""
    monkeypatch.setattr(runs, "speed", lambda *_: {"images_per_second": 1.0})
    monkeypatch.setattr(runs, "examples", lambda _, data, seed: {"test": data.test.images[:1]})


@pytest.fixture
def refused(capsys):
    """Function that runs flags which must end in one line on standard error, and in code 2."""

    def check(flags, message):
        capsys.readouterr()
        assert cli.main(flags) == 2
        lines = capsys.readouterr().err.splitlines()
        assert len(lines) == 1, lines
        assert lines[0].startswith("main.py: error: ")
        assert message in lines[0]

    return check


@pytest.fixture
def sampled(monkeypatch):
    """What models are asked to draw, as it comes: the condition and the other arguments."""
    calls = []
    sample = pcnn.GatedPixelCNN.sample

    def watched(self, n, condition=None, **arguments):
        condition = None if condition is None else np.asarray(condition)
        calls.append({"condition": condition, **arguments})
        return sample(self, n, condition, **arguments)

    monkeypatch.setattr(pcnn.GatedPixelCNN, "sample", watched)
    return calls


@pytest.fixture
def grid_of():
    """Function that reads the images of a picture drawn by `tile`, `(rows, columns, 4, 4)`."""

    def read(path, columns, size=4):
        with Image.open(path) as picture:
            grid = np.asarray(picture.convert("L"))
        scale = max(1, 640 // (columns * (size + 1)))
        gap = max(1, scale // 2)
        step = size * scale + gap
        tops, lefts = range(gap, len(grid) - gap, step), range(gap, columns * step, step)
        return np.array(
            [
                [grid[i : i + size * scale : scale, j : j + size * scale : scale] for j in lefts]
                for i in tops
            ]
        )

    return read
