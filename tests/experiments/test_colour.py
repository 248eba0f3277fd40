"""The comparison on colour images: settings, records, the budget, and a run that goes on."""

import argparse
import json
import struct
import sys
import types
import zlib

import colour
import colour_peers
import colour_report
import numpy as np
import pytest
from support import write_npz

import pcnnlib as pcnn
from pcnnlib import runs
from pcnnlib.models import architecture


def arguments(settings="{}", seed=0):
    return argparse.Namespace(settings=settings, seed=seed)


@pytest.mark.parametrize("name", colour.NETWORKS)
def test_the_published_runs_are_those_of_the_script(name):
    network, config = colour.chosen(name, arguments())
    model = pcnn.GatedPixelCNN((32, 32, 3), 256, **network)
    run = runs.read_run(f"cifar-subset/{name}")
    assert run["model"] == architecture(model)
    for field, value in run["training"].items():
        assert value == (None if field in run["not_recorded"] else getattr(config, field))


def test_what_is_not_ours_keeps_its_own_settings():
    assert runs.read_run("cifar-subset/tfp")["settings"] == colour_peers.TFP
    assert runs.read_run("cifar-subset/png")["settings"] == {}


def test_settings_replace_arguments_of_network_and_training():
    network, config = colour.chosen("mixture", arguments('{"filters": 6, "batch_size": 8}', 3))
    assert network == {**colour.NETWORKS["mixture"], "filters": 6}
    assert (config.batch_size, config.seed) == (8, 3) and config.flip
    assert colour.NETWORKS["mixture"]["filters"] == 30


def test_the_learning_rate_rises_and_falls_with_the_share_of_the_budget(monkeypatch):
    clock = types.SimpleNamespace(process_time=lambda: 0.0, perf_counter=lambda: 0.0)
    monkeypatch.setattr(colour_report, "time", clock)
    meter = colour_report.Meter(1)
    shares = (0, 0.025, 0.05, 0.525, 1, 2)
    rates = []
    for share in shares:
        clock.process_time = lambda share=share: share * meter.budget
        rates.append(meter.rate(2.0))
    assert rates == pytest.approx([0, 1.0, 2.0, 2.0 * (0.01 + 0.99 / 2), 0.02, 0.02])
    assert meter.spent


@pytest.fixture
def small_run(tmp_path, monkeypatch):
    """Function that runs the script on small images until a number of steps have been made.

    A process's time is counted in steps: the clock goes on by one when the learning rate is set.
    """
    data = write_npz(tmp_path / "colour.npz", shape=(4, 4, 3), levels=256)
    monkeypatch.setattr(colour_report, "processor_cores", lambda: 1)

    def run(minutes, stop=None):
        clock = types.SimpleNamespace(now=0.0, perf_counter=lambda: 0.0)
        clock.process_time = lambda: clock.now
        monkeypatch.setattr(colour_report, "time", clock)
        rates = []

        def step(self, highest, rate=colour_report.Meter.rate):
            clock.now += 1.0
            if len(rates) == stop:
                raise KeyboardInterrupt
            rates.append(rate(self, highest))
            return rates[-1]

        settings = json.dumps({"filters": 4, "blocks": 2, "batch_size": 12})
        words = f"--data {data} --minutes {minutes} --only mixture --results {tmp_path / 'results'}"
        words += f" --work {tmp_path / 'work'}"
        monkeypatch.setattr(sys, "argv", ["colour.py", *words.split(), "--settings", settings])
        with monkeypatch.context() as patch:
            patch.setattr(colour_report.Meter, "rate", step)
            colour.main()
        return rates

    return run


def test_a_run_that_was_stopped_goes_on_from_its_last_epoch_and_within_its_budget(
    small_run, tmp_path
):
    """36 images, three steps an epoch, and a budget of twelve steps."""
    with pytest.raises(KeyboardInterrupt):
        small_run(0.2, stop=7)
    stopped = runs.read_run("mixture", tmp_path / "results")
    assert stopped["history"]["cpu_seconds"] == [3, 6] and "test" not in stopped
    rates = small_run(0.2)
    run = runs.read_run("mixture", tmp_path / "results")
    assert run["history"]["cpu_seconds"] == [3, 6, 9, 12] and len(rates) == 6
    assert run["history"]["images"] == [36, 72, 108, 144]
    for name, values in stopped["history"].items():
        assert run["history"][name][:2] == values
    meter = colour_report.Meter(0.2)
    meter.earlier = 7.0 - colour_report.time.process_time()
    assert rates[0] == pytest.approx(meter.rate(4e-3))  # the seventh step of twelve
    model = pcnn.load_pretrained("mixture", tmp_path / "results")
    assert run["model"] == architecture(model) and run["training"]["batch_size"] == 12
    shown = runs.read_examples("mixture", tmp_path / "results")["test"]
    assert shown.shape == (10, 4, 4, 3) and shown.dtype == "uint8"
    assert "config" not in run and run["test"]["bits_per_dim"] > 0
    best = min(run["history"]["val_bits_per_dim"])
    assert run["validation"]["bits_per_dim"] == pytest.approx(best, rel=1e-5)


def test_bytes_of_compressed_pixels_are_those_of_idat_chunks():
    def chunk(kind, content):
        checksum = struct.pack(">I", zlib.crc32(kind + content))
        return struct.pack(">I", len(content)) + kind + content + checksum

    file = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", b"h" * 13) + chunk(b"IDAT", b"x" * 70)
    file += chunk(b"IDAT", b"y" * 5) + chunk(b"IEND", b"")
    assert colour_peers.pixel_bytes(file) == 75


def test_figures_are_bits_per_dimension():
    data = types.SimpleNamespace(image_shape=(2, 2, 3))
    nats = np.array([8.0, 8.0]) * 12 * np.log(2)
    figures = colour_report.figures(nats, data)
    assert figures == {"bits_per_dim": pytest.approx(8.0), "standard_error": 0, "images": 2}
