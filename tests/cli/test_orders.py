"""--orders, --order and --resample: a run in several orders, from its training to its page."""

import html
import json
import re

import numpy as np
import pytest
from PIL import Image

import pcnnlib as pcnn
from pcnnlib import cli, training
from pcnnlib.nn.raster import ORDERS


def test_a_run_in_several_orders_trains_completes_from_the_bottom_and_is_published(
    own_home, tmp_path, capsys, sampled, light_publishing
):
    page = tmp_path / "page.html"
    picture = own_home.folder / "whole.png"
    Image.fromarray(np.eye(4, dtype="uint8") * 255).save(picture)
    more = ["--orders=8", "--epochs=1", f"--complete={picture}", "--keep=bottom", "--animate"]
    publish = ["--publish=eight", f"--results_path={tmp_path}", f"--export={page}"]
    assert cli.main(own_home.quick_flags(*more, *publish)) == 0
    out = capsys.readouterr().out
    assert f"completion: drawn {ORDERS[1]} (order 1)\n" in out
    assert f"page: {page}, which draws {ORDERS[0]}\n" in out
    folder = own_home.folder / "ckpts" / "tiny-unconditional-8-orders"
    model = training.load_model(folder / training.BEST)
    data = pcnn.load_dataset(str(own_home.data))
    run = json.loads((tmp_path / "eight" / "run.json").read_text())
    assert "--orders=8" in run["command"] and run["model"]["orders"] == 8
    for name, order in (("test", 0), ("test_order_5", 5), ("test_mixture", "mixture")):
        likelihood = pcnn.evaluate(model, data.test, order=order)
        assert run[name]["nats_per_image"] == pytest.approx(likelihood.nats_per_image, rel=1e-5)
        assert str(likelihood)[:5] in out
    card = (tmp_path / "eight" / "README.md").read_text()
    figure = f"{run['test_mixture']['nats_per_image']:.2f} ± "
    assert f"| test, mixture of 8 orders | {figure}" in card
    # What was kept is the lower half, and the animation grows upwards from there.
    assert sampled[-1]["keep"].tolist() == [[row >= 2] * 4 for row in range(4)]
    assert sampled[-1]["order"] == 1 and sampled[-1]["resample"] == 1
    # The page has the weights of raster order.
    state = re.search(r' data-model="([^"]*)"', page.read_text("utf-8"))[1]
    assert json.loads(html.unescape(state))["parameters"] == model.in_order(0).count_params()

    # Only drawing, from the run and from what is published.
    drawing = ["--epochs=0", "--n_samples=6", f"--samples_path={tmp_path / 's'}", "--order=6"]
    complete = [f"--complete={picture}", "--keep=right", "--resample=2"]
    assert cli.main(own_home.flags("--orders=8", *drawing, *complete)) == 0
    assert f"completion: drawn {ORDERS[6]} (order 6)\n" in capsys.readouterr().out
    assert sampled[-2]["order"] == 6 and sampled[-1]["resample"] == 2
    assert sampled[-1]["keep"].tolist() == [[False, False, True, True]] * 4
    published = ["--pretrained=eight", f"--results_path={tmp_path}"]
    assert cli.main([*published, *drawing]) == 0
    assert sampled[-1]["order"] == 6


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--orders=0"], "--orders must be an integer >= 1, got 0"),
        (["--orders=9"], "--orders must be at most 8, got 9"),
        (["--orders=two"], "argument --orders: invalid int value: 'two'"),
        (
            ["--orders=2", "--model=autoencoder"],
            "--orders must be 1 with --model=autoencoder, which draws in raster order alone, got 2",
        ),
        (["--orders=4", "--model=painting"], "--orders must be 1 with --model=painting"),
        (["--orders=4", "--order=4"], "--order must be an integer 0..3, got 4"),
        (["--order=1"], "--order must be 0, got 1: this model knows one order"),
        (["--order=-1"], "--order must be an integer 0..7, got -1"),
        (["--resample=0"], "--resample must be an integer >= 1, got 0"),
        (["--resample=4"], "--resample needs --complete"),
        (["--resample=9999"], "--resample must be at most 1,000, got 9999"),
        (["--pretrained=mnist", "--epochs=0", "--order=3"], "--order must be 0, got 3"),
        (["--pretrained=mnist", "--epochs=0", "--orders=8"], "leave --orders out"),
    ],
)
def test_mistakes_are_named_before_anything_is_trained(own_home, refused, flags, message):
    whole = {"--pretrained=mnist", "--model=painting"} & set(flags)
    refused([*([] if whole else own_home.flags()), *flags], message)
    assert not (own_home.folder / "ckpts").exists()


def test_images_that_are_not_square_have_four_orders(own_home, refused):
    own_home.write_data(shape=(4, 3))
    refused(
        own_home.quick_flags("--orders=8", "--epochs=1"),
        "--orders must be an integer 1..4 for images that are not square, 4x3, got 8",
    )
