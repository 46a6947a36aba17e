"""Which parts, configurations and comparisons of a run the figures show, by rules that their captions state.

A figure of a handful of configurations shows the reference and the best by MCR; a figure of comparisons the two
compared configurations that score best. Both are chosen by the scores they show, so both are optimistic.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from analysis.evaluation import ConfigurationResult
from analysis.figures.marks import brief
from analysis.metrics import LOWER_IS_BETTER
from analysis.run import Part, Run
from analysis.scores import MetricScores
from analysis.statistics.intervals import MAX_SE
from analysis.tables import Table, TableSpecification
from analysis.tables.contrasts import Contrast, chosen, contrasts, references, scored

COMPARING = ("ablation", "comparisons", "scores")
"""Kinds of table whose comparisons are a declared family; the first of a study gives the headline."""

PICKED = "They were picked by the scores shown here, so those of the best are optimistic."
PICKED_ONE = "It was picked by the scores shown here, so they are optimistic."


@dataclass(frozen=True)
class Compared:
    """The comparisons of one table on its first metric; `family` by identifier, `results` the table's "
    "configurations."""

    specification: TableSpecification
    metric: str
    results: tuple[ConfigurationResult, ...]
    family: Mapping[str, Contrast]

    def headline(self, count: int = 2) -> tuple[tuple[ConfigurationResult, Contrast], ...]:
        """Return the compared configurations that score best, with their comparisons."""
        pairs = [(one, self.family[one.identifier]) for one in self.results if one.identifier in self.family]
        target = self.specification.target
        ranked = sorted(pairs, key=lambda pair: -_goodness(pair[0], self.metric, target))
        return tuple(ranked[:count])


def shown_parts(run: Run) -> Iterator[Part]:
    """Give the parts with at least one complete configuration; of a search that was confirmed the confirmation only."""
    started = [part for part in run.parts if part.context is not None and any(one.complete for one in part.results)]
    confirmed = any(part.planned.role == "confirmation" for part in started)
    return (part for part in started if not (confirmed and part.planned.role == "search"))


def stem(kind: str, part: Part, *rest: str) -> str:
    """Return the name of a figure's files: kind, arm and the rest, as `confusion_ham10000`."""
    return "_".join(name for name in (kind, part.planned.name, *rest) if name)


def heading(title: str, part: Part) -> str:
    """Return the title of a figure of one part: with the arm where the study has several."""
    return f"{title} ({part.planned.name})" if part.planned.name else title


def tables_of(part: Part, kinds: Sequence[str]) -> Iterator[tuple[TableSpecification, str, Table]]:
    """Give the tables of kinds that write one per metric: specification, metric, table."""
    by_name = {table.name: table for table in part.tables}
    for specification in part.specifications:
        if specification.kind in kinds:
            for metric in specification.metrics:
                if (table := by_name.get(f"{specification.name}_{metric}")) is not None:
                    yield specification, metric, table


def compared(part: Part) -> Compared | None:
    """Return the first declared family of comparisons that has one between two complete configurations."""
    for specification in part.specifications:
        if specification.kind in COMPARING and specification.reference:
            results = chosen(specification, part.results)
            family = contrasts(specification, results, specification.metrics[0])
            if family:
                return Compared(specification, specification.metrics[0], results, family)
    return None


def shown_of(found: Compared, count: int) -> str:
    """Return the sentences that say which of the compared configurations a figure shows, and that they were picked."""
    of = f"of {len(found.family)} compared configurations of the table “{found.specification.title}”"
    return f"Shown is the best {of}. {PICKED_ONE}" if count == 1 else f"Shown are the {count} best {of}. {PICKED}"


def shown_leaders(part: Part, count: int) -> str:
    """Return the sentences that say which of the leaders a figure shows, and that the best was picked."""
    if count > 1:
        return f"Shown are the reference, where there is one, and the best by MCR. {PICKED}"
    if sum(one.complete for one in part.results) == 1:
        return "Shown is the only complete configuration."
    return "Shown is the one of the reference and the best by MCR that can be drawn."


def leaders(part: Part, target: str, count: int) -> tuple[ConfigurationResult, ...]:
    """Return the best configurations by MCR on a target, before them the reference of the best that has one.

    There are at most `count`, none where a fold leaves every MCR undefined.
    """
    complete = [result for result in part.results if scored(result, "mcr", target) is not None]
    ranked = sorted(complete, key=lambda result: -_goodness(result, "mcr", target))
    known = {result.identifier for result in ranked}
    first = next((one for one in _references(part, ranked) if one.identifier in known), None)
    if first is None:
        return tuple(ranked[:count])
    return (first, *[result for result in ranked if result is not first][: count - 1])


def main_target(part: Part) -> str:
    """Return the target that figures of classes show: the one that the comparisons are about, or the first."""
    named = [one.target for one in part.specifications if one.target is not None and one.reference]
    targets = next(list(result.targets) for result in part.results if result.complete)
    return named[0] if named and named[0] in targets else targets[0]


def one_of_targets(part: Part, target: str) -> str:
    """Return the sentence that says which of several targets is shown; empty where there is one."""
    targets = next(result.targets for result in part.results if result.complete)
    return f" Target {target}, one of {len(targets)}." if len(targets) > 1 else ""


def printed_interval(scores: MetricScores) -> tuple[float, float, str]:
    """Return the interval that tables print, in percent, with the name of its method as captions say it."""
    interval = scores.max_se_interval()
    return 100 * interval.low, 100 * interval.high, method_name(interval.method)


def method_name(method: str) -> str:
    """Return the name of a method as captions say it; that max-SE is a heuristic stands in the notes and methods."""
    return "max-SE" if method == MAX_SE else method


def reference_words(references: Iterable[ConfigurationResult]) -> str:
    """Return whom differences are to: `the reference (image only)`, or where there are several `its reference`."""
    labels = {one.identifier: one.label for one in references}
    return f"the reference ({brief(next(iter(labels.values())))})" if len(labels) == 1 else "its reference"


def _goodness(result: ConfigurationResult, metric: str, target: str | None) -> float:
    scores = scored(result, metric, target)
    if scores is None:
        return float("-inf")
    return -scores.estimate if metric in LOWER_IS_BETTER else scores.estimate


def _references(part: Part, ranked: Sequence[ConfigurationResult]) -> Iterator[ConfigurationResult]:
    """The references of these configurations in the first table that has any, but for the references themselves."""
    for specification in part.specifications:
        if specification.kind in COMPARING and specification.reference:
            found = references(specification, chosen(specification, part.results))
            for result in ranked:
                if found.get(result.identifier, result) is not result:
                    yield found[result.identifier]
            return
