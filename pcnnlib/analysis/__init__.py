"""What does a model know and see? Likelihood, causality, receptive fields, classes, codes."""

from pcnnlib.analysis.calibration import Calibration, calibration
from pcnnlib.analysis.causality import (
    CausalityReport,
    changed_predictions,
    check_causality,
    predictions_of,
    random_condition,
)
from pcnnlib.analysis.classes import class_log_likelihoods, posterior
from pcnnlib.analysis.codes import CODE_KINDS, code_usage
from pcnnlib.analysis.likelihood import Likelihood, evaluate, flop_per_image, surprise
from pcnnlib.analysis.nearest import nearest
from pcnnlib.analysis.orders import (
    mixture_log_likelihood,
    mixtures_by_size,
    order_log_likelihoods,
)
from pcnnlib.analysis.receptive_field import changed_features, receptive_field

__all__ = [
    "CODE_KINDS",
    "Calibration",
    "CausalityReport",
    "Likelihood",
    "calibration",
    "changed_features",
    "changed_predictions",
    "check_causality",
    "class_log_likelihoods",
    "code_usage",
    "evaluate",
    "flop_per_image",
    "mixture_log_likelihood",
    "mixtures_by_size",
    "nearest",
    "order_log_likelihoods",
    "posterior",
    "predictions_of",
    "random_condition",
    "receptive_field",
    "surprise",
]
