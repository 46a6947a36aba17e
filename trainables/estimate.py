"""What work would cost on this machine, by timing a little of each kind on made-up numbers; nothing is kept."""

import time
from collections.abc import Callable

import numpy as np
import torch

from trainables.configuration import Configuration
from trainables.data import FitData
from trainables.fit import FoldFit
from trainables.images import prepare
from trainables.planning import TrialContext

SAMPLES = 8
STEPS = 10


def seconds_per_sample(configuration: Configuration, context: TrialContext) -> float:
    """Return the seconds that decoding, preparing and encoding one sample takes on one core."""
    cohort = context.cohort
    rows = range(min(SAMPLES, len(cohort.samples)))

    def decode() -> None:
        for row in rows:
            for image in cohort.image_names:
                prepare(cohort.images.read(row, image), configuration.image)

    backbone = context.features_of(configuration).build_backbone()
    inputs = torch.zeros(len(rows) * len(cohort.image_names), 3, *configuration.image.size)
    torch.set_num_threads(1)
    with torch.inference_mode():
        return (_seconds(decode) + _seconds(lambda: backbone(inputs))) / len(rows)


def seconds_per_fit(configuration: Configuration, context: TrialContext) -> float:
    """Return the seconds that the optimisation steps of one fold fit take, by timing a few on random features."""
    cohort, split = context.cohort, context.splits_of(configuration)[0]
    backbone = context.features_of(configuration).build_backbone()
    features = torch.rand(len(cohort.samples), backbone.channels * len(cohort.image_names), 1, 1)
    targets = torch.from_numpy(np.stack([cohort.labels(target.name) for target in cohort.targets], axis=1))
    fit = FoldFit(configuration, split, cohort, FitData(features, targets), seed=0, threads=context.threads)
    batch = torch.from_numpy(split.train[: configuration.training.batch_size])
    drops = np.random.default_rng(0)
    per_step = _seconds(lambda: [fit.step(batch, drops) for _ in range(STEPS)]) / STEPS
    return per_step * configuration.training.epochs * -(-len(split.train) // configuration.training.batch_size)


def _seconds(work: Callable[[], object]) -> float:
    """Time the second call: the first one pays for warming up."""
    work()
    started = time.perf_counter()
    work()
    return time.perf_counter() - started
