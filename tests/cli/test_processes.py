"""Several processes that train one model, on loopback: under JAX, through the command line."""

import io
import os
import pathlib
import socket
import subprocess
import sys
import zipfile

import h5py
import numpy as np
import pytest

from pcnnlib import training

pytest.importorskip("jax")
ROOT = pathlib.Path(__file__).parents[2]


# One epoch, then on from its checkpoint to the third.
TWICE = """
import sys
from pcnnlib.cli import main
sys.exit(main([*sys.argv[1:], "--epochs=1"]) or main([*sys.argv[1:], "--epochs=3"]))
"""


def command_line(folder, *flags):
    """Start the command line, twice in one process, in a folder of its own."""
    where = {"PYTHONPATH": str(ROOT), "KERAS_BACKEND": "jax", "JAX_PLATFORMS": "cpu"}
    return subprocess.Popen(
        [sys.executable, "-c", TWICE, *flags],
        env={**os.environ, **where},
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def finish(*processes):
    try:
        outputs = [process.communicate(timeout=240)[0] for process in processes]
    finally:
        for process in processes:
            process.kill()
    for process, output in zip(processes, outputs, strict=True):
        assert process.returncode == 0, output[-5000:]
    return outputs


def port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def arrays_of(path):
    """Every array in a `.keras` file, the optimiser's too, by name."""
    arrays = {}

    def keep(name, item):
        if isinstance(item, h5py.Dataset):
            arrays[name] = item[()]

    with zipfile.ZipFile(path) as archive:
        h5py.File(io.BytesIO(archive.read("model.weights.h5"))).visititems(keep)
    return arrays


@pytest.mark.slow
def test_two_processes_give_the_weights_of_one_and_resume(tmp_path, npz):
    """With labels, averaged weights, and a last batch that two cannot share evenly."""
    data = npz(n=41)
    settings = [f"--data={data}", "--model=conditional", "--layers=2", "--f_map=4", "--ema=0.9"]
    settings += ["--batch_size=8", "--learning_rate=0.01", "--n_samples=3", "--no-animate"]
    one, two = tmp_path / "one", tmp_path / "two"
    one.mkdir(), two.mkdir()
    address = f"--coordinator=127.0.0.1:{port()}"
    together = [*settings, "--devices=all", address, "--processes=2"]
    runs = [command_line(two, *together, f"--process={k}") for k in (0, 1)]
    outputs = finish(command_line(one, *settings), *runs)
    assert outputs[1].count("test: ") == 2
    assert "test: " not in outputs[2] and "Epoch" not in outputs[2]
    saved = [run_dir / "ckpts" / "own-conditional" for run_dir in (one, two)]
    for name in (training.BEST, training.LAST):
        single, shared = (arrays_of(folder / name) for folder in saved)
        assert len(single) > 20 and sorted(single) == sorted(shared)
        for key in single:
            np.testing.assert_allclose(shared[key], single[key], atol=1e-4, err_msg=key)
    single, shared = (training.read_state(folder / training.LAST)["history"] for folder in saved)
    assert len(single["loss"]) == 3
    # Keras counts the images that fill up the last batch when it averages over batches.
    np.testing.assert_allclose(shared["loss"], single["loss"], rtol=1e-3)
    np.testing.assert_allclose(shared["val_loss"], single["val_loss"], rtol=1e-3)
    drawn = [run_dir / "samples" / "own-conditional" / "samples.png" for run_dir in (one, two)]
    assert drawn[0].read_bytes() == drawn[1].read_bytes()
