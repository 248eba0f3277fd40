"""What our networks are compared with in `colour.py`: TensorFlow Probability's, and PNG files."""

import io
import json
import math
import pathlib

import numpy as np
from colour_report import Meter, Report, figures, finish

# The peer gets the same batches as our networks, and its rate was chosen in the same way, on the
# validation images; its optimiser is its own, Adam.
TFP = {
    "num_resnet": 1,
    "num_hierarchies": 2,
    "num_filters": 32,
    "num_logistic_mix": 10,
    "dropout_p": 0.05,
    "batch_size": 4,
    "learning_rate": 3e-3,
    "ema": 0.99,
}


def train_tfp(name, args, data, grad_clip):
    """TensorFlow Probability's `PixelCNN`, trained within the budget."""
    import tensorflow as tf
    import tensorflow_probability as tfp
    import tf_keras

    tf_keras.utils.set_random_seed(args.seed)
    settings = TFP | json.loads(args.settings)
    network = dict(settings)
    size, highest, ema = (network.pop(key) for key in ("batch_size", "learning_rate", "ema"))
    model = tfp.distributions.PixelCNN(image_shape=data.image_shape, **network)
    batches = data.train.batches(size, seed=args.seed, flip=True)
    # The first call initialises the weights from the data it sees (weight normalisation).
    model.log_prob(tf.cast(batches[0][0], "float32"), training=True)
    weights = model.trainable_variables
    average = [tf.Variable(w, trainable=False) for w in weights]
    optimizer = tf_keras.optimizers.Adam(highest, global_clipnorm=grad_clip)
    optimizer.build(weights)

    @tf.function(autograph=False)
    def step(images):
        with tf.GradientTape() as tape:
            loss = -tf.reduce_mean(model.log_prob(images, training=True))
        optimizer.apply_gradients(zip(tape.gradient(loss, weights), weights, strict=True))
        for mean, weight in zip(average, weights, strict=True):
            mean.assign(ema * mean + (1 - ema) * weight)
        return loss

    log_prob = tf.function(lambda images: model.log_prob(images, training=False), autograph=False)

    def cost(split):
        """Nats of each image, under whatever weights the model has."""
        parts = [split.images[k : k + 40] for k in range(0, len(split), 40)]
        return np.concatenate([-log_prob(tf.cast(part, "float32")) for part in parts])

    def put(values):
        for weight, value in zip(weights, values, strict=True):
            weight.assign(value)

    meter = Meter(args.minutes)
    report = Report(name, args, data, meter, {"settings": settings})
    report.fields["parameters"] = int(sum(np.prod(w.shape) for w in weights))
    folder = pathlib.Path(args.work) / f"{name}-{args.minutes:g}"
    best = [tf.Variable(w, trainable=False) for w in average]
    kept = {str(i): w for i, w in enumerate([*weights, *average, *best, *optimizer.variables])}
    checkpoint, state = tf.train.Checkpoint(**kept), folder / "state.json"
    if state.exists():
        saved = json.loads(state.read_text())
        checkpoint.read(saved["file"]).assert_consumed()
        report.history, meter.earlier, meter.wall_earlier = saved["colour"]
    images = report.history["images"][-1] if report.history["images"] else 0
    while not meter.spent:
        batches.epoch, losses = len(report.history["images"]), []
        for index in range(batches.num_batches):
            optimizer.learning_rate.assign(meter.rate(highest))
            losses.append(float(step(tf.cast(batches[index][0], "float32"))))
            images += size
            if meter.spent:
                break
        current = [w.numpy() for w in weights]
        put(average)
        validation = float(cost(data.validation).mean())
        put(current)
        report.epoch(float(np.mean(losses)), validation, images, data.image_shape)
        if report.fields["best_epoch"] == len(report.history["images"]):
            for variable, value in zip(best, average, strict=True):
                variable.assign(value)
        file = checkpoint.write(str(folder / f"epoch-{len(report.history['images'])}"))
        colour = [report.history, meter.used, meter.wall]
        state.write_text(json.dumps({"file": file, "colour": colour}))
    put(best)
    finish(report, args, data, cost)


def measure_png(name, args, data):
    """Sizes of the test images as PNG: whole files, and their compressed pixels alone."""
    from PIL import Image

    meter = Meter(args.minutes)
    report = Report(name, args, data, meter, {"settings": json.loads(args.settings)})

    def pillow(image):
        file = io.BytesIO()
        Image.fromarray(image).save(file, "PNG", optimize=True)
        return file.getvalue()

    ways = {"pillow": pillow}
    try:
        import oxipng
    except ImportError:
        pass
    else:
        options = {"level": 6, "strip": oxipng.StripChunks.all()}

        def zopfli(image):
            """Every filter strategy, and the slowest compression that deflate's readers accept."""
            return oxipng.optimize_from_memory(
                pillow(image), deflate=oxipng.Deflaters.zopfli(15), **options
            )

        ways["oxipng_zopfli"] = zopfli
    log2 = math.log(2)
    for way, encode in ways.items():
        files = [encode(image) for image in data.test.images]
        for kind, size in (("file", len), ("pixels", pixel_bytes)):
            bits = np.array([size(file) for file in files]) * 8.0
            report.fields[f"{way}, {kind}"] = figures(bits * log2, data)
        # All images in one tall picture: one header, and one history for the compressor.
        tall = data.test.images.reshape(-1, *data.image_shape[1:])
        report.fields[f"{way}, one picture"] = len(encode(tall)) * 8 / tall.size
    best = min(ways, key=lambda way: report.fields[f"{way}, file"]["bits_per_dim"])
    report.write(test=report.fields[f"{best}, file"], way=best)
    print(json.dumps({k: v for k, v in report.fields.items() if k.startswith(tuple(ways))}))


def pixel_bytes(file):
    """Bytes of a PNG file's IDAT chunks: the compressed pixels, without headers."""
    at, total = 8, 0
    while at < len(file):
        length = int.from_bytes(file[at : at + 4], "big")
        total += length * (file[at + 4 : at + 8] == b"IDAT")
        at += length + 12
    return total
