"""Settings of the whole suite, and what several modules build from.

Everything here is tiny (images of 3x3 to 8x8, 4 to 8 filters): compiling takes longer than
computing, and a property that holds for every pixel of a small image is checked at every pixel.
"""

import collections
import os
import signal
import zlib

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
# Code that runs once or twice is not worth optimising: XLA then compiles in half the time.
os.environ.setdefault("XLA_FLAGS", "--xla_backend_optimization_level=0")
if os.environ.get("KERAS_BACKEND") == "jax":
    os.environ.setdefault("JAX_PLATFORMS", "cpu")

import pytest
from once import made_once

# Keras and the library are imported where they are used: the process that only hands out the tests
# need not wait for TensorFlow.


@pytest.hookimpl(tryfirst=True)
def pytest_fixture_setup(fixturedef):
    """Start every shared fixture from a seed of its own, whichever test asks for it first."""
    if fixturedef.scope != "function":
        import keras

        keras.utils.set_random_seed(zlib.crc32(fixturedef.argname.encode()))


@pytest.fixture(autouse=True)
def own_global_seed():
    """Start every test from the same global seed, whichever tests ran before it."""
    import keras

    keras.utils.set_random_seed(0)


@pytest.fixture(autouse=True)
def own_signals():
    """Give every test the usual handlers, whatever the test before has set.

    A shell that runs the tests in the background has the interrupt ignored, and the programs that
    tests start would inherit that.
    """
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)


def pytest_xdist_auto_num_workers():
    """How many processes share the tests: one more than cores, since many tests wait for others.

    A process grows to 2.5 GB, so a machine with 8 GB has two of them.
    """
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30
    return max(1, min((os.cpu_count() or 1) + 1, int(memory // 3)))


def pytest_collection_modifyitems(items):
    """Files with slow tests go first, so that no worker is left with one at the end."""
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: item.path not in slow)


def pytest_terminal_summary(terminalreporter, config):
    """For `make robustness`, a table of what was tried."""
    chosen = config.getoption("markexpr")
    if "robustness" not in chosen or "not" in chosen:
        return
    counts = collections.Counter(
        (report.nodeid.partition("::")[0], outcome)
        for outcome in ("passed", "failed", "error", "skipped")
        for report in terminalreporter.stats.get(outcome, ())
    )
    terminalreporter.section("robustness")
    terminalreporter.write_line(f"{'':40} tried  passed")
    for file in sorted({file for file, _ in counts}):
        tried = sum(number for (name, _), number in counts.items() if name == file)
        terminalreporter.write_line(f"{file:40} {tried:5}  {counts[file, 'passed']:6}")


@pytest.fixture(scope="module", autouse=True)
def freed_after_the_module():
    """Free what JAX compiled for a module: a process that keeps all of it grows by gigabytes."""
    import keras

    yield
    if keras.backend.backend() == "jax":
        import jax

        jax.clear_caches()


@pytest.fixture(scope="session")
def digits():
    import pcnnlib as pcnn

    return pcnn.load_dataset("digits")


@pytest.fixture(scope="session")
def browser():
    """Chromium, opened once."""
    import browser as chromium  # of `book/`; few tests need it

    if chromium.find_chromium() is None:
        pytest.skip("Chromium is not installed: the pages are not opened")
    with chromium.Browser() as opened:
        yield opened


@pytest.fixture
def npz(tmp_path):
    """Function that writes a small `.npz` data set and returns its path; see `write_npz`."""
    from support import write_npz

    def write(name="own.npz", **options):
        return write_npz(tmp_path / name, **options)

    return write


@pytest.fixture(scope="session")
def tiny_data(tmp_path_factory):
    """40 binary images of 4x4, three classes."""
    from support import write_npz

    import pcnnlib as pcnn

    return pcnn.load_dataset(write_npz(tmp_path_factory.mktemp("data") / "tiny.npz"))


@pytest.fixture(scope="session")
def trained(tiny_data, tmp_path_factory):
    """A gated model that has really learned something from `tiny_data`. Not to be changed."""
    import keras

    import pcnnlib as pcnn

    keras.utils.set_random_seed(1)
    model = pcnn.GatedPixelCNN((4, 4, 1), levels=2, filters=8, blocks=3, first_kernel_size=5)

    def train(folder):
        model.compile(optimizer=keras.optimizers.Adam(0.01))
        model.fit(tiny_data.train.batches(12, seed=0), epochs=12, verbose=0)
        model.save_weights(folder / "model.weights.h5")

    model.load_weights(made_once(tmp_path_factory, "trained", train) / "model.weights.h5")
    return model
