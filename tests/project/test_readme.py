"""The README's Python, run as it is written, on a part of its data."""

import dataclasses
import pathlib
import re

import pytest

import pcnnlib as pcnn

README = pathlib.Path(__file__).parents[2] / "README.md"


def python_blocks():
    return re.findall(r"^```python\n(.*?)^```", README.read_text("utf-8"), re.DOTALL | re.M)


@pytest.fixture
def loaded(monkeypatch):
    """`load_dataset` gives the first images alone: a step shows what the hundredth shows."""
    load, names = pcnn.load_dataset, []

    def load_part(name, **options):
        names.append(name)
        data = load(name, **options)
        parts = {k: getattr(data, k).take(64) for k in ("train", "validation", "test")}
        return dataclasses.replace(data, **parts)

    monkeypatch.setattr(pcnn, "load_dataset", load_part)
    return names


@pytest.mark.slow
def test_quick_start_runs_as_written(tmp_path, monkeypatch, loaded):
    blocks = python_blocks()
    assert blocks, "the README shows no Python"
    monkeypatch.chdir(tmp_path)
    names = {"__name__": "readme"}
    for number, block in enumerate(blocks):
        exec(compile(block, f"README.md, block {number}", "exec"), names)
    assert loaded == ["digits"], "the part of the data was not what the README ran on"
    # What the quick start promises.
    assert names["data"].image_shape == (8, 8, 1) and names["data"].levels == 17
    images = names["images"]
    assert images.dtype == "uint8"
    assert images.shape == (16, 8, 8, 1)


def test_readme_names_only_public_things():
    """Whatever it calls of the library can be found in its list of public names."""
    used = set(re.findall(r"\bpcnn\.(\w+)", "\n".join(python_blocks())))
    assert used and used <= set(pcnn.__all__)
