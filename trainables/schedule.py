"""Learning rates and stopping as pure functions of a fold fit's history, so that a restored fit needs no other state.

Plateau follows torch's ReduceLROnPlateau (relative threshold 1e-4, no cooldown): after more than `patience` epochs
without improvement the rate is multiplied by `factor`. Early stopping follows Keras: it ends the fit when the best
epoch lies `early_stopping` epochs back.
"""

import math
from collections.abc import Sequence
from typing import Any

from trainables.optimisation import TrainingSettings

THRESHOLD, SMALLEST_CHANGE = 1e-4, 1e-8

History = Sequence[dict[str, Any]]


def learning_rate(settings: TrainingSettings, history: History) -> float:
    """Return the backbone's learning rate of the epoch after `history`."""
    epoch = len(history)
    if settings.schedule == "cosine":
        return settings.learning_rate * 0.5 * (1.0 + math.cos(math.pi * epoch / settings.epochs))
    if settings.schedule == "step":
        return settings.learning_rate * settings.factor ** sum(epoch >= step for step in settings.steps)
    return _plateau(settings, history) if settings.schedule == "plateau" else settings.learning_rate


def best_epoch(settings: TrainingSettings, history: History) -> int:
    """Return the position of the best entry by `monitor`; the first of equals, and 0 while none has a value."""
    scores = [_score(settings, entry) for entry in history]
    return scores.index(max(scores)) if scores else 0


def has_stalled(settings: TrainingSettings, history: History) -> bool:
    """Tell whether early stopping ends the fit after `history`."""
    if not settings.early_stopping or not history:
        return False
    return len(history) - 1 - best_epoch(settings, history) >= settings.early_stopping


def _plateau(settings: TrainingSettings, history: History) -> float:
    rate, best, waited = settings.learning_rate, -math.inf, 0
    for entry in history:
        score = _score(settings, entry)
        if score > best + THRESHOLD * abs(best) if math.isfinite(best) else score > best:
            best, waited = score, 0
        else:
            waited += 1
        if waited > settings.patience:
            lower = max(rate * settings.factor, settings.minimum_rate)
            rate, waited = (lower if rate - lower > SMALLEST_CHANGE else rate), 0
    return rate


def _score(settings: TrainingSettings, entry: dict[str, Any]) -> float:
    """Return the monitored value with its sign turned so that more is better; worst of all where it is undefined."""
    if settings.monitor == "training-loss":
        return -float(entry["loss"])
    value = entry["inner"].get(settings.monitor.removeprefix("inner-"))
    if value is None:
        return -math.inf
    return -value if settings.monitor == "inner-loss" else value
