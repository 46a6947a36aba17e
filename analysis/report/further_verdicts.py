"""What a verdict says beside its headline: other metrics, other families of comparisons, and effects of factors."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from analysis.evaluation import ConfigurationResult
from analysis.run import Part
from analysis.scoring import METRICS
from analysis.tables.contrasts import Contrast, chosen, contrasts, family_size
from analysis.tables.effects import NoFullGrid, effects_of, full_grid
from analysis.tables.formatting import cell_text, plural
from analysis.tables.specification import TableSpecification
from analysis.tables.table import Cell, Column

MOST = 3
"""Further families that are told; more are counted."""


@dataclass(frozen=True)
class Asked:
    """What a part is judged by: a table with a reference, the metric, and the comparisons of that table."""

    specification: TableSpecification | None
    metric: str
    target: str | None
    results: tuple[ConfigurationResult, ...]
    family: Mapping[str, Contrast]
    size: int

    @property
    def pairs(self) -> frozenset[tuple[str, str]]:
        """Who is compared with whom, by identifier."""
        return frozenset((name, contrast.reference.identifier) for name, contrast in self.family.items())

    @property
    def ended(self) -> str:
        """How its comparisons ended: `7 supported better, 2 of them within practical equivalence, 1 to come`."""
        words = Counter(contrast.verdict.phrase for contrast in self.family.values())
        small = Counter(contrast.verdict.phrase for contrast in self.family.values() if contrast.negligible)
        told = []
        for phrase, number in sorted(words.items(), key=lambda one: _order(one[0])):
            told.append(f"{number} {phrase}")
            told += [f"{small[phrase]} of them within practical equivalence"] if small[phrase] else []
        to_come = self.size - words.total()
        return ", ".join([*told, *([f"{to_come} to come"] if to_come else [])])


def families(part: Part) -> tuple[Asked, ...]:
    """Return every family of comparisons that the tables of a part declare, the headline first, each once.

    Raises:
        AnalysisError: its tables do not fit its configurations.
    """
    found: list[Asked] = []
    for specification in part.specifications:
        if specification.reference:
            results = chosen(specification, part.results)
            for metric in specification.metrics:
                family = contrasts(specification, results, metric)
                size = family_size(specification, results)
                asked = Asked(specification, metric, specification.target, results, family, size)
                if not any(_same(asked, other) for other in found):
                    found.append(asked)
    return tuple(found)


def further_sentences(part: Part, asked: Iterable[Asked]) -> tuple[str, ...]:
    """Return one sentence for each family behind the headline that has a comparison, and one for each table of effects.

    Args:
        part: the part.
        asked: its families, the headline first.
    """
    headline, *others = asked
    compared = [other for other in others if other.family]
    more = len(compared) - MOST
    return (
        *(f"{_named(headline, other)}: {other.ended}." for other in compared[:MOST]),
        *([f"{plural(more, 'further table')} of comparisons: see there."] if more > 0 else []),
        *_effects(part),
    )


def p_text(value: float) -> str:
    """Return a p value as sentences say it: `p = 0.012`, `p < 0.001`."""
    text = cell_text(Cell(value), Column("", "p"))
    return f"p {text[0]} {text[1:]}" if text[0] in "<>" else f"p = {text}"


def _same(one: Asked, other: Asked) -> bool:
    """Whether two tables make the same comparisons, in another shape."""
    return (one.metric, one.target, one.pairs) == (other.metric, other.target, other.pairs) and bool(one.pairs)


def _named(headline: Asked, other: Asked) -> str:
    """On another metric, where the comparisons are those of the headline; else the title of their table."""
    assert other.specification is not None
    name = METRICS[other.metric]
    of = f" of target {other.target}" if other.target else ""
    if headline.pairs == other.pairs:
        return f"On {name}{of}"
    return f"“{other.specification.title}” on {name}{of}"


def _effects(part: Part) -> tuple[str, ...]:
    told = []
    for specification in part.specifications:
        if specification.kind == "effects":
            try:
                grid, metric = full_grid(specification, chosen(specification, part.results)), specification.metrics[0]
            except NoFullGrid:  # the table says so
                continue
            effects = effects_of(grid, metric, specification.target)
            if effects is not None:
                rows, columns = grid.rows.title, grid.columns.title
                named = ((rows, effects.rows), (columns, effects.columns), ("their interaction", effects.interaction))
                said = ", ".join(f"{name} {p_text(effect.corrected_p)}" for name, effect in named)
                told.append(f"Effects on {METRICS[metric]}, corrected F: {said}.")
    return tuple(told)


def _order(phrase: str) -> int:
    words = ("supported better", "supported worse", "suggested better", "suggested worse", "equivalent", "unsure")
    return words.index(phrase) if phrase in words else len(words)
