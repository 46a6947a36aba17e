"""Leak audit: the same configurations on the same samples under different fold plans, and what share leaks in each."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from analysis.evaluation import ConfigurationResult
from analysis.figures.base import INK, MAIN, RULE, SECOND, Drawn, draw
from analysis.figures.marks import bare, points, span, wrapped
from analysis.figures.selection import printed_interval
from analysis.run import Part, Run
from analysis.statistics.comparisons import over_same_samples
from analysis.tables.arms import matched
from analysis.tables.formatting import decimals, score_digits

NAME = "leak_audit"
STYLES = ((MAIN, ""), (SECOND, "///"), (RULE, "..."), (INK, "xxx"))
"""Colour and hatching of each arm."""
MOST_ROWS = 12


@dataclass(frozen=True)
class LeakArm:
    """One arm: its fold plan, and the share (percent) of evaluated samples with a sibling in the training part.

    `digits` are the decimals of its scores in the tables.
    """

    name: str
    plan: str
    leak: float
    digits: int = 1


@dataclass(frozen=True)
class LeakBar:
    """The MCR of one configuration in one arm, in percent, with its 95 % interval.

    `difference` to the first arm, with its interval, where both evaluated the same samples.
    """

    arm: int
    mcr: float
    interval: tuple[float, float]
    method: str
    difference: tuple[float, float, float] | None


@dataclass(frozen=True)
class LeakAudit:
    """Arms, the one that leaks least first, and by configuration their bars; `left_out`: configurations not shown."""

    arms: tuple[LeakArm, ...]
    rows: tuple[tuple[str, tuple[LeakBar, ...]], ...]
    left_out: int


def leak_info(parts: Sequence[Part]) -> LeakAudit | None:
    """Return the audit of parts on one cohort, or None where fewer than two fold plans have scores.

    Configurations stand in the order of the study.
    """
    started = [part for part in parts if part.context is not None and any(one.complete for one in part.results)]
    arms = sorted(((_arm(part), part) for part in started), key=lambda pair: pair[0].leak)
    if len({arm.plan for arm, _ in arms}) < 2:
        return None
    results = {arm.name: [one for one in part.results if one.complete] for arm, part in arms}
    by_label = {row_label(row): row for row in matched(results) if len(row) > 1}
    order = [one.label for part in parts for one in part.results if one.label in by_label]
    labels = list(dict.fromkeys(order))
    names = [arm.name for arm, _ in arms]
    rows = tuple((label, _bars(names, by_label[label])) for label in labels[:MOST_ROWS])
    return LeakAudit(tuple(arm for arm, _ in arms), rows, len(labels) - len(rows)) if rows else None


def row_label(row: Mapping[str, ConfigurationResult]) -> str:
    """Return the label of a configuration that several arms share."""
    return next(iter(row.values())).label


def paint_leak(figure: Figure, audit: LeakAudit) -> None:
    """Draw the scores at left and what leaks at right."""
    left, right = figure.subplots(1, 2, width_ratios=(4.2, 1))
    _paint_scores(left, audit)
    for place, arm in enumerate(audit.arms):
        colour, hatch = STYLES[place % len(STYLES)]
        right.barh(place, arm.leak, 0.7, facecolor=colour, hatch=hatch, edgecolor="white", linewidth=0)
        right.text(arm.leak, place, f" {arm.leak:.0f} %", va="center", fontsize=8)
    right.set_yticks([])
    right.set_ylim(len(audit.arms) - 0.4, -0.6)
    right.set_xlim(0, 1.45 * max(1.0, *(arm.leak for arm in audit.arms)))
    right.set_xticks([])
    right.set_title("samples\nthat leak", fontsize=9, loc="left")
    bare(right, "left")
    _paint_key(figure, audit)


def build(run: Run) -> tuple[Drawn, ...]:
    """Return the audit of each cohort whose arms differ in fold plan; nothing of any other run."""
    cohorts = dict.fromkeys(part.planned.fingerprint for part in run.parts if part.planned.role == "grid")
    groups = [
        [part for part in run.parts if part.planned.role == "grid" and part.planned.fingerprint == cohort]
        for cohort in cohorts
    ]
    audits = [audit for group in groups if (audit := leak_info(group)) is not None]
    return tuple(
        _drawn(NAME if len(audits) == 1 else f"{NAME}_{number}", audit) for number, audit in enumerate(audits, 1)
    )


def _paint_key(figure: Figure, audit: LeakAudit) -> None:
    """Say under both panels which colour and hatching is which arm, and its fold plan where the name is another."""
    handles = []
    for place, arm in enumerate(audit.arms):
        colour, hatch = STYLES[place % len(STYLES)]
        told = arm.name if arm.name == arm.plan else f"{arm.name} ({arm.plan})"
        handles.append(Patch(facecolor=colour, hatch=hatch, edgecolor="white", linewidth=0, label=wrapped(told, 30)))
    figure.legend(handles=handles, loc="outside lower left", ncols=4, frameon=False, fontsize=8)


def _arm(part: Part) -> LeakArm:
    assert part.context is not None
    digits = score_digits(part.results, "mcr", None)
    return LeakArm(part.planned.name, part.context.folds.plan, 100.0 * part.context.leak_share, digits)


def _bars(names: Sequence[str], row: Mapping[str, ConfigurationResult]) -> tuple[LeakBar, ...]:
    bars = []
    first = next(name for name in names if name in row)
    for place, name in enumerate(names):
        if name not in row:
            continue
        scores = row[name].scores_of("mcr")
        low, high, method = printed_interval(scores)
        found = over_same_samples(row[first].scores_of("mcr"), scores) if name != first else None
        difference = (100 * found.estimate, 100 * found.low, 100 * found.high) if found else None
        bars.append(LeakBar(place, 100 * scores.estimate, (low, high), method, difference))
    return tuple(bars)


def _paint_scores(axes: Axes, audit: LeakAudit) -> None:
    thick = 0.8 / len(audit.arms)
    for place, (_, bars) in enumerate(audit.rows):
        for bar in bars:
            at = place + (bar.arm - (len(audit.arms) - 1) / 2) * thick
            colour, hatch = STYLES[bar.arm % len(STYLES)]
            axes.barh(at, bar.mcr, 0.92 * thick, facecolor=colour, hatch=hatch, edgecolor="white", linewidth=0)
            axes.plot(bar.interval, (at, at), color=INK, linewidth=1.1, solid_capstyle="butt")
            axes.annotate(
                _told(audit, bar), (bar.interval[1], at), (4, 0), textcoords="offset points", va="center", fontsize=7.5
            )
    axes.set_yticks(range(len(audit.rows)), [wrapped(label, 30) for label, _ in audit.rows])
    axes.set_ylim(len(audit.rows) - 0.45, -0.55)
    axes.set_xticks(range(0, 101, 20))
    axes.set_xlim(0, 1.6 * max(bar.interval[1] for _, bars in audit.rows for bar in bars))
    axes.set_xlabel("MCR, %")
    axes.tick_params(axis="y", length=0)
    bare(axes, "bottom")


def _told(audit: LeakAudit, bar: LeakBar) -> str:
    """The score of a bar, and in brackets its difference."""
    score = points(bar.mcr, digits=audit.arms[bar.arm].digits)
    return f"{score} ({_signed(bar.difference)})" if bar.difference else score


def _signed(difference: tuple[float, float, float]) -> str:
    digits = decimals([(difference[2] - difference[1]) / 200])
    return f"{points(difference[0], signed=True, digits=digits)} {span(difference[1:], digits=digits)}"


def _drawn(name: str, audit: LeakAudit) -> Drawn:
    rows = len(audit.rows)
    height = 1.15 + rows * max(0.36, 0.19 * len(audit.arms))
    svg, pdf = draw(name, (7.2, max(2.2, height)), lambda figure: paint_leak(figure, audit))
    more = f" The first {rows} of {rows + audit.left_out} configurations." if audit.left_out else ""
    return Drawn(
        name=name,
        title="What a leaking fold plan adds to the score",
        caption=(
            "Bars: MCR of each configuration under each fold plan, with its 95 % interval "
            f"({audit.rows[0][1][0].method}). In brackets: difference in percentage points to the arm that "
            f"leaks least ({audit.arms[0].name}) on the same samples, with a 95 % interval "
            "from the paired influences of each sample, clustered by group; retraining noise is not seen and "
            "nothing is tested. At right: share of evaluated samples with a sibling of their group (the same lesion or "
            "patient) among the samples that the model was fitted on. A part of the training folds that is kept aside "
            "to watch the training does not count, so the share is below that of samples with a sibling in another "
            f"fold.{more}"
        ),
        alternative=_alternative(audit),
        section="results",
        svg=svg,
        pdf=pdf,
    )


def _alternative(audit: LeakAudit) -> str:
    arms = "; ".join(f"{arm.name} ({arm.plan}) {arm.leak:.0f} %" for arm in audit.arms)
    told = []
    for label, bars in audit.rows:
        scores = [f"{audit.arms[bar.arm].name}, percent: {_told(audit, bar)}" for bar in bars]
        told.append(f"{label}: {', '.join(scores)}")
    return f"Leaking samples: {arms}. MCR: {'; '.join(told)}."
