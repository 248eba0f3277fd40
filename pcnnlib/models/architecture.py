"""What a network is, in a form that can be kept beside its weights, read and compared."""

from pcnnlib.models.base import AutoregressiveModel


def architecture(model: AutoregressiveModel) -> dict:
    """The class of a model and its constructor's arguments, as JSON has them.

    Args:
        model: a model of this library.

    Returns:
        dict: `class`, and every argument by name; conditions and distributions are such dicts too.
        Two models with equal architectures differ in their weights alone.
    """
    config = {k: v for k, v in model.get_config().items() if k not in ("name", "trainable")}
    return {"class": type(model).__name__, **{k: _plain(v) for k, v in config.items()}}


def _plain(value):
    """Keras's serialised objects as `{"class": name, argument: value}`, tuples as lists."""
    if isinstance(value, dict):
        if value.get("class_name") == "DTypePolicy":
            return value["config"]["name"]
        if "class_name" in value:
            return {"class": value["class_name"], **_plain(value["config"])}
        return {k: _plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(v) for v in value]
    return value
