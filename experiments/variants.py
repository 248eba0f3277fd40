"""Several trainings that differ in one thing each: what `ablations.py` and its like share.

Every variant is trained from each of the seeds, and compared with the whole model seed by seed on
the *validation* images: nothing here is chosen by test images, and nothing is tested. One run per
variant is written to `results/<comparison>`.
"""

import argparse
import dataclasses
import pathlib
import time

import pcnnlib_startup

pcnnlib_startup.keep_freed_memory()
with pcnnlib_startup.without_chatter():
    import keras
    import numpy as np

    import pcnnlib as pcnn
    from pcnnlib import runs
    from pcnnlib.models import architecture

RESULTS = pathlib.Path(__file__).parent.parent / "results"
WHOLE = "whole"  # the variant that the others are compared with


@dataclasses.dataclass(frozen=True)
class Variant:
    """A network, and how it is trained.

    Attributes:
        network: class of the model.
        arguments: dict of its constructor's arguments, but for the images' shape and levels.
        training: `TrainConfig`; its seed is replaced by each of the seeds.
    """

    network: type
    arguments: dict
    training: pcnn.TrainConfig

    def build(self, data: pcnn.Dataset, seed: int):
        """The untrained network for these images, initialised from the seed."""
        keras.utils.set_random_seed(seed)
        return self.network(data.image_shape, data.levels, **self.arguments)

    def train(self, data: pcnn.Dataset, seed: int) -> tuple:
        """Train from one seed.

        Returns:
            `(model, nats of each validation image, history, seconds)`.
        """
        model = self.build(data, seed)
        start = time.perf_counter()
        history = pcnn.train(model, data, dataclasses.replace(self.training, seed=seed))
        seconds = time.perf_counter() - start
        nats = -model.log_likelihood(data.validation.images)
        return model, nats, history, seconds

    def lasting(self, seconds: float, a_pass: float) -> "Variant":
        """The same with as many epochs as fit into a time, where one takes `a_pass` seconds."""
        epochs = max(1, round(seconds / a_pass))
        training = dataclasses.replace(self.training, epochs=epochs)
        return dataclasses.replace(self, training=training)

    def measure(self, data: pcnn.Dataset, seeds, drawn: int = 0) -> dict:
        """Train from each of the seeds: the variant's part of its `run.json`.

        Args:
            data: the images.
            seeds: of the trainings.
            drawn: images that the first model draws, to measure the time; 0: none.
        """
        trained = [self.train(data, seed) for seed in seeds]
        models, nats, histories, seconds = zip(*trained, strict=True)
        timed = {"seconds_drawn_image": seconds_drawn_image(models[0], drawn)} if drawn else {}
        return {
            "model": architecture(models[0]),
            "training": dataclasses.asdict(dataclasses.replace(self.training, seed=seeds[0])),
            "parameters": models[0].count_params(),
            "seconds": list(seconds),
            **timed,
            "history": [history["val_loss"] for history in histories],
            "validation_nats": [values.round(4).tolist() for values in nats],
        }


def seconds_drawn_image(model, drawn: int, turns: int = 3) -> float:
    """Seconds that an image takes of a batch of `drawn`, from caches; compiling is not counted."""
    model.sample(drawn, seed=0)
    seconds = []
    for _ in range(turns):
        start = time.perf_counter()
        model.sample(drawn, seed=0)
        seconds.append(time.perf_counter() - start)
    return min(seconds) / drawn


def seconds_a_pass(variants: dict, data: pcnn.Dataset, turns: int = 3) -> dict:
    """Seconds that an epoch of each variant takes; compiling is not counted.

    The variants take turns, and the fastest epoch counts: another program, or a processor that
    slows down, then costs none of them more than the others. A tenth of the images is enough.
    """
    tenth = dataclasses.replace(
        data,
        train=data.train.take(max(1, len(data.train) // 10)),
        validation=data.validation.take(max(1, len(data.validation) // 10)),
    )
    share = len(tenth.train) / len(data.train)
    seconds = {name: [] for name in variants}
    for _ in range(turns):
        for name, variant in variants.items():
            training = dataclasses.replace(variant.training, epochs=4)
            _, _, history, _ = dataclasses.replace(variant, training=training).train(tenth, seed=0)
            seconds[name] += history["seconds"][1:]
    return {name: min(values) / share for name, values in seconds.items()}


@dataclasses.dataclass(frozen=True)
class Comparison:
    """Variants, and the images they are trained on.

    Attributes:
        name: folder of its runs below `results`.
        command: that makes the runs, without the number of seeds.
        data: name of the data set.
        variants: dict of name -> `Variant`, the whole model first.
        images: how many of the first training and validation images, or None for all.
        seconds: that each training of a variant lasts; None: as many epochs as its own `training`
            says. `--seconds` replaces it.
        drawn: images that each variant draws, to measure how long one takes; 0: none.
    """

    name: str
    command: str
    data: str
    variants: dict
    images: tuple | None = None
    seconds: float | None = None
    drawn: int = 0

    def load(self, data_path) -> pcnn.Dataset:
        """The data set, or as much of it as the variants are trained on."""
        data = pcnn.load_dataset(self.data, data_path=data_path)
        if self.images is None:
            return data
        train, validation = self.images
        return dataclasses.replace(
            data, train=data.train.take(train), validation=data.validation.take(validation)
        )


def main(*comparisons: Comparison, seeds: int):
    """The command line of a comparison, or of one on several data sets.

    Args:
        *comparisons: with several, `--data` chooses one by the name of its data set.
        seeds: how many there are by default.
    """
    by_data = {comparison.data: comparison for comparison in comparisons}
    names = ", ".join(comparison.name for comparison in comparisons)
    parser = argparse.ArgumentParser(description=f"Trains the variants of {names}.")
    if len(by_data) > 1:
        parser.add_argument(
            "--data", choices=by_data, default=comparisons[0].data, help="images to train on"
        )
    parser.add_argument("--seeds", type=int, default=seeds, help="trainings of each variant")
    parser.add_argument("--only", nargs="+", metavar="VARIANT", help="these variants")
    parser.add_argument("--data_path", default="data", help="folder of the data set's file")
    parser.add_argument("--results_path", default=str(RESULTS), help="folder that is written to")
    if comparisons[0].seconds is not None:
        lasting = comparisons[0].seconds
        parser.add_argument(
            "--seconds", type=float, default=lasting, help="that each training lasts"
        )
    args = parser.parse_args()
    comparison = by_data[getattr(args, "data", comparisons[0].data)]
    seconds = getattr(args, "seconds", None)
    if seconds is not None and not 0 < seconds < float("inf"):
        parser.error(f"--seconds must be above 0, got {seconds}")
    data = checked_data(parser, args, comparison)
    made = runs.provenance()
    command = f"{comparison.command} --seeds {args.seeds}"
    if seconds is not None:
        command += f" --seconds {seconds:g}"
    passes = {} if seconds is None else seconds_a_pass(comparison.variants, data)
    for name, value in passes.items():
        print(f"{name:20} {value:6.1f} seconds an epoch", flush=True)
    print(f"{'variant':20}  nats/image  (seeds)            weights  seconds", flush=True)
    for name in args.only or comparison.variants:
        variant = comparison.variants[name]
        if seconds is not None:
            variant = variant.lasting(seconds, passes[name])
        fields = variant.measure(data, range(args.seeds), comparison.drawn)
        if seconds is not None:
            fields["seconds_a_pass"] = passes[name]
        run = {
            "command": command,
            "variant": name,
            "seeds": list(range(args.seeds)),
            "model": fields.pop("model"),
            "training": fields.pop("training"),
            "data": runs.describe_data(data),
            **made,
            **fields,
        }
        run_dir = pathlib.Path(args.results_path) / comparison.name / folder(name)
        runs.write_run(run_dir, run)
        means = [np.mean(nats) for nats in fields["validation_nats"]]
        print(
            f"{name:20} {np.mean(means):8.2f}    ({', '.join(f'{m:.2f}' for m in means)})"
            f"  {fields['parameters']:8,}  {np.mean(fields['seconds']):6.1f}",
            flush=True,
        )


def checked_data(parser: argparse.ArgumentParser, args: argparse.Namespace, comparison):
    """The images of a comparison, once its seeds and variants are known to be right.

    Args:
        parser: whose `error` ends the program.
        args: with `seeds`, `only` and `data_path`.
        comparison: has `variants` and `load`.
    """
    if args.seeds < 2:
        parser.error(f"--seeds must be at least 2, to tell how much is chance, got {args.seeds}")
    unknown = set(args.only or ()) - set(comparison.variants)
    if unknown:
        parser.error(
            f"--only must name variants of {', '.join(map(repr, comparison.variants))}, "
            f"got {', '.join(map(repr, sorted(unknown)))}"
        )
    try:
        return comparison.load(args.data_path)
    except pcnn.UsageError as error:
        parser.error(str(error))


def folder(name: str) -> str:
    """The folder of a variant's run: "one stack, no gate" is in `one-stack-no-gate`."""
    return name.replace(",", "").replace(" ", "-")
