"""Every mistake is answered in one line, with exit code 2, and changes nothing."""

import sys

import keras
import pytest
from support import gated

import pcnnlib as pcnn
from pcnnlib import cli, training
from pcnnlib.cli import flags as flag_classes
from pcnnlib.cli import parser, run

pytestmark = pytest.mark.robustness

CLUSTER = ["--coordinator=10.0.0.1:99", "--processes=2", "--process=0", "--devices=all"]
CLUSTER += ["--epochs=9"]


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--layer=3"], "unknown flag --layer; did you mean --layers?"),
        (["--qwfzjk"], "unknown flag --qwfzjk; --help lists them"),
        (["train"], "unexpected argument train"),
        (["--layers=many"], "invalid int value: 'many'"),
        (["--layers"], "expected one argument"),
        (["--model=gan"], "invalid choice: 'gan'"),
        (["--model=autoencoder", "--code_size=0"], "code_size must be an integer >= 1, got 0"),
        (["--model=autoencoder", "--classes=1"], "--classes needs --model=conditional"),
        (["--model=painting", "--layers=3"], "--layers says nothing of --model=painting"),
        (
            ["--model=painting", "--layers=12", "--dilations=2"],
            "--dilations says nothing of --model=painting",
        ),
        (
            ["--model=painting", "--layers=12", "--dropout=0.1"],
            "--dropout says nothing of --model=painting",
        ),
        (
            ["--model=painting", "--layers=12", "--complete=x.png"],
            "--complete needs a model that draws without",
        ),
        (
            ["--model=autoencoder", "--complete=x.png"],
            "--complete needs a model that draws without",
        ),
        (["--components=0"], "components must be an integer >= 1, got 0"),
        (["--epochs=0", "--devices=2"], "--epochs=0 trains nothing: leave --devices out"),
        (["--epochs=0", "--draw_every=3"], "--epochs=0 trains nothing: leave --draw_every out"),
        (["--epochs=0", "--profile=5"], "--epochs=0 trains nothing: leave --profile out"),
        (["--optimizer=adam", "--weight_decay=0.5"], "--weight_decay needs --optimizer=muon"),
        (["--components=4"], "--components needs --distribution=logistic_mixture"),
        (["--distribution=normal"], "invalid choice: 'normal'"),
        (["--epochs=2", "--flip"], "is of a run with flip=False, not True"),
        (["--layers=0"], "--layers must be an integer >= 1, got 0"),
        (["--f_map=0"], "--f_map must be an integer >= 1, got 0"),
        (["--batch_size=0"], "batch_size must be an integer >= 1, got 0"),
        (["--epochs=-1"], "epochs must be an integer >= 0, got -1"),
        (["--seed=-1"], "seed must be an integer >= 0, got -1"),
        (["--devices=some"], "--devices must be a number or all, got 'some'"),
        (["--devices=99", "--epochs=9"], "devices must be at most"),
        (["--processes=2"], "--coordinator is missing: several processes need all of"),
        ([*CLUSTER, "--devices=1"], "--devices must be all for several processes, got '1'"),
        ([*CLUSTER, "--epochs=0"], "several processes train, and --epochs=0 does not"),
        ([*CLUSTER, "--coordinator=here"], "coordinator must be address:port, got 'here'"),
        ([*CLUSTER, "--coordinator=a:99999"], "coordinator's port must be an integer 1..65535"),
        ([*CLUSTER, "--process=2"], "process must be an integer 0..1, got 2"),
        ([*CLUSTER, "--process=-1"], "process must be an integer 0..1, got -1"),
        (CLUSTER, "several processes need KERAS_BACKEND=jax, the backend is tensorflow"),
        (["--epochs=9", "--publish=x"], "planned for its 9 epochs from the start"),
        (["--publish="], "--publish must not be empty, got ''"),
        (["--keep=left"], "--keep needs --complete"),
        (["--code_size=3"], "--code_size needs --model=autoencoder, painting or vqvae"),
        (["--model=conditional", "--code_size=3"], "--code_size needs --model=autoencoder"),
        (["--epochs=0", "--layers=7"], "--layers must be 2, as checkpoint "),
        (["--epochs=0", "--layers=12"], "best.keras has it, got 12"),
        (["--epochs=0", "--precision=mixed_bfloat16"], "--precision must be float32, as "),
        (["--epochs=0", "--batch_size=100"], "--batch_size must be 12, as checkpoint "),
        (["--epochs=0", "--flip"], "last.keras has it, got True"),
        (["--publish=../x"], "--publish must be a name such as mine or mine/first, got '../x'"),
        (["--publish=/tmp/x"], "--publish must be a name such as mine or mine/first, got '/tmp/x'"),
        (["--publish=a/../x"], "--publish must be a name such as mine or mine/first"),
        (["--profile=9,3"], "--profile must be a batch, or first and last such as 10,20"),
        (["--profile=a"], "--profile must be integers such as 10,20, got 'a'"),
        (["--dilations=1,x"], "--dilations must be integers such as 1,2,4, got '1,x'"),
        (["--dilations=0"], "each of dilations must be an integer >= 1, got 0"),
        (["--optimizer=sgd"], "invalid choice: 'sgd'"),
        (["--precision=half"], "invalid choice: 'half'"),
        (["--warmup=2"], "warmup must be a finite number >= 0 and <= 1, got 2"),
        (["--accumulate=0"], "accumulate must be an integer >= 1, got 0"),
        (["--learning_rate=0"], "learning_rate must be a finite number > 0, got 0"),
        (["--learning_rate=nan"], "learning_rate must be a finite number > 0, got nan"),
        (["--grad_clip=-1"], "grad_clip must be a finite number > 0"),
        (["--dropout=1"], "dropout must be below 1"),
        (["--ema=1"], "ema must be below 1"),
        (["--n_samples=0"], "n_samples must be an integer >= 1, got 0"),
        (["--temperature=0"], "temperature must be a finite number > 0, got 0"),
        (["--levels=1"], "levels must be an integer 2..65536, got 1"),
        (["--classes=1"], "--classes needs --model=conditional"),
        (["--data=mnits"], "data must be one of digits, mnist"),
        (["--data=none.npz"], "data file none.npz does not exist"),
        (["--epochs=0", "--data=digits"], "best.keras does not exist"),
        (["--epochs=2", "--complete=none.png"], "picture none.png cannot be read"),
        (["--epochs=0", "--complete=none.png"], "picture none.png cannot be read"),
        (["--epochs=2", "--layers=3"], "is of a run with blocks=2, not 3 (--layers)"),
        (["--epochs=2", "--seed=9"], "is of a run with seed=0, not 9"),
        (["--seed=4294967296"], "--seed must be at most 4,294,967,295, got 4294967296"),
        (["--f_map=1000000"], "--f_map must be at most 16,384, got 1000000"),
        (["--layers=10000000"], "--layers must be at most 1,000, got 10000000"),
        (["--layers=1000", "--f_map=16000"], "too large to train: 5.4e+12 weights take 107,520 GB"),
        (["--model=conditional", "--layers=900", "--f_map=9999"], "make a network too large"),
        (
            ["--model=painting", "--layers=12", "--f_map=16384", "--code_size=65536"],
            "--code_size=65536 and --f_map=16384 make a network too large",
        ),
        (["--code_size=10000000000"], "--code_size must be at most 65,536, got 10000000000"),
        (
            ["--distribution=logistic_mixture", "--components=1000000000"],
            "--components must be at most 1,000, got 1000000000",
        ),
        (["--n_samples=1000000000000"], "--n_samples must be at most 100,000"),
        (["--batch_size=1000000000000"], "--batch_size must be at most 1,000,000"),
        (["--epochs=1000000000000"], "--epochs must be at most 1,000,000"),
        (["--accumulate=99999999999"], "--accumulate must be at most 1,000,000"),
        (["--learning_rate=1e39"], "--learning_rate must be at most 3e+38, got 1e+39"),
        (["--grad_clip=1e300"], "--grad_clip must be at most 3e+38"),
        (["--weight_decay=1e300"], "--weight_decay must be at most 3e+38"),
        (["--dilations=5"], "--dilations must be at most 4, the images' larger side, got 5"),
        (["--devices=" + "9" * 5000], "--devices must be a number or all, got '999"),
        (["--seed=" + "9" * 5000], "argument --seed: invalid int value: '999"),
        (["--profile=1," + "9" * 30], "--profile must be at most 1,000,000,000"),
        ([*CLUSTER, "--coordinator=a:" + "9" * 5000], "--coordinator must be address:port, got 5"),
        ([*CLUSTER, "--processes=" + "9" * 30], "--processes must be a number, got 999"),
        (
            ["--epochs=2", "--model=conditional", "--classes=11"],
            "--classes must hold labels 0..2, got 11",
        ),
        (["--epochs=2", "--model=conditional", "--classes=-1"], "labels 0..2, got -1"),
    ],
)
def test_mistakes_are_one_line_and_change_nothing(home, refused, flags, message):
    before = home.saved()
    refused(home.flags(*flags), message)
    assert home.saved() == before


def test_mistakes_about_a_published_run_name_flags(refused, tmp_path):
    draw = ["--epochs=0", f"--samples_path={tmp_path / 'samples'}"]
    refused([*draw, "--pretrained=nope"], "--pretrained: run must be one of binarized-mnist, ")
    refused([*draw, "--pretrained=mnist-conditional", "--classes=11"], "--classes must hold labels")
    for flag in ("--draw_every=3", "--layers=12", "--code_size=10", "--no-flip"):
        wanted = f"model and data: leave {flag.partition('=')[0].replace('no-', '')} out"
        refused([*draw, "--pretrained=mnist", flag], wanted)
    refused(
        [*draw, "--pretrained=mnist", f"--results_path={tmp_path / 'x'}"], "--results_path must"
    )
    assert not any(tmp_path.iterdir())


@pytest.mark.parametrize("flag", [name for name in parser.DEFAULTS if name != "model"])
def test_a_text_that_is_empty_is_refused(own_home, refused, flag):
    """As of a shell's variable that is not set."""
    before = own_home.saved()
    if isinstance(parser.DEFAULTS[flag], bool) or flag in ("colour", "animate"):
        refused(own_home.flags("--epochs=0", f"--{flag}="), "ignored explicit argument ''")
    else:
        refused(own_home.flags("--epochs=0", f"--{flag}="), f"--{flag}")
    assert own_home.saved() == before


@pytest.mark.parametrize(
    "mistake",
    [
        ["--layers=0"],
        ["--f_map=0"],
        ["--dilations=0"],
        ["--code_size=0"],
        ["--dropout=1"],
        ["--components=4"],
        ["--batch_size=0"],
        ["--n_samples=0"],
        ["--temperature=0"],
        ["--levels=1"],
        ["--profile=9,3"],
        ["--devices=some"],
        ["--classes=1"],
        ["--publish=../x"],
        ["--processes=2"],
    ],
)
def test_mistakes_do_not_wait_for_the_data(own_home, monkeypatch, refused, mistake):
    own_home.data.unlink()  # to load it would be another mistake
    refused(own_home.flags(*mistake), mistake[0].partition("=")[0].lstrip("-"))
    refused(own_home.flags(), "tiny.npz does not exist")


@pytest.mark.parametrize("mistake", ["--classes=9", "--complete=none.png", "--f_map=4"])
def test_mistakes_do_not_wait_for_the_training(own_home, monkeypatch, refused, mistake):
    def train(*args, **options):
        raise AssertionError("trained")

    monkeypatch.setattr(training, "train", train)
    own_home.write_data(shape=(4, 4, 3), levels=5)
    flags = own_home.flags("--epochs=1", "--model=conditional", "--f_map=3")
    with pytest.raises(AssertionError, match="trained"):
        cli.main(flags)
    names = {
        "--classes=9": "--classes must hold",
        "--f_map=4": "--f_map must be a multiple of the 3",
    }
    refused([*flags, mistake], names.get(mistake, "picture none.png"))


def test_mistakes_do_not_wait_for_the_test(own_home, monkeypatch, refused):
    """A checkpoint of a conditional model, whose classes are known once it is loaded."""
    path = own_home.folder / "ckpts/tiny-conditional" / training.BEST
    training.save(gated(condition=pcnn.Labels(3)), path)
    monkeypatch.setattr(run, "evaluate", lambda *_: pytest.fail("tested"))
    refused(own_home.flags("--epochs=0", "--model=conditional", "--classes=3"), "0..2, got 3")


def test_variables_of_several_processes_are_read_where_flags_miss(home, monkeypatch, refused):
    for variable, value in zip(cli.CLUSTER.values(), ("10.0.0.1:99", "many", "0"), strict=True):
        monkeypatch.setenv(variable, value)
    flags = home.flags("--devices=all", "--epochs=9")
    refused(flags, "KERAS_DISTRIBUTION_NUM_PROCESSES must be a number, got 'many'")
    refused([*flags, "--processes=2"], "several processes need KERAS_BACKEND=jax")


def test_data_and_checkpoints_that_do_not_agree_are_refused(home, own_home, refused):
    for options, message in [
        ({"shape": (5, 4)}, "is for images (4, 4, 1) of 2 levels"),
        ({"levels": 5}, "is for images (4, 4, 1) of 2 levels"),
    ]:
        own_home.write_data(**options)
        flags = own_home.flags("--epochs=0", f"--ckpt_path={home.folder / 'ckpts'}")
        refused(flags, message)


def test_checkpoint_of_another_model_is_refused(own_home, refused):
    conditional = gated(condition=pcnn.Labels(3))
    autoencoder = pcnn.PixelCNNAutoencoder(
        (4, 4, 1), code_size=2, filters=4, blocks=1, encoder_filters=(2, 2, 2)
    )
    for model, flag, message in [
        (conditional, "", "is conditional, --model= asks for unconditional"),
        (autoencoder, "", "is an autoencoder, --model= asks for unconditional"),
        (gated(), "conditional", "is unconditional, --model=conditional asks for conditional"),
        (gated(), "autoencoder", "is unconditional, --model=autoencoder asks for an autoencoder"),
    ]:
        path = own_home.folder / f"ckpts/tiny-{flag or 'unconditional'}" / training.BEST
        training.save(model, path)
        refused(own_home.flags("--epochs=0", f"--model={flag}"), message)


@pytest.mark.parametrize("name", [training.BEST, training.LAST])
def test_damaged_checkpoint_is_one_line_and_stays(own_home, refused, name):
    folder = own_home.folder / "ckpts/tiny-unconditional"
    folder.mkdir(parents=True)
    (folder / name).write_bytes(b"damaged")
    before = own_home.saved()
    epochs = "--epochs=0" if name == training.BEST else "--epochs=2"
    refused(own_home.flags(epochs), "is damaged")
    assert own_home.saved() == before


@pytest.mark.parametrize("flag", ["ckpt_path", "samples_path", "summary_path"])
def test_place_that_cannot_be_written_is_one_line_before_any_training(own_home, refused, flag):
    (own_home.folder / "file").write_text("mine")
    before = own_home.saved()
    refused(own_home.flags("--epochs=1", f"--{flag}={own_home.folder / 'file'}"), "is no folder")
    assert own_home.saved() == before


def test_profiling_under_jax_needs_a_python_that_it_works_with(monkeypatch):
    monkeypatch.setattr(keras.backend, "backend", lambda: "jax")
    monkeypatch.setattr(sys, "version_info", (3, 11, 9))
    args = cli.make_parser().parse_args(["--profile=1,2"])
    with pytest.raises(pcnn.UsageError, match="--profile needs Python 3.12 under JAX"):
        parser.settings_of(args)
    assert flag_classes.Devices().profiled == 0
    monkeypatch.setattr(sys, "version_info", (3, 12, 0))
    assert parser.settings_of(args).devices.profiled == (1, 2)
