"""How often intervals cover and tests reject: the table of docs/statistics.md, on made-up lesions whose truth is known.

    python benchmarks/simulate_intervals.py [repeats, 800 by default] [--seed 0]

Six classes with the shares of PAD-UFES-20 (the rarest has 2.2 %, at least 14 lesions), lesions with one to four images,
class-stratified lesion-grouped folds, linear discriminant analysis on two exchangeable views (so that the null is true)
and on a third, better one. `seed-noisy` learners see a random subset of the features in each fit. The truth is the mean
score over all repeats: a fold's score is an unbiased one of the procedure. Coverage is of one view's score, size and
power are of the two-sided test at 5 % of a difference of two views.
"""

import argparse
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy import stats

from analysis.metrics import decision_counts
from analysis.statistics.clustering import auc_influence, clustered_se
from analysis.statistics.influences import decision_influence
from analysis.statistics.intervals import max_se_error, nadeau_bengio_se
from analysis.statistics.sampling_error import SamplingError, larger_error
from analysis.statistics.training_influence import training_influence

SHARES = np.array([0.37, 0.32, 0.11, 0.10, 0.078, 0.022])
CLASSES = len(SHARES)
SMALLEST_CLASS = 14


@dataclass(frozen=True, kw_only=True)
class Setting:
    """One row of the table. `separation` scales the class centres, `noise` the lesion and the image part alike.

    `kept` of `features` are seen by a fit, drawn anew each time; `better` scales the third view's separation.
    """

    separation: float
    noise: float
    lesions: int = 920
    folds: int = 5
    repeats: int = 1
    features: int = 4
    kept: int = 4
    equal_priors: bool = False
    better: float = 1.15
    metric: str = "mcr"


@dataclass(frozen=True)
class Evidence:
    """What the rules know of one cross-validated score or of a paired difference."""

    scores: np.ndarray
    folds: int
    clustered_se: float
    se: float
    df: float


WELL = Setting(separation=2.2, noise=0.7)
MIDDLE = Setting(separation=1.5, noise=0.7)
OVERLAP = Setting(separation=1.1, noise=1.0)
NOISY = {"features": 10, "kept": 8}
SETTINGS: dict[str, Setting] = {
    f"{classes}, {row}": replace(base, **changes)  # type: ignore[arg-type]
    for row, changes in {
        "k=5, 1000 images": {"lesions": 400},
        "k=5, 2300": {},
        "k=10, 2300": {"folds": 10},
        "k=5, 10000": {"lesions": 4000, "better": 1.06},
        "k=5, 2300, equal priors": {"equal_priors": True},
        "k=5, 1000, seed-noisy": {"lesions": 400, **NOISY},
        "k=5, 2300, seed-noisy": NOISY,
        "k=5, 2300, seed-noisy, 3 repeats": {"repeats": 3, **NOISY},
        "k=5, 2300, very seed-noisy": {"features": 10, "kept": 6, "better": 1.3},
        "k=5, 10000, seed-noisy": {"lesions": 4000, "better": 1.06, **NOISY},
        "k=5, 2300, AUC": {"metric": "auc"},
        "k=5, 2300, accuracy": {"metric": "accuracy"},
        "k=5, 2300, accuracy, equal priors": {"metric": "accuracy", "equal_priors": True},
        "k=5, 2300, macro F1, equal priors": {"metric": "f1", "equal_priors": True},
    }.items()
    for classes, base in (("separated", WELL), ("middling", MIDDLE), ("overlapping", OVERLAP))
}

Rule = Callable[[Evidence], float]
"""Evidence to the half-width of the 95 % interval, which is where the test at 5 % begins to reject, too."""

RULES: dict[str, Rule] = {
    "naive t": lambda e: _t(len(e.scores) - 1) * float(e.scores.std(ddof=1)) / len(e.scores) ** 0.5,
    "NB": lambda e: _t(len(e.scores) - 1) * nadeau_bengio_se(e.scores, test_over_train=1 / (e.folds - 1)),
    "clustered z": lambda e: _t(np.inf) * e.clustered_se,
    "larger SE, z": lambda e: _t(np.inf) * max(e.clustered_se, _fold_se(e)),
    "clustered t with training": lambda e: _half_width(SamplingError(e.se, e.df)),
    "max-SE": lambda e: _half_width(max_se_error(e.scores, clustered_se=e.se, folds=e.folds, df=e.df)),
}


def _fold_se(evidence: Evidence) -> float:
    return float(evidence.scores.std(ddof=1)) / evidence.folds**0.5


def _half_width(error: SamplingError) -> float:
    return _t(error.df) * error.se


def _t(df: float) -> float:
    return float(stats.t.ppf(0.975, df))


def draw(rng: np.random.Generator, setting: Setting) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return the class of each lesion, and of the images: class (n,), lesion (n,) and three views (3, n, features)."""
    counts = np.maximum((SHARES * setting.lesions).astype(int), SMALLEST_CLASS)
    classes = np.repeat(np.arange(CLASSES), counts)
    lesions = np.repeat(np.arange(len(classes)), rng.integers(1, 5, len(classes)))
    labels = classes[lesions]
    centres = np.random.default_rng(99).normal(size=(CLASSES, setting.features)) * (4 / setting.features) ** 0.5
    noise = rng.normal(size=(3, len(classes), setting.features))[:, lesions]
    noise = setting.noise * (noise + rng.normal(size=noise.shape))
    scale = setting.separation * np.array([1.0, 1.0, setting.better])
    return classes, labels, lesions, scale[:, None, None] * centres[labels] + noise


def deal(rng: np.random.Generator, classes: np.ndarray, folds: int) -> np.ndarray:
    """Return the fold of each lesion: the shuffled lesions of a class are dealt round, class after class."""
    order = np.lexsort((rng.random(len(classes)), classes))
    found = np.empty(len(classes), dtype=int)
    found[order] = np.arange(len(classes)) % folds
    return found


def discriminate(
    rng: np.random.Generator, view: np.ndarray, labels: np.ndarray, fold: np.ndarray, setting: Setting
) -> np.ndarray:
    """Return out-of-fold probabilities (n, C) of linear discriminants fitted from the sums of each fold and class."""
    n, features = view.shape
    cell = fold * CLASSES + labels
    member = np.zeros((n, setting.folds * CLASSES))
    member[np.arange(n), cell] = 1
    counts = member.sum(axis=0).reshape(setting.folds, CLASSES)
    sums = (member.T @ view).reshape(setting.folds, CLASSES, features)
    products = np.stack([view[fold == j].T @ view[fold == j] for j in range(setting.folds)])
    counts, sums, products = counts.sum(axis=0) - counts, sums.sum(axis=0) - sums, products.sum(axis=0) - products
    logits = np.empty((n, CLASSES))
    for j in range(setting.folds):
        seen = rng.permutation(features)[: setting.kept]
        means = sums[j] / counts[j][:, None]
        covariance = (products[j] - (means.T * counts[j]) @ means) / (counts[j].sum() - CLASSES)
        weights = np.linalg.solve(covariance[np.ix_(seen, seen)], means[:, seen].T)
        priors = 0.0 if setting.equal_priors else np.log(counts[j] / counts[j].sum())
        offsets = priors - (means[:, seen].T * weights).sum(axis=0) / 2
        logits[fold == j] = view[fold == j][:, seen] @ weights + offsets
    chances = np.exp(logits - logits.max(axis=1, keepdims=True))
    return chances / chances.sum(axis=1, keepdims=True)


def fold_auc(labels: np.ndarray, chances: np.ndarray) -> float:
    """Return the macro one-vs-rest AUC of one fold, from ranks: faster than `analysis.ranking.macro_auc`."""
    counts = np.bincount(labels, minlength=CLASSES)
    ranks = stats.rankdata(chances, axis=0)[np.arange(len(labels)), labels]
    wins = np.bincount(labels, ranks, minlength=CLASSES) - counts * (counts + 1) / 2
    return float((wins / (counts * (len(labels) - counts))).mean())


def fold_score(metric: str, labels: np.ndarray, decisions: np.ndarray) -> float:
    """Return MCR, accuracy or macro F1 of one fold."""
    counts = decision_counts(labels, decisions, CLASSES)
    if metric == "accuracy":
        return float(counts.hits.sum() / counts.total)
    return float(np.mean({"mcr": counts.recalls, "f1": counts.f1s}[metric]))


def cross_validate(
    rng: np.random.Generator, view: np.ndarray, labels: np.ndarray, folds: Sequence[np.ndarray], setting: Setting
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the scores (J,) of one view, and each sample's influence (n,) by evaluation and by training."""
    scores, evaluation, training = [], np.zeros(len(labels)), np.zeros(len(labels))
    for fold in folds:
        chances = discriminate(rng, view, labels, fold, setting)
        parts = [fold == j for j in range(setting.folds)]
        if setting.metric == "auc":
            scores += [fold_auc(labels[part], chances[part]) for part in parts]
            for part in parts:
                evaluation[part] += auc_influence(labels[part], chances[part]) / (setting.folds * setting.repeats)
            continue
        decisions = chances.argmax(axis=1)
        scores += [fold_score(setting.metric, labels[part], decisions[part]) for part in parts]
        evaluation += decision_influence(setting.metric, labels, decisions, CLASSES) / setting.repeats
        weights = "balanced" if setting.equal_priors else "none"
        training += training_influence(setting.metric, labels, chances, class_weights=weights) / setting.repeats
    return np.array(scores), evaluation, training


def evidence(
    scores: np.ndarray, evaluation: np.ndarray, training: np.ndarray, lesions: np.ndarray, setting: Setting, fewest: int
) -> Evidence:
    """Return what the rules may use; `fewest` are the lesions of the rarest class."""
    error = larger_error(evaluation, training, lesions, fewest=fewest)
    return Evidence(scores, setting.folds, clustered_se(evaluation, lesions), error.se, error.df)


def simulate(setting: Setting, repeats: int, seed: int) -> list[tuple[Evidence, Evidence, Evidence]]:
    """Return for each repeat the evidence of one view, of a difference that is null, and of one that is not."""
    rng = np.random.default_rng(seed)
    found = []
    for _ in range(repeats):
        classes, labels, lesions, views = draw(rng, setting)
        folds = [deal(rng, classes, setting.folds)[lesions] for _ in range(setting.repeats)]
        one, same, better = (cross_validate(rng, view, labels, folds, setting) for view in views)
        pairs = (one, *(tuple(b - a for a, b in zip(one, other, strict=True)) for other in (same, better)))
        fewest = int(np.bincount(classes).min())
        found.append(tuple(evidence(*pair, lesions, setting, fewest) for pair in pairs))
    return found  # type: ignore[return-value]


@dataclass(frozen=True)
class Operating:
    """What a rule did in one setting, over all repeats; `width` is the mean full width of the 95 % interval."""

    coverage: float
    width: float
    size: float
    power: float


def operating(found: Sequence[tuple[Evidence, Evidence, Evidence]], rule: Rule) -> Operating:
    """Return coverage and width of one view's interval, size and power of the test of a difference."""
    means = np.array([[each.scores.mean() for each in row] for row in found])
    halves = np.array([[rule(each) for each in row] for row in found])
    outside = np.abs(means - [means[:, 0].mean(), 0, 0]) > halves
    return Operating(1 - outside[:, 0].mean(), 2 * halves[:, 0].mean(), outside[:, 1].mean(), outside[:, 2].mean())


def print_table(repeats: int, seed: int) -> None:
    """Print the Markdown table: each cell is coverage (mean width); size (power), all in percent."""
    print("| setting | score | " + " | ".join(RULES) + " |")
    print("|---" * (len(RULES) + 2) + "|")
    for name, setting in SETTINGS.items():
        found = simulate(setting, max(2, repeats // max(1, setting.lesions // 1000, setting.repeats)), seed)
        cells = [f"{100 * np.mean([row[0].scores.mean() for row in found]):.1f}"]
        for rule in RULES.values():
            at = operating(found, rule)
            cells.append(f"{100 * at.coverage:.1f} ({100 * at.width:.1f}); {100 * at.size:.1f} ({100 * at.power:.0f})")
        print(f"| {name} | " + " | ".join(cells) + " |", flush=True)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("repeats", nargs="?", type=int, default=800)
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    print_table(asked.repeats, asked.seed)


if __name__ == "__main__":
    main()
