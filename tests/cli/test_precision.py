"""--precision is that of the training: results are tested, drawn and published in float32."""

import json

import pcnnlib as pcnn
from pcnnlib import cli, training


def test_what_was_trained_in_bfloat16_is_tested_drawn_and_published_in_float32(
    own_home, tmp_path, light_publishing, capsys
):
    flags = ["--precision=mixed_bfloat16", "--publish=half", f"--results_path={tmp_path}"]
    assert cli.main(own_home.quick_flags("--epochs=1", *flags)) == 0
    after_training = capsys.readouterr().out
    run = json.loads((tmp_path / "half" / "run.json").read_text())
    assert run["model"]["dtype"] == "float32" and "--precision=mixed_bfloat16" in run["command"]
    published = pcnn.load_pretrained("half", results_path=tmp_path)
    assert published.compute_dtype == "float32"
    folder = own_home.folder / "ckpts" / "tiny-unconditional"
    assert training.load_model(folder / training.BEST).compute_dtype == "bfloat16"
    (picture,) = own_home.folder.glob("samples/**/samples.png")
    drawn = picture.read_bytes()
    picture.unlink()
    # The flag belongs to the training: without it the same is tested and drawn.
    assert cli.main(own_home.flags("--epochs=0")) == 0
    assert picture.read_bytes() == drawn
    tested = [line for line in after_training.splitlines() if line.startswith("test:")]
    assert tested and tested[0] in capsys.readouterr().out
