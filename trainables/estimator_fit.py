"""A fold fit without a network: an estimator on metadata alone, in the shape that a trial runs.

It has no epochs, so it yields no events and needs no checkpoints; how it ends is the same as for a network.
"""

import time
from collections.abc import Iterator
from typing import Any

import numpy as np

from trainables.cohorts import Cohort
from trainables.configuration import Configuration
from trainables.decisions import Thresholds
from trainables.estimators import MetadataEstimator
from trainables.events import EpochEnded
from trainables.folds import Split
from trainables.metadata import Encoder, fit_encoder
from trainables.outcome import Outcome, class_codes, mean_metrics, prediction_table
from trainables.seeds import derive


def fit_metadata(
    configuration: Configuration, split: Split, cohort: Cohort, encoder: Encoder, *, seed: int, threads: int
) -> MetadataEstimator:
    """Return the configuration's estimator, fitted on the training part of a split as `encoder` encodes it."""
    return MetadataEstimator(
        configuration.options["estimator"],
        encoder.encode(np.arange(len(cohort.samples))),
        class_codes(cohort),
        [len(target.classes) for target in cohort.targets],
        split.train,
        weighting=configuration.loss.formula,
        seed=derive(seed, "fit", split.repeat, split.fold, "estimator") % 2**32,
        threads=threads,
    )


class EstimatorFit:
    """A configuration of fusion `metadata-only` on a split, ready to `run`; arguments as `FoldFit`."""

    micro_batches = 1

    def __init__(self, configuration: Configuration, split: Split, cohort: Cohort, *, seed: int, threads: int) -> None:
        self.configuration, self.split, self.cohort = configuration, split, cohort
        self.seed, self.threads = seed, threads
        self.outcome: Outcome | None = None

    def run(self) -> Iterator[EpochEnded]:
        """Fit the estimator and predict the evaluation fold; there are no epochs to tell of."""
        started = time.perf_counter()
        encoder = fit_encoder(self.configuration.metadata, self.cohort, self.split.train)
        estimator = fit_metadata(
            self.configuration, self.split, self.cohort, encoder, seed=self.seed, threads=self.threads
        )
        fitted = time.perf_counter()
        probabilities = estimator.predict(self.split.test)
        predicted = time.perf_counter()
        codes = class_codes(self.cohort)
        cuts = Thresholds.none([target.name for target in self.cohort.targets])
        if self.configuration.head.threshold == "youden":
            inner = self.split.inner
            cuts = Thresholds.chosen(list(cuts.by_target), codes[inner], estimator.predict(inner))
        cost: dict[str, Any] = {
            "seconds": round(time.perf_counter() - started, 3),
            "fitting_seconds": round(fitted - started, 3),
            "inference_seconds": (predicted - fitted) / len(self.split.test),
            "threads": self.threads,
        }
        if estimator.parameters is not None:
            cost["parameters"] = estimator.parameters
        metrics = mean_metrics(codes[self.split.test], probabilities, cuts.values) | cuts.as_metrics()
        table = prediction_table(self.cohort, self.split, self.configuration.identifier, probabilities)
        self.outcome = Outcome("done", table, metrics, [], cost)
        yield from ()

    def state(self) -> dict[str, Any]:
        """Return nothing: the fit starts again and gives the same numbers."""
        return {}
