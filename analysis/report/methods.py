"""The methods paragraph and its bibliography, from the methods that the tables of a run used and from no others.

A method was used when a table holds a value that comes from it: the long CSV has a column for each. Sources are
numbered in the order in which the paragraph names them.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from analysis.citations import CITATIONS
from analysis.figures.base import Drawn
from analysis.published import published_table
from analysis.run import Run
from analysis.tables.context import StudyContext
from analysis.tables.formatting import plural


@dataclass(frozen=True)
class Method:
    """A method: its sentence, the keys of its sources, and what uses it.

    Used by the columns or metrics of which a table has a value, or by figures, by how their names begin.
    """

    text: str
    keys: tuple[str, ...]
    columns: tuple[str, ...] = ()
    metrics: tuple[str, ...] = ()
    figures: tuple[str, ...] = ()


METHODS: tuple[Method, ...] = (
    Method(
        "The 95 % interval of a score is max-SE: a t quantile times the larger of fold SD over the square root of k "
        "and the group-clustered standard error of the out-of-fold predictions, which for metrics of decisions counts "
        "what a sample moves by being trained on too. It is a heuristic of this project; the documentation has its "
        "simulated coverage.",
        ("max_se", "bengio2004", "efron1982", "guo2017", "carter2017"),
        ("max_se_low",),
    ),
    Method(
        "The Nadeau-Bengio interval sees the folds only and widens their variance by n_test/n_train; it was derived "
        "for random splits, for k folds it is a heuristic.",
        ("nadeau2003",),
        ("nb_low",),
    ),
    Method(
        "Group-clustered standard errors come from the influence of each sample on the score, summed within groups.",
        ("delong1988", "ledell2015"),
        ("clustered_low",),
    ),
    Method(
        "The bootstrap draws whole groups within classes from the out-of-fold predictions, the same draws for all "
        "configurations (percentile and BCa intervals, in the long CSV); it does not see retraining noise.",
        ("efron1987", "field2007"),
        ("boot_low",),
    ),
    Method(
        "The recall of a class also has Wilson's interval, with as many samples as would give its clustered standard "
        "error.",
        ("wilson1927", "korn1998"),
        ("wilson_low",),
    ),
    Method("AUCs also have the influence-curve interval of cvAUC.", ("ledell2015",), ("cvauc_low",)),
    Method(
        "On a single split AUCs of two classes also have DeLong's interval, for clustered data and on the logit scale.",
        ("delong1988", "obuchowski1997"),
        ("delong_low",),
    ),
    Method("Brier scores sum the squared errors over all classes.", ("brier1950",), (), ("brier",)),
    Method(
        "The calibration error (ECE) is that of the most probable class in 15 bins of equal width; it is biased "
        "upwards.",
        ("guo2017",),
        (),
        ("ece",),
    ),
    Method(
        "Two configurations are compared by their paired fold differences: the corrected resampled t, and max-SE as a "
        "test of its own. A difference is supported when both are below the level after Holm's adjustment within the "
        "family of its table, and suggested when only max-SE is.",
        ("nadeau2003", "max_se", "holm1979"),
        ("p_nb_holm",),
    ),
    Method(
        "With a single split a comparison has the group-clustered z test alone, adjusted after Holm, and is suggested "
        "at most.",
        ("holm1979",),
        ("p_max_se_holm",),
    ),
    Method(
        "Two are called equivalent when more than 0.95 of the posterior of the Bayesian correlated t lies within the "
        "region of practical equivalence, and unsure when nothing of this holds, or when the difference is the same in "
        "every fold.",
        ("benavoli2017",),
        ("p_equivalent",),
    ),
    Method(
        "For contrast only, and without a verdict, the long CSV has the naive paired t, sign flips and Wilcoxon's "
        "signed ranks with the smallest p that so many folds allow, the adjustment of Benjamini and Hochberg, and the "
        "probability of being better.",
        ("dietterich1998", "fisher1935", "wilcoxon1945", "benjamini1995", "bouthillier2021"),
        ("p_naive_t", "p_wilcoxon"),
    ),
    Method(
        "McNemar's test of accuracy takes the decisions of all folds, plain and clustered by group.",
        ("mcnemar1947", "obuchowski1998"),
        ("p_mcnemar", "p_mcnemar_clustered"),
    ),
    Method(
        "Effects of two factors are those of a mixed model with folds as blocks; corrected F values carry the "
        "correction of Nadeau and Bengio over, a heuristic of this project.",
        ("pinheiro2000", "nadeau2003"),
        ("corrected_f",),
    ),
    Method(
        "A published mean with its SD is compared unpaired, with the same correction on both sides; the data differ, "
        "so that is no verdict of this report.",
        ("welch1947", "nadeau2003"),
        ("published_p",),
    ),
    Method(
        "Importances of the searched dimensions are those of PED-ANOVA and of fANOVA, as Optuna computes them.",
        ("watanabe2023", "hutter2014"),
        figures=("search_importances",),
    ),
    Method(
        "Isolation plots show the best score of each level of one dimension over all others.",
        ("godbole2023",),
        figures=("search_isolation",),
    ),
    Method(
        "Activation maps are Grad-CAM at the last feature map; for average pooling and a linear head they are class "
        "activation maps.",
        ("selvaraju2017", "zhou2016"),
        figures=("maps_",),
    ),
)
"""In the order of the paragraph."""


@dataclass(frozen=True)
class Sentence:
    """A sentence of the paragraph with the numbers of its sources."""

    text: str
    numbers: tuple[int, ...]


@dataclass(frozen=True)
class Methods:
    """The paragraph, its numbered bibliography, and the sources of the published figures that stand in tables."""

    sentences: tuple[Sentence, ...]
    bibliography: tuple[str, ...]
    published: tuple[str, ...]


def methods(run: Run, figures: Iterable[Drawn] = ()) -> Methods:
    """Return the methods paragraph of a run; `figures` are those of its report."""
    names = [figure.name for figure in figures]
    used = methods_used([record for table in run.tables for record in table.records], names)
    numbers = {key: place for place, key in enumerate(dict.fromkeys(key for one in used for key in one.keys), start=1)}
    sentences = (
        *(Sentence(text, ()) for text in _evaluation(run)),
        *(Sentence(one.text, tuple(numbers[key] for key in one.keys)) for one in used),
    )
    return Methods(sentences, tuple(CITATIONS[key] for key in numbers), _published(run))


def methods_used(records: Iterable[Mapping[str, Any]], figures: Sequence[str] = ()) -> tuple[Method, ...]:
    """Return the methods that records of tables hold a value of, or figures (names) show, in the paragraph's order."""
    columns, metrics = set(), set()
    for record in records:
        columns |= {name for name, value in record.items() if value is not None}
        metrics.add(record.get("metric"))
    columns -= {"p_max_se_holm"} if "p_nb_holm" in columns else set()
    seen = columns | metrics
    return tuple(
        one
        for one in METHODS
        if seen & {*one.columns, *one.metrics} or any(figure.startswith(one.figures) for figure in figures)
    )


def _evaluation(run: Run) -> tuple[str, ...]:
    """Say how models were evaluated; parts that did the same share a sentence."""
    evaluated = [part for part in run.parts if any(result.metrics for result in part.results)]
    told = dict.fromkeys(_folds(part.context) for part in evaluated if part.context is not None)
    if not told:
        return ("Nothing has been evaluated yet.",)
    return (
        *told,
        "Every metric is computed on each fold and averaged over folds; a class without samples in a fold is missing "
        f"there, not 0. {_within(run)} configurations see the same folds, so that differences are paired.",
    )


def _within(run: Run) -> str:
    """Where folds are shared: arms may be cut differently, and a confirmation is on purpose."""
    roles = {part.planned.role for part in run.parts}
    if len(run.parts) < 2:
        return "All"
    return "Within the search and within its confirmation all" if "confirmation" in roles else "Within an arm all"


def _folds(context: StudyContext) -> str:
    folds, cohort = context.folds, context.cohort
    repeats = f", repeated {folds.repeats} times with other seeds" if folds.repeats > 1 else ""
    if folds.folds == 1:
        split = f"One split ({folds.plan}) of {plural(cohort.n_samples, f'evaluated {cohort.sample}')}{repeats}"
        return f"{split}: there is no spread over folds, and retraining noise is not seen."
    whole = f"by {cohort.group}, so that no {cohort.group} stands on both sides" if folds.plan == "grouped" else ""
    how = f" {whole}" if whole else ""
    return (
        f"{folds.folds}-fold cross-validation ({folds.plan}){how}{repeats}, on "
        f"{plural(cohort.n_samples, cohort.sample)} of {plural(cohort.n_groups, cohort.group)} of {cohort.name}; every "
        f"{cohort.sample} is predicted by models that were not trained on it."
    )


def _published(run: Run) -> tuple[str, ...]:
    everything = [*run.across, *(one for part in run.parts for one in part.specifications)]
    names = dict.fromkeys(one.published for one in everything if one.published is not None)
    return tuple(dict.fromkeys(published_table(name).source for name in names))
