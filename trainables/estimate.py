"""What work would cost on this machine, by timing a little of each kind on made-up numbers; nothing is kept."""

import time
from collections.abc import Callable

import numpy as np
import torch

from trainables.configuration import Configuration
from trainables.data import Data, FitData, ImageData, ImageSource
from trainables.environment import device_for
from trainables.estimator_fit import EstimatorFit
from trainables.fit import FoldFit
from trainables.images import prepare
from trainables.outcome import class_codes
from trainables.planning import TrialContext

SAMPLES = 8
STEPS = 10
IMAGE_ROWS = 2
"""Of a batch of images only so many are timed first: a step of a large network takes minutes on a CPU."""
WHOLE_SECONDS = 10.0
"""A step that is shorter by that first look is timed whole: of a small network most is not for each image."""


def seconds_per_sample(configuration: Configuration, context: TrialContext) -> float:
    """Return the seconds that preparing one sample takes on one core: decoding, and encoding for frozen features."""
    cohort = context.cohort
    rows = range(min(SAMPLES, len(cohort.samples)))

    def decode() -> None:
        for row in rows:
            for image in cohort.image_names:
                prepare(cohort.images.read(row, image), configuration.image)

    if configuration.fine_tuned:
        return _seconds(decode) / len(rows)
    backbone = context.features_of(configuration).build_backbone()
    inputs = torch.zeros(len(rows) * len(cohort.image_names), 3, *configuration.image.size)
    torch.set_num_threads(1)
    with torch.inference_mode():
        return (_seconds(decode) + _seconds(lambda: backbone(inputs))) / len(rows)


def seconds_per_fit(configuration: Configuration, context: TrialContext) -> float:
    """Return the seconds that the optimisation steps of one fold fit take, by timing a few on made-up inputs.

    An estimator on metadata takes seconds and is timed whole.
    """
    split, seed, threads = context.splits_of(configuration)[0], context.folds.seed, context.threads
    if not configuration.uses_image:
        estimator = EstimatorFit(configuration, split, context.cohort, seed=seed, threads=threads)
        started = time.perf_counter()
        list(estimator.run())
        return time.perf_counter() - started
    fit = FoldFit(
        configuration, split, context.cohort, _made_up(configuration, context), seed=0, threads=context.threads
    )
    fit.inputs.start_epoch(0)
    size, drops = configuration.training.batch_size, np.random.default_rng(0)

    def per_step(rows: int, steps: int) -> float:
        batch = torch.from_numpy(split.train[:rows]).to(fit.device)
        return _seconds(lambda: [float(fit.step(batch, drops)) for _ in range(steps)]) / steps

    if configuration.fine_tuned:
        rows = min(size, IMAGE_ROWS)
        seconds = per_step(rows, 1) * size / rows
        if seconds < WHOLE_SECONDS:
            seconds = per_step(size, 1)
    else:
        seconds = per_step(size, STEPS)
    return seconds * configuration.training.epochs * -(-len(split.train) // size)


def _made_up(configuration: Configuration, context: TrialContext) -> Data:
    cohort = context.cohort
    codes = torch.from_numpy(class_codes(cohort))
    backbone = context.features_of(configuration).build_backbone(configuration.input_size)
    if not configuration.fine_tuned:
        features = torch.rand(len(cohort.samples), backbone.channels * len(cohort.image_names), 1, 1)
        return FitData(features, codes)
    # One grey picture stands for all of them: a view, which takes no memory.
    shape = (len(cohort.samples), len(cohort.image_names), *configuration.image.size, 3)
    pixels = np.broadcast_to(np.full((1, 1, *shape[2:]), 128, np.uint8), shape)
    return ImageData(ImageSource(pixels, backbone), codes, device_for(context.on_gpu(configuration)))


def _seconds(work: Callable[[], object]) -> float:
    """Time the second call: the first one pays for warming up."""
    work()
    started = time.perf_counter()
    work()
    return time.perf_counter() - started
