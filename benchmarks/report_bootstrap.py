"""What the bootstrap and the tables of a large report cost, beside a plain loop over replicates with scikit-learn.

    python benchmarks/report_bootstrap.py [configurations, 60 by default] [replicates, 10000]

Made-up predictions in the shape of HAM10000 (10,015 images of 7,470 lesions, seven classes, five lesion-grouped folds)
are evaluated, resampled for MCR, AUC and their paired differences to the first configuration with percentile and BCa
intervals, and put into tables. The plain loop scores the same draws with `sample_weight` and is extrapolated from
a few replicates of one configuration; where both have looked, their values must agree.

Measured on two cores of a server, 60 configurations x 10,000 replicates: 35 seconds of one core for everything, 26 of
them in the two lines of the bootstrap, which all cores share; 0.7 GiB; the plain loop is 1,400 times as long (11 h).
"""

import resource
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pandas as pd
from sklearn.metrics import balanced_accuracy_score, roc_auc_score

from analysis.evaluation import ConfigurationResult, evaluate
from analysis.ledger.schema import CohortSummary, FitRecord, probability_column, target_column
from analysis.resampling import Resampling
from analysis.tables import TableSpecification, build_tables, study_context

CLASSES = {"nv": 6705, "mel": 1113, "bkl": 1099, "bcc": 514, "akiec": 327, "vasc": 142, "df": 115}
LESIONS, FOLDS, PLAIN_REPLICATES, TARGET = 7470, 5, 3, "diagnosis"
TABLES = (
    {"kind": "scores", "name": "scores", "title": "All scores"},
    {"kind": "per-class-recall", "name": "recall", "title": "Recall by class"},
    {
        "kind": "comparisons",
        "name": "comparisons",
        "title": "Against the first",
        "metrics": ["mcr", "auc"],
        "reference": {"training.seed": 0},
    },
)


def main(configurations: int, replicates: int) -> None:
    """Print the seconds of each step, the peak of memory, and the plain loop as a ratio."""
    cohort, rows, folds = made_up_cohort()
    taken: dict[str, tuple[float, float]] = {}
    fits = [predictions(cohort, rows, folds, number) for number in range(configurations)]
    with timed("evaluate", taken):
        results = [
            evaluate(f"{number:012d}", settings(number), f"configuration {number}", planned(), *fit)
            for number, fit in enumerate(fits)
        ]
    records = [record for found, _ in fits for record in found]
    del fits
    resampling = Resampling(results, replicates=replicates)
    with timed("draws", taken):
        resampling.draws(TARGET)
    for metric in ("mcr", "auc"):
        with timed(f"bootstrap of {metric}", taken):
            for result in results:
                resampling.interval(result, metric, TARGET, method="bca")
        with timed(f"differences of {metric}", taken):
            for result in results[1:]:
                resampling.difference(results[0], result, metric, TARGET)
    with timed("tables", taken):
        context = study_context(study="made up", question="How long?", records=records, results=results)
        build_tables([TableSpecification.model_validate(one) for one in TABLES], results, context)
    plain = plain_loop(results[0], resampling) * replicates * configurations
    ours = [cpu for name, (_, cpu) in taken.items() if name.startswith(("draws", "bootstrap", "differences"))]
    taken["all"] = (sum(wall for wall, _ in taken.values()), sum(cpu for _, cpu in taken.values()))
    print(f"{'':24s}{'seconds':>10s}{'of one core':>14s}")
    for name, (wall, cpu) in taken.items():
        print(f"{name:24s}{wall:10.1f}{cpu:14.1f}")
    print(f"{'peak memory':24s}{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20:10.1f} GiB")
    print(f"{'plain loop':24s}{'':10s}{plain:14.0f}, extrapolated: {plain / sum(ours):.0f} times the bootstrap")


@contextmanager
def timed(name: str, taken: dict[str, tuple[float, float]]) -> Iterator[None]:
    """Add the seconds of a block to `taken`: as they pass, and as one core works them."""
    wall, cpu = time.perf_counter(), time.process_time()
    yield
    taken[name] = (time.perf_counter() - wall, time.process_time() - cpu)


def planned() -> list[tuple[int, int]]:
    """Return the (repeat, fold) pairs."""
    return [(0, fold) for fold in range(FOLDS)]


def settings(number: int) -> dict[str, Any]:
    """Return a configuration that differs from the others."""
    return {"training": {"seed": number}}


def made_up_cohort() -> tuple[CohortSummary, pd.DataFrame, np.ndarray]:
    """Return the cohort, its samples with their lesion and class number, and the fold of each."""
    labels = np.repeat(np.arange(len(CLASSES)), list(CLASSES.values()))
    rng = np.random.default_rng(0)
    lesions = np.empty(len(labels), dtype=int)
    last = 0
    for number, count in enumerate(CLASSES.values()):
        own = max(2, round(count * LESIONS / len(labels)))
        lesions[labels == number] = last + np.concatenate([np.arange(own), rng.integers(own, size=count - own)])
        last += own
    names = [f"ISIC_{number:07d}" for number in range(len(labels))]
    rows = pd.DataFrame({"sample": names, "group": [f"HAM_{lesion:07d}" for lesion in lesions], "label": labels})
    cohort = CohortSummary("made-up", "f" * 64, len(rows), last, "lesion", {TARGET: tuple(CLASSES)})
    return cohort, rows, lesions % FOLDS


def predictions(
    cohort: CohortSummary, rows: pd.DataFrame, folds: np.ndarray, number: int
) -> tuple[list[FitRecord], dict[str, pd.DataFrame]]:
    """Return the records and the prediction tables of one configuration, by key."""
    rng, records, frames = np.random.default_rng(number), [], {}
    for fold in range(FOLDS):
        own = rows[folds == fold]
        scores = rng.normal(size=(len(own), len(CLASSES)))
        scores[np.arange(len(own)), own["label"]] += 1.5 + 0.01 * number
        shares = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
        columns = {
            "sample": own["sample"],
            "group": own["group"],
            "repeat": 0,
            "fold": fold,
            target_column(TARGET): np.array(list(CLASSES))[own["label"]],
            **{probability_column(TARGET, name): shares[:, c].astype(np.float32) for c, name in enumerate(CLASSES)},
        }
        identity = {"configuration": settings(number), "fold": fold}
        record = FitRecord(
            identity=identity,
            state="done",
            configuration_id=f"{number:012d}",
            cohort=cohort,
            folds={"plan": "grouped", "folds": FOLDS, "repeats": 1, "seed": 0},
            repeat=0,
            fold=fold,
            n_train=len(rows) - len(own),
            n_inner=0,
            n_test=len(own),
            leak_share=0.0,
            environment={"device": "cpu"},
        )
        records.append(record)
        frames[record.key] = pd.DataFrame(columns).reset_index(drop=True)
    return records, frames


def plain_loop(result: ConfigurationResult, resampling: Resampling) -> float:
    """Return the seconds of one core that a replicate of a configuration takes; check that its values are ours."""
    counts, groups = resampling.draws(TARGET).counts, resampling.draws(TARGET).groups
    started, found = time.process_time(), []
    for number in range(PLAIN_REPLICATES):
        weights = dict(zip(groups, counts[:, number], strict=True))
        scores = [plain_fold(part, weights) for part in result.predictions.values()]
        found.append(np.mean(scores, axis=0))
    seconds = (time.process_time() - started) / PLAIN_REPLICATES
    for place, metric in enumerate(("mcr", "auc")):
        ours = resampling.replicates(result, metric, TARGET)[:PLAIN_REPLICATES]
        np.testing.assert_allclose(ours, np.array(found)[:, place], atol=1e-6)
    return seconds


def plain_fold(part: Any, weights: dict[str, int]) -> tuple[float, float]:
    """Return the weighted MCR and macro AUC of one fold by scikit-learn."""
    labels, shares = part.labels[TARGET], part.probabilities[TARGET]
    weight = np.array([weights[group] for group in part.groups])
    recall = balanced_accuracy_score(labels, shares.argmax(axis=1), sample_weight=weight)
    areas = [roc_auc_score(labels == c, shares[:, c], sample_weight=weight) for c in range(len(CLASSES))]
    return recall, float(np.mean(areas))


if __name__ == "__main__":
    main(*(int(given) for given in (sys.argv[1:] + ["60", "10000"][len(sys.argv) - 1 :])[:2]))
