"""The fold plans that the data fix: `official`, the split a data set was published with, and `external`.

Both have one split, so `repeats` are seeds on the same samples, and nothing is drawn but an inner validation part.
"""

import numpy as np

from models.errors import InputError
from trainables.cohorts import Cohort
from trainables.cohorts.checks import NO_SPLIT
from trainables.folds.plan import FOLD_PLANS, LEFT_OUT, TRAIN_ONLY, WATCHED, FoldSettings

_FOLD_OF = {"train": TRAIN_ONLY, "valid": WATCHED, "test": 0}


@FOLD_PLANS.register("external")
def external(cohort: Cohort, settings: FoldSettings, repeat: int) -> np.ndarray:
    """Evaluate the samples of the external cohort, train on all others.

    Raises:
        InputError: the study has no external cohort.
    """
    del settings, repeat
    if not cohort.external:
        raise InputError(
            "folds.plan=external needs a second cohort to evaluate on: give external: {cohort: ...} in the study"
        )
    return np.where(cohort.samples.index.isin(cohort.external), 0, TRAIN_ONLY)


@FOLD_PLANS.register("official")
def official(cohort: Cohort, settings: FoldSettings, repeat: int) -> np.ndarray:
    """Evaluate the published test part; train and valid train, valid is watched where an inner part is asked for.

    Samples that the split does not list take no part.

    Raises:
        InputError: the cohort has no official split, or one without a test or a training part.
    """
    del settings, repeat
    parts = cohort.official_split
    if not parts:
        why = "".join(f" ({note.removeprefix(NO_SPLIT)})" for note in cohort.notes if note.startswith(NO_SPLIT))
        raise InputError(
            f"folds.plan=official: cohort {cohort.name!r} has no official split{why}; choose another plan, "
            "such as grouped"
        )
    folds = np.array([_FOLD_OF[parts[name]] if name in parts else LEFT_OUT for name in cohort.samples.index])
    for part in ("train", "test"):
        if not (folds == _FOLD_OF[part]).any():
            raise InputError(
                f"folds.plan=official: no sample of the official {part} part is in cohort {cohort.name!r}; see which "
                "samples were left out, or choose another plan"
            )
    return folds
