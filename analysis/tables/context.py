"""What a caption must say that no single configuration knows: cohort, fold plan, leak, how much was tried."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from analysis.errors import AnalysisError
from analysis.evaluation import ClassCount, ConfigurationResult
from analysis.ledger.schema import FitRecord
from analysis.provenance import mix_warnings
from analysis.resampling import Resampling

JOINT = " -> "
"""Between the cohort trained on and the one evaluated, in the name of a cohort with external samples."""


@dataclass(frozen=True)
class CohortCounts:
    """The evaluated part of a cohort: samples, groups (`group` is the word, as lesion) and the classes by target.

    The name of a cohort with an external test set is that of both, as `ham10000 -> isic2018-test`.
    """

    name: str
    n_samples: int
    n_groups: int
    group: str
    classes: Mapping[str, tuple[ClassCount, ...]]
    sample: str = "sample"

    @property
    def parts(self) -> tuple[str, str]:
        """The names of the cohort trained on and of the one evaluated; the first is empty where they are one."""
        trained_on, _, evaluated_on = self.name.rpartition(JOINT)
        return trained_on, evaluated_on


@dataclass(frozen=True)
class FoldPlan:
    """How the cohort was split: `test_over_train` is the median n_test / n_train, `n_train` the median n_train.

    `inner`: is a part of the training folds kept aside.
    """

    plan: str
    folds: int
    repeats: int
    test_over_train: float
    inner: bool = False
    n_train: int = 0


@dataclass(frozen=True)
class StudyContext:
    """The study around a table. `leak_share`: share of evaluation samples with a sibling of their group in training.

    `factors` are the dotted settings that the study varies, in its order, `adjusted` those that it sets for some levels
    of them only. `declarations` are what the study allows that a reader must know, as fields that are outcomes.
    `devices` are those that trained. `resampling` are the bootstrap draws of the part; None: no bootstrap.
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
    declarations: tuple[str, ...] = ()
    devices: tuple[str, ...] = ()
    adjusted: tuple[str, ...] = ()
    resampling: Resampling | None = None


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
    declarations: Sequence[str] = (),
    adjusted: Sequence[str] = (),
    resampling: Resampling | None = None,
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
        declarations: what every table repeats as a warning, as "metadata hold the outcome field biopsed".
        adjusted: the dotted settings that the study sets for some levels of the factors only.
        resampling: the bootstrap draws of `results`.

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
            test_over_train=median([record.n_test / record.n_train for record in done if record.n_train] or [0.0]),
            inner=any(record.n_inner for record in done),
            n_train=round(median(record.n_train for record in done)),
        ),
        leak_share=sum(record.leak_share * record.n_test for record in done)
        / max(1, sum(record.n_test for record in done)),
        n_configurations=len(results) if n_configurations is None else n_configurations,
        features=features,
        left_out=cohort.left_out,
        warnings=mix_warnings(done),
        factors=tuple(factors),
        declarations=tuple(declarations),
        devices=tuple(sorted({record.environment["device"] for record in done if "device" in record.environment})),
        adjusted=tuple(adjusted),
        resampling=resampling,
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
