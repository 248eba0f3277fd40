"""--attention: a run with attention, from its training to what is published of it."""

import json

import pytest

from pcnnlib import cli, training
from pcnnlib.models import architecture


def test_a_run_with_attention_trains_draws_goes_on_and_is_published(
    own_home, tmp_path, light_publishing
):
    flags = ["--attention=2,1", "--publish=attentive", f"--results_path={tmp_path}"]
    assert cli.main(own_home.quick_flags("--epochs=1", *flags)) == 0
    run = json.loads((tmp_path / "attentive" / "run.json").read_text())
    assert run["model"]["attention"] == [1, 2] and "--attention=2,1" in run["command"]
    folder = own_home.folder / "ckpts" / "tiny-unconditional-attention-1-2"
    assert architecture(training.load_model(folder / training.BEST)) == run["model"]
    assert cli.main(own_home.flags("--attention=1,2", "--epochs=0")) == 0


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--attention=3"], "each of --attention must be an integer 1..2, got 3"),
        (["--attention=0,1"], "each of --attention must be an integer 1..2, got 0"),
        (["--attention=1,1"], "--attention must be different numbers of blocks, 1..2, got (1, 1)"),
        (["--attention=x"], "--attention must be integers such as 4,8, got 'x'"),
        (
            ["--attention=1", "--export=page.html", "--epochs=1"],
            "--export: model has attention behind blocks 1, and a page knows convolutions alone",
        ),
        (["--attention=1", "--model=painting"], "--attention says nothing of --model=painting"),
        (["--attention=1", "--pretrained=mnist", "--epochs=0"], "leave --attention out"),
    ],
)
def test_mistakes_are_named_before_anything_is_trained(own_home, refused, flags, message):
    whole = {"--pretrained=mnist", "--model=painting"} & set(flags)
    refused([*([] if whole else own_home.flags()), *flags], message)
    assert not (own_home.folder / "ckpts").exists()
