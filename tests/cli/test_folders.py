"""A folder of pictures at the command line: its classes by name, and a run that is known again."""

import numpy as np
import pytest
from PIL import Image

from pcnnlib import cli, runs

SIZE = 4


@pytest.fixture
def photos(own_home):
    """Pictures of three classes, and the flags of a small run on them."""
    rng = np.random.default_rng(0)
    for k in range(30):
        path = own_home.folder / "photos" / ["owl", "cat", "dog"][k % 3] / f"{k}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        pixels = rng.integers(0, 2, (SIZE, SIZE)).astype("uint8") * 255
        Image.fromarray(pixels).save(path)
    return own_home.folder / "photos"


@pytest.mark.both_backends
def test_a_folder_is_trained_on_and_drawn_class_by_class(
    photos, own_home, capsys, sampled, grid_of, no_grids, light_publishing, refused
):
    results = f"--results_path={own_home.folder / 'results'}"
    flags = own_home.quick_flags("--model=conditional", "--no-animate", "--layers=1", results)
    flags = [flag for flag in flags if not flag.startswith("--data=")]
    assert cli.main([f"--data={photos}/", *flags, "--epochs=1", "--publish=mine"]) == 0
    assert "rows: cat, dog, owl\n" in capsys.readouterr().out
    assert sampled[-1]["condition"].tolist() == [0, 0, 1, 1, 2, 2]
    grid = grid_of(own_home.folder / "samples/photos-conditional/samples.png", 2)
    assert grid.shape == (3, 2, SIZE, SIZE)
    run = runs.read_run("mine", own_home.folder / "results")
    assert run["command"].startswith("python main.py --data=photos/ --model=conditional ")
    assert run["data"]["name"] == "photos/" and run["data"]["labels"] == ["cat", "dog", "owl"]
    # The classes by name, from the checkpoint and from the published run.
    drawing = ["--epochs=0", "--n_samples=2", "--classes=owl,cat"]
    assert cli.main([f"--data={photos}", *flags, *drawing]) == 0
    assert "rows: owl, cat\n" in capsys.readouterr().out
    assert sampled[-1]["condition"].tolist() == [2, 0]
    published = [f"--samples_path={own_home.folder / 'samples'}", "--pretrained=mine", results]
    assert cli.main([*published, *drawing, "--no-animate"]) == 0
    assert "rows: owl, cat\n" in capsys.readouterr().out
    known = "--classes must hold labels that {} has, cat, dog, owl, got {}"
    refused(
        [f"--data={photos}", *flags, "--epochs=0", "--classes=cow"], known.format(photos, "cow")
    )
    refused([*published, "--epochs=0", "--classes=0"], known.format("mine", "0"))
    # Other images of the same folder are another run.
    other = [f"--data={photos}", *flags, "--epochs=0", "--image_size=8"]
    refused(other, "is for images (4, 4, 1)")
    next(photos.glob("cat/*")).unlink()
    refused([f"--data={photos}", *flags, "--epochs=2"], "holds a run on other images than those of")


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--image_size=0"], "error: --image_size must be an integer >= 1, got 0"),
        (["--image_size=a"], "--image_size must be integers such as 32, got 'a'"),
        (["--image_size=1,2,3"], "--image_size must be a side, or height and width, got (1, 2, 3)"),
        (["--classes=cat,,dog", "--model=conditional"], "--classes must be integers such as 3,3,7"),
        (["--data=digits", "--no-colour"], "--colour must be left out: it is for a folder"),
        (["--data=photo/"], "or to a folder of pictures that is there, got 'photo/'"),
    ],
)
def test_mistakes_are_one_line(photos, own_home, refused, flags, message):
    refused(own_home.flags(f"--data={photos}", *flags), message)


def test_a_run_in_the_folder_itself_is_named_for_it(photos, monkeypatch):
    monkeypatch.chdir(photos)
    for name in (".", "./", str(photos), f"{photos}//", "../photos"):
        args = cli.make_parser().parse_args([f"--data={name}"])
        assert cli.command(args) == "python main.py --data=photos/"


def test_many_rows_are_not_all_named(capsys):
    from pcnnlib.cli.draw import ROWS, print_rows
    from pcnnlib.cli.flags import Drawing

    print_rows(Drawing(), [f"c{k}" for k in range(ROWS + 1)])
    assert capsys.readouterr().out.endswith(f"c{ROWS - 1}, ...\n")
    print_rows(Drawing(), range(10))
    print_rows(Drawing(), None)
    assert not capsys.readouterr().out
