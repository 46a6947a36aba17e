"""Mean ranks over cohorts, with groups of configurations of which no pair differs: only from three cohorts on.

The pairs are compared by Wilcoxon's test over cohorts with Holm's correction, not by Nemenyi's: a difference of mean
ranks depends on who else is in the diagram (Benavoli, Corani and Mangili 2016). Folds of one cohort are no blocks.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from matplotlib.figure import Figure
from scipy import stats

from analysis.figures.base import INK, MAIN, RULE, Drawn, draw
from analysis.figures.marks import bare, wrapped
from analysis.run import Part, Run
from analysis.statistics.across_cohorts import FEWEST, friedman, pairwise_wilcoxon
from analysis.tables.arms import matched

NAME = "critical_difference"
ALPHA = 0.05


@dataclass(frozen=True)
class MeanRank:
    """One configuration: its mean rank over cohorts (1 is best) and its rank in each of them."""

    label: str
    mean: float
    ranks: tuple[float, ...]


@dataclass(frozen=True)
class CriticalDifference:
    """Configurations by mean rank; `groups` are first and last place of each largest run without a differing pair.

    `p` is that of Friedman's test with Iman and Davenport's F, `smallest_p` what the test of a pair can reach before
    Holm's correction.
    """

    cohorts: tuple[str, ...]
    ranked: tuple[MeanRank, ...]
    groups: tuple[tuple[int, int], ...]
    n_different: int
    p: float
    smallest_p: float


def critical_difference_info(parts: Sequence[Part]) -> CriticalDifference | None:
    """Return the ranks by MCR over the cohorts of a run, None with fewer than three, or than two configurations.

    A cohort that stands in several arms counts once, by its first; a configuration that is not complete on every
    cohort takes no part.
    """
    started = [part for part in parts if part.context is not None and any(one.complete for one in part.results)]
    first = {part.planned.fingerprint: part for part in reversed(started)}
    arms = [part for part in started if first[part.planned.fingerprint] is part]
    results = {part.planned.fingerprint: [one for one in part.results if one.complete] for part in arms}
    rows = [row for row in matched(results) if len(row) == len(arms)]
    if len(arms) < FEWEST or len(rows) < 2:
        return None
    scores = np.array([[row[cohort].scores_of("mcr").estimate for row in rows] for cohort in results])
    overall, pairs = friedman(scores), pairwise_wilcoxon(scores)
    ranks = np.array([stats.rankdata(-one) for one in np.round(scores, 12)])
    order = sorted(range(len(rows)), key=lambda place: overall.mean_ranks[place])
    different = {
        frozenset((order.index(pair.first), order.index(pair.second))) for pair in pairs if pair.p_holm < ALPHA
    }
    labels = [next(iter(row.values())).label for row in rows]
    return CriticalDifference(
        cohorts=tuple(part.context.cohort.name for part in arms if part.context is not None),
        ranked=tuple(
            MeanRank(labels[place], overall.mean_ranks[place], tuple(ranks[:, place].tolist())) for place in order
        ),
        groups=joined(len(rows), different),
        n_different=len(different),
        p=overall.p,
        smallest_p=min(pair.smallest_p for pair in pairs),
    )


def joined(count: int, different: set[frozenset[int]]) -> tuple[tuple[int, int], ...]:
    """Return first and last place of every largest run of places of which no pair is in `different`."""
    runs: list[tuple[int, int]] = []
    for start in range(count):
        end = start
        while end + 1 < count and not any(frozenset((one, end + 1)) in different for one in range(start, end + 1)):
            end += 1
        if end > start and (not runs or runs[-1][1] < end):
            runs.append((start, end))
    return tuple(runs)


def paint_critical_difference(figure: Figure, info: CriticalDifference) -> None:
    """Draw one line per configuration, and at right a bar for each group."""
    axes = figure.add_subplot()
    for place, one in enumerate(info.ranked):
        axes.plot(one.ranks, [place] * len(one.ranks), "|", color=RULE, markersize=9)
        axes.plot(one.mean, place, "o", color=MAIN, markersize=7)
    for number, (start, end) in enumerate(info.groups):
        across = len(info.ranked) + 0.25 + 0.12 * number * len(info.ranked) / 4
        axes.plot((across, across), (start - 0.2, end + 0.2), color=INK, linewidth=3, solid_capstyle="butt")
    axes.set_yticks(
        range(len(info.ranked)), [f"{wrapped(one.label, 40, lines=1)}  {one.mean:.2f}" for one in info.ranked]
    )
    axes.set_ylim(len(info.ranked) - 0.5, -0.5)
    axes.set_xticks(range(1, len(info.ranked) + 1))
    axes.set_xlabel("rank by MCR (1 is best)")
    axes.tick_params(axis="y", length=0)
    bare(axes, "bottom")


def build(run: Run) -> tuple[Drawn, ...]:
    """Return the diagram of a run over three cohorts or more; nothing of any other run."""
    info = critical_difference_info([part for part in run.parts if part.planned.role == "grid"])
    if info is None:
        return ()
    height = 1.0 + 0.3 * len(info.ranked)
    svg, pdf = draw(NAME, (7.2, height), lambda figure: paint_critical_difference(figure, info))
    n_pairs = len(list(combinations(info.ranked, 2)))
    return (
        Drawn(
            name=NAME,
            title="Mean ranks over cohorts",
            caption=(
                f"Point: mean rank over {len(info.cohorts)} cohorts ({', '.join(info.cohorts)}); short lines: the rank "
                f"in each. Friedman's test with Iman and Davenport's F: p = {info.p:.3g}. Bars at right join groups of "
                f"which no pair differs by Wilcoxon's test over cohorts after Holm's correction ({info.n_different} of "
                f"{n_pairs} pairs differ at {ALPHA}). With so many cohorts a pair cannot reach a p below "
                f"{info.smallest_p:.3g} before the correction: being joined is no proof of being alike."
            ),
            alternative=(
                "Mean ranks: "
                + "; ".join(f"{one.label} {one.mean:.2f}" for one in info.ranked)
                + f". Friedman p = {info.p:.3g}; {info.n_different} of {n_pairs} pairs differ."
            ),
            section="comparisons",
            svg=svg,
            pdf=pdf,
        ),
    )
