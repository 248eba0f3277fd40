"""`import pcnnlib` changes nothing in the process that `import keras` has not changed."""

import json
import os
import pathlib
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).parents[2]

# Prints, line by line, what the process is like after each of the modules in its arguments.
# `ctypes` would be the way to call `mallopt`: it is watched from the first line on.
STATES = """
import ctypes, json, os, sys

calls = []
class Watched(ctypes.CDLL):
    def __getattr__(self, name):
        if name == "mallopt":
            calls.append(name)
        return super().__getattr__(name)
ctypes.CDLL = Watched

def state():
    import logging, signal, warnings
    loggers = {name: logging.getLogger(name) for name in logging.root.manager.loggerDict}
    hooks = sys.excepthook, sys.displayhook, warnings.showwarning
    return {
        "mallopt": calls,
        "standard error": os.fstat(2).st_ino,
        "environment": dict(os.environ),
        "signals": {str(s): str(signal.getsignal(s)) for s in signal.valid_signals()},
        "warnings": list(map(str, warnings.filters)),
        "root logger": [logging.root.level, *map(str, logging.root.handlers)],
        "levels": {name: logger.level for name, logger in loggers.items() if logger.level},
        "hooks": [hook.__qualname__ for hook in hooks],
    }

for name in sys.argv[1:]:
    __import__(name)
    print(json.dumps(state()))
"""
# Goes on in the process that has imported the library alone.
LOAD = """
import keras
model = keras.saving.load_model({path!r})
print(json.dumps([type(model).__name__, *model.image_shape]))
"""
MEDDLING = """
import ctypes, logging, os, signal, warnings
ctypes.CDLL(None).mallopt
os.environ["MEDDLED"] = "1"
os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
signal.signal(signal.SIGTERM, signal.SIG_IGN)
warnings.simplefilter("ignore")
warnings.showwarning = print
logging.root.setLevel(5)
logging.getLogger("absl").setLevel(5)
"""


def run(code, *arguments, folder):
    """Lines of JSON that a program prints, and how many lines it writes to standard error."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith("PYTEST_")}
    environment |= {"PYTHONPATH": os.pathsep.join([str(ROOT), str(folder)])}
    with open(folder / "stderr", "w+") as errors:
        done = subprocess.run(
            [sys.executable, "-c", code, *arguments],
            env={**environment, "TF_CPP_MIN_LOG_LEVEL": "3"},
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            timeout=240,
        )
        errors.seek(0)
        written = errors.read()
    assert done.returncode == 0, written
    return [json.loads(line) for line in done.stdout.splitlines()], len(written.splitlines())


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """One for all processes: they then write to the same file, and see the same environment."""
    folder = tmp_path_factory.mktemp("import")
    (folder / "meddling.py").write_text(MEDDLING)
    return folder


@pytest.fixture(scope="module")
def after_keras(folder):
    return run(STATES, "keras", "meddling", folder=folder)


@pytest.fixture(scope="module")
def after_the_library(folder):
    path = ROOT / "results" / "mnist-conditional" / "weights.keras"
    return run(STATES + LOAD.format(path=str(path)), "pcnnlib", folder=folder)


def differences(state, other):
    return sorted(key for key in state if state[key] != other[key])


def test_importing_the_library_changes_nothing_in_the_process(after_keras, after_the_library):
    (keras_alone, _), _ = after_keras
    (state, _), _ = after_the_library
    assert differences(state, keras_alone) == []
    assert state["mallopt"] == []


def test_the_comparison_would_notice_each_change(after_keras):
    (keras_alone, meddled), _ = after_keras
    assert differences(meddled, keras_alone) == sorted(keras_alone)


def test_importing_the_library_prints_nothing_of_its_own(after_keras, after_the_library):
    """TensorFlow writes some lines as it starts, whoever imports it: those and no more."""
    assert after_the_library[1] == after_keras[1]


def test_after_the_import_alone_keras_loads_a_published_model(after_the_library):
    (_, loaded), _ = after_the_library
    assert loaded == ["GatedPixelCNN", 28, 28, 1]
