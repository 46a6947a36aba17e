"""Everything a reader must be told, in one place: estimand, data, folds, intervals, tests, and what they are not.

Captions and notes are plain text; each renderer escapes them. Sources: statistics.md 0 and 2, reports.md 4.
"""

from collections.abc import Mapping, Sequence

from analysis.evaluation import ConfigurationResult
from analysis.procedure import procedure_notes
from analysis.statistics.intervals import Interval
from analysis.statistics.verdicts import EQUIVALENCE
from analysis.tables.completeness import dropped_note, incomplete_notes
from analysis.tables.context import StudyContext
from analysis.tables.contrasts import Contrast, family_size, references, scored
from analysis.tables.differing import differing_notes
from analysis.tables.formatting import plural, was
from analysis.tables.specification import TableSpecification

LONG_NAMES = {
    "mcr": "mean class recall (MCR)",
    "auc": "macro one-vs-rest AUC",
    "accuracy": "accuracy",
    "sensitivity": "sensitivity (recall of the second class)",
    "specificity": "specificity (recall of the first class)",
    "precision": "mean class precision",
    "f1": "mean class F1",
    "macro_specificity": "mean class specificity",
    "ovr_balanced_accuracy": "one-vs-rest balanced accuracy, the mean over classes of (sensitivity + specificity) / 2",
    "micro_auc": "micro-averaged AUC",
    "average_precision": "macro one-vs-rest average precision (AP)",
    "brier": "Brier score, the mean over samples of the sum over classes of squared errors, 0 to 200 (lower is better)",
    "ece": "top-label expected calibration error (ECE), 15 bins (lower is better; biased upwards, most in small folds)",
}
BINARY = ("sensitivity", "specificity")
CALIBRATION = ("brier", "ece")
NAMED = 3
"""Configurations that a note names; more are counted."""
SMALL_CLASS = 20
"""Groups in a class below which intervals are too narrow and tests unreliable (docs/statistics.md)."""


def caption(context: StudyContext, what: str, target: str | None) -> str:
    """Return quantity, estimand and data in two sentences."""
    of_target = f" of target {target}" if target else _over_targets(context)
    return f"{_capital(what)}{of_target}, in percent: {_estimand(context)} {data_sentence(context)}"


def study_notes(context: StudyContext, results: Sequence[ConfigurationResult]) -> tuple[str, ...]:
    """Return the notes that every table of a study carries."""
    return (
        *_leak(context),
        *_tried(context),
        *([_sentence(_capital(context.features))] if context.features else []),
        *differing_notes(context, results),
        *_left_out(context),
        *_small_classes(context),
        *incomplete_notes(results),
        *dropped_note(results),
        *procedure_notes([(result.label, result.procedure) for result in results]),
        *threshold_notes(results),
        *(_sentence(f"Warning: {declaration}") for declaration in context.declarations),
        *(_sentence(f"Warning: {warning}") for warning in context.warnings),
    )


def plain_method(interval: Interval) -> str:
    """Return the name of an interval's method as captions say it; notes and methods say that it is a heuristic."""
    return interval.method.partition(" (")[0]


MARKS = "Bold: best, underlined: second; neither says that a difference is real."
"""What the marks in a table mean."""


UNADJUSTED = "Intervals are not adjusted for several comparisons; p values are."
"""What a reader of several intervals must know."""


def marks_note(*, single_split: bool) -> str:
    """Explain brackets and marks; of a single split `interval_note` says what the brackets are."""
    brackets = "" if single_split else "Brackets: max-SE interval; the Nadeau-Bengio interval is in the long CSV. "
    return brackets + MARKS


def interval_note(context: StudyContext, *, single_split: bool) -> str:
    """Explain the brackets."""
    group = context.cohort.group
    if single_split:
        return (
            f"Brackets: 95 % {group}-clustered interval. There is one split: no fold SD and no corrected t, retraining "
            "noise is not seen, and no verdict stands above suggested."
        )
    return (
        f"max-SE: 95 % interval, t quantile times the larger of the {group}-clustered SE and fold SD/√k with "
        f"k = {context.folds.folds}; a heuristic of this project, not from the literature. That SE counts what a "
        "sample moves by being evaluated and, for metrics of decisions, by being trained on."
    )


def comparison_note(
    specification: TableSpecification,
    context: StudyContext,
    results: Sequence[ConfigurationResult],
    family: Mapping[str, Contrast],
) -> str:
    """Explain the verdicts: reference, tests, correction and size of the family."""
    reference = _reference_name(specification, results)
    if not family:
        return f"No comparison was possible: that takes {reference} and another configuration, both complete."
    alpha, size = specification.alpha, plural(family_size(specification, results), "comparison")
    picked = _selection(specification, context, results)
    adjusted = f"Holm-adjusted within this table's family of {size}"
    if any(contrast.comparison.corrected_t is None for contrast in family.values()):
        return (
            f"‡ suggested: differs from {reference} on the same samples, clustered z test below {alpha:g}, {adjusted}."
            f"{picked}"
        )
    return (
        f"† supported: differs from {reference} on the same folds, corrected t (Nadeau and Bengio 2003) and max-SE t "
        f"test both below {alpha:g}; ‡ suggested: only max-SE. P values are {adjusted}, separately for each test. The "
        f"corrected t uses n_test/n_train = {context.folds.test_over_train:.3g}; it was derived for random splits, "
        f"for k folds it is a heuristic.{picked}"
    )


def _selection(specification: TableSpecification, context: StudyContext, results: Sequence[ConfigurationResult]) -> str:
    """Tell that a table's `where` makes its family smaller than that of all configurations tried."""
    if not specification.where or len(results) >= context.n_configurations:
        return ""
    return (
        f" The family is that of this table only, whose selection (`where`) keeps {len(results):,} of the "
        f"{context.n_configurations:,} configurations tried."
    )


def unadjusted_note(family: Mapping[str, Contrast]) -> tuple[str, ...]:
    """Tell that only p values take the number of comparisons into account; nothing is said where there is none."""
    return (UNADJUSTED,) if family else ()


def rope_note(specification: TableSpecification, metric: str) -> str:
    """Explain the three probabilities and the verdict words."""
    return (
        f"P(worse), P(equal), P(better): Bayesian correlated t (Benavoli et al. 2017) with practical "
        f"equivalence within ±{100 * specification.rope_of(metric):g} points; equivalent: P(equal) above 0.95; "
        "unsure: none of these, or the same difference in every fold."
    )


def negligible_note(results: Sequence[ConfigurationResult], family: Mapping[str, Contrast]) -> tuple[str, ...]:
    """Name the differences that are supported or suggested and lie within practical equivalence."""
    names = [f"'{one.label}'" for one in results if one.identifier in family and family[one.identifier].negligible]
    if not names:
        return ()
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return (
        f"Supported or suggested with P(equal) above {EQUIVALENCE:g}: a difference that is there and practically "
        f"nothing ({', '.join(names[:NAMED])}{more}).",
    )


def undefined_notes(results: Sequence[ConfigurationResult], metric: str, target: str | None) -> tuple[str, ...]:
    """Name the complete configurations whose metric a fold leaves undefined."""
    names = [result.label for result in results if result.complete and scored(result, metric, target) is None]
    if not names:
        return ()
    if metric in BINARY:
        return (f"–: {LONG_NAMES[metric]} is defined for targets of two classes that every fold holds.",)
    if metric in CALIBRATION:
        return (f"–: {LONG_NAMES[metric]} is undefined for {', '.join(names)}: its scores are no probabilities.",)
    return (f"–: {LONG_NAMES[metric]} is undefined for {', '.join(names)}: a fold holds samples of one class only.",)


def threshold_notes(results: Sequence[ConfigurationResult]) -> tuple[str, ...]:
    """Name the configurations whose two-class decisions use a threshold that was chosen in the training folds."""
    deciding = [result for result in results if _thresholds(result)]
    if not deciding:
        return ()
    everywhere = len(deciding) == sum(bool(result.reported) for result in results)
    names = "all configurations" if everywhere else "; ".join(f"'{result.label}'" for result in deciding)
    return (
        f"Threshold: in {names} each fold decides at a threshold that was chosen inside its training part; "
        "AUC does not depend on it.",
    )


def _thresholds(result: ConfigurationResult) -> bool:
    return any(name.startswith("threshold:") for reported in result.reported.values() for name in reported)


def _reference_name(specification: TableSpecification, results: Sequence[ConfigurationResult]) -> str:
    picked = {reference.identifier: reference.label for reference in references(specification, results).values()}
    if len(picked) == 1:
        return next(iter(picked.values()))
    settings = ", ".join(f"{name.removesuffix('.name')} {value}" for name, value in specification.reference.items())
    return f"its reference ({settings})"


def _estimand(context: StudyContext) -> str:
    folds, (trained_on, _) = context.folds, context.cohort.parts
    if trained_on:
        share = trained_on
    elif folds.plan in ("grouped", "image-level") and folds.folds > 1:
        share = f"{folds.folds - 1}/{folds.folds} of the data"
        if folds.inner:
            share += " (a part of it kept aside to watch the training)"
    else:
        share = "the training part of the split"
    return f"the mean performance of models trained on {share} by this procedure, not that of one model."


def data_sentence(context: StudyContext) -> str:
    """Return cohort, counts and folds; of an external or official test set what was trained on too."""
    cohort, folds = context.cohort, context.folds
    repeats = f", {folds.repeats} repeats" if folds.repeats > 1 else ""
    split = f"{folds.folds} folds{repeats}" if folds.folds > 1 else f"one split{repeats}"
    data = f"{plural(cohort.n_samples, cohort.sample)} of {plural(cohort.n_groups, cohort.group)}"
    trained_on, evaluated_on = cohort.parts
    if trained_on or folds.plan == "official":
        official = "the official training part" if folds.inner else "the official training and validation parts"
        trained = f"trained on {trained_on or official} ({plural(folds.n_train, cohort.sample)})"
        evaluated = f"evaluated on {evaluated_on if trained_on else 'the official test part'} ({data})"
        name = "" if trained_on else f"{cohort.name}, "
        return f"Data: {name}{trained}, {evaluated}; {split} ({folds.plan})."
    return f"Data: {cohort.name}, {data}; {split} ({folds.plan})."


def _left_out(context: StudyContext) -> tuple[str, ...]:
    count = context.left_out
    return (f"{plural(count, context.cohort.sample)} could not be used and {was(count)} left out.",) if count else ()


def _leak(context: StudyContext) -> tuple[str, ...]:
    if context.leak_share <= 0:
        return ()
    sample, group = context.cohort.sample, context.cohort.group
    return (
        f"Leak: {100 * context.leak_share:.0f} % of the evaluated {sample}s have a sibling of the same {group} in the "
        f"training part (measured). These numbers are optimistic for new {group}s.",
    )


def _tried(context: StudyContext) -> tuple[str, ...]:
    count = context.n_configurations
    tried = f"{plural(count, 'configuration')} {was(count)} tried"
    return (f"{tried} on these folds; the score of whichever comes out best is optimistic.",)


def _small_classes(context: StudyContext) -> tuple[str, ...]:
    several = len(context.cohort.classes) > 1
    named = []
    for target, counts in context.cohort.classes.items():
        small = [f"{count.name} ({count.n_groups})" for count in counts if 0 < count.n_groups < SMALL_CLASS]
        if small:
            named.append(f"{target}: {', '.join(small)}" if several else ", ".join(small))
    if not named:
        return ()
    group = context.cohort.group
    return (
        f"Warning: fewer than {SMALL_CLASS} {group}s in {'; '.join(named)}: intervals are too narrow there and tests "
        "unreliable.",
    )


def _over_targets(context: StudyContext) -> str:
    targets = list(context.cohort.classes)
    return f", mean over {len(targets)} targets ({', '.join(targets)})" if len(targets) > 1 else ""


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _sentence(text: str) -> str:
    return text if text.endswith((".", "?", "!")) else f"{text}."
