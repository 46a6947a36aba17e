"""What a caption must say that no single configuration knows: cohort, fold plan, leak, how much was tried."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from analysis.errors import AnalysisError
from analysis.evaluation import ClassCount, ConfigurationResult
from analysis.ledger.schema import FitRecord
from analysis.provenance import mix_warnings


@dataclass(frozen=True)
class CohortCounts:
    """The evaluated part of a cohort: samples, groups (`group` is the word, as lesion) and the classes by target."""

    name: str
    n_samples: int
    n_groups: int
    group: str
    classes: Mapping[str, tuple[ClassCount, ...]]
    sample: str = "sample"


@dataclass(frozen=True)
class FoldPlan:
    """How the cohort was split; `test_over_train` is the median n_test / n_train, `inner`: is an inner part cut."""

    plan: str
    folds: int
    repeats: int
    test_over_train: float
    inner: bool = False


@dataclass(frozen=True)
class StudyContext:
    """The study around a table. `leak_share`: share of evaluation samples with a sibling of their group in training.

    `factors` are the dotted settings that the study varies, in its order.
    """

    study: str
    question: str
    cohort: CohortCounts
    folds: FoldPlan
    leak_share: float
    n_configurations: int
    features: str = ""
    left_out: int = 0
    warnings: tuple[str, ...] = ()
    factors: tuple[str, ...] = ()


def study_context(
    *,
    study: str,
    question: str,
    records: Iterable[FitRecord],
    results: Sequence[ConfigurationResult],
    features: str = "",
    sample: str = "sample",
    n_configurations: int | None = None,
    factors: Sequence[str] = (),
) -> StudyContext:
    """Gather the context from the ledger.

    Args:
        study: its name.
        question: its question.
        records: the fold fits of all configurations.
        results: the configurations, evaluated.
        features: what was trained on, as "frozen features, no augmentation".
        sample: the word for one row of the cohort; "image" where each has one image.
        n_configurations: how many were tried on these folds; all of `results` unless more were.
        factors: the dotted settings that the study varies; a leaderboard shows them as columns.

    Raises:
        AnalysisError: no records, or records of different cohorts or fold plans.
    """
    done = list(records)
    if not done:
        raise AnalysisError(f"study {study}: the ledger holds none of its fold fits yet")
    _refuse_mixed(study, done)
    cohort, plan = done[0].cohort, done[0].folds
    fullest = max(results, key=lambda result: len(result.metrics))
    evaluated = next((scores.evaluated for scores in fullest.scores.values()), None)
    return StudyContext(
        study=study,
        question=question,
        cohort=CohortCounts(
            name=cohort.name,
            n_samples=evaluated[0] if evaluated else cohort.n_samples,
            n_groups=evaluated[1] if evaluated else cohort.n_groups,
            group=cohort.group,
            classes=fullest.counts,
            sample=sample,
        ),
        folds=FoldPlan(
            plan=str(plan["plan"]),
            folds=int(plan["folds"]),
            repeats=len({repeat for repeat, _ in fullest.planned}),
            test_over_train=median(record.n_test / record.n_train for record in done),
            inner=any(record.n_inner for record in done),
        ),
        leak_share=sum(record.leak_share * record.n_test for record in done) / sum(record.n_test for record in done),
        n_configurations=len(results) if n_configurations is None else n_configurations,
        features=features,
        left_out=cohort.left_out,
        warnings=mix_warnings(done),
        factors=tuple(factors),
    )


def _refuse_mixed(study: str, records: Sequence[FitRecord]) -> None:
    for record in records:
        if record.cohort.fingerprint != records[0].cohort.fingerprint:
            raise AnalysisError(
                f"study {study}: fold fits of two versions of cohort {record.cohort.name} cannot share a table"
            )
        if record.folds != records[0].folds:
            plans = f"{records[0].folds} and {record.folds}"
            raise AnalysisError(f"study {study}: fold fits of two fold plans cannot share a table: {plans}")
