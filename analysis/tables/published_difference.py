"""Ours minus a published mean with an SD over folds: unpaired, for the long CSV and a sign beside the published figure.

Never a verdict: the data, the folds and the training of a paper are others. Where the SD, the number of folds or our
own folds are missing, there is nothing to compare.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from analysis.evaluation import ConfigurationResult
from analysis.published import CLASS, PublishedCell, PublishedTable
from analysis.scoring import METRICS
from analysis.statistics.against_published import UnpairedTest, against_published
from analysis.tables.contrasts import scored

SIGN = "#"


@dataclass(frozen=True)
class AgainstPublished:
    """Compares with the figures of one published table; `target` is the table's of several, `alpha` its level."""

    table: PublishedTable
    target: str | None
    alpha: float

    def test(
        self, result: ConfigurationResult, figure: PublishedCell | None, part: str | None, metric: str
    ) -> UnpairedTest | None:
        """Return the comparison, or None where it takes what is not there.

        Args:
            result: our configuration.
            figure: what the paper printed for it.
            part: the target, of a table that goes by targets; of single classes no intervals are kept.
            metric: of the figure.
        """
        folds = self.table.folds
        if figure is None or figure.sd is None or folds is None:
            return None
        if metric not in METRICS or CLASS in self.table.settings:
            return None
        scores = scored(result, metric, part if part is not None else self.target)
        if scores is None or scores.single_split:
            return None
        return against_published(
            scores.values,
            test_over_train=scores.test_over_train,
            published=figure.value,
            published_sd=figure.sd,
            published_folds=folds,
        )

    def mark(self, test: UnpairedTest | None) -> str:
        """Return the sign beside a published figure that lies apart from ours."""
        return SIGN if test is not None and test.p < self.alpha else ""

    def note(self, tests: Sequence[UnpairedTest | None]) -> tuple[str, ...]:
        """Explain sign and test where there is any."""
        if all(test is None for test in tests):
            return ()
        return (
            f"{SIGN}: ours and the published figure lie apart, p below {self.alpha:g}, not adjusted, by an unpaired "
            "t of both means and SDs over folds (Welch) with the correction of Nadeau and Bengio on both sides. It is "
            "no verdict: data, folds and training differ. Differences and intervals are in the long CSV.",
        )


def difference_fields(test: UnpairedTest | None) -> dict[str, Any]:
    """Return the fields of the long CSV: ours minus published, its interval, p and degrees of freedom."""
    return {
        "published_difference": test.interval.estimate if test else None,
        "published_difference_low": test.interval.low if test else None,
        "published_difference_high": test.interval.high if test else None,
        "published_p": test.p if test else None,
        "published_df": test.df if test else None,
    }
