"""The verdict in words: a few sentences for each part of a run, from its numbers and from nothing else.

What came out best, and what comes near; how it differs from its reference, with the word that the tests earned; how the
comparisons of other metrics and tables ended; how much was tried. A sentence never says more than the verdict: *unsure*
is said, and the best of many is called optimistic.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from analysis.evaluation import ConfigurationResult
from analysis.report.further_verdicts import Asked, families, further_sentences, p_text
from analysis.report.sections import in_order
from analysis.run import Part, Run
from analysis.scores import MetricScores
from analysis.scoring import LEADING, METRICS
from analysis.statistics.intervals import Interval
from analysis.tables.caption import LONG_NAMES, data_sentence, plain_method
from analysis.tables.context import StudyContext
from analysis.tables.contrasts import Contrast, references
from analysis.tables.formatting import cell_text, decimals, difference_digits, plural, score_digits, was
from analysis.tables.leaderboard import ranked
from analysis.tables.table import Cell, Column

AGAIN = "Confirmed again, on a re-split of searched data"
SEARCHED = "In the search"


@dataclass(frozen=True)
class Paragraph:
    """The verdict of one part of a run: `heading` is its arm or role, empty where there is one part."""

    heading: str
    sentences: tuple[str, ...]
    warnings: tuple[str, ...] = ()


def verdict_paragraphs(run: Run) -> tuple[Paragraph, ...]:
    """Return the verdict, the confirmation of a search before the search itself."""
    parts = list(in_order(run.parts))
    if run.search:  # until it is over there is nothing to confirm
        parts = [part for part in parts if part.planned.role != "confirmation" or part.context is not None]
    return (*_between_arms(run), *(Paragraph(_heading(part, run), *_told(part)) for part in parts))


def asked_of(part: Part) -> Asked:
    """Return what a part is judged by.

    Raises:
        AnalysisError: its tables do not fit its configurations.
    """
    if declared := families(part):
        return declared[0]
    first = part.specifications[0] if part.specifications else None
    metric, target = (first.metrics[0], first.target) if first else ("mcr", None)
    return Asked(None, metric, target, tuple(part.results), {}, 0)


def _heading(part: Part, run: Run) -> str:
    if part.planned.role == "confirmation":
        return AGAIN
    return SEARCHED if part.planned.role == "search" else part.planned.name if len(run.parts) > 1 else ""


def _between_arms(run: Run) -> tuple[Paragraph, ...]:
    """Tell the differences between arms that were evaluated on the same samples, one sentence per pair of arms."""
    rows = [row for row in (run.tables_across[0].records if run.tables_across else ()) if row["difference_to_arm"]]
    sentences = []
    for base, arm in dict.fromkeys((str(row["difference_to_arm"]), str(row["arm"])) for row in rows):
        pair = [row for row in rows if (row["difference_to_arm"], row["arm"]) == (base, arm)]
        least, most = (choose(pair, key=lambda row: row["arm_difference"]) for choose in (min, max))
        name = METRICS[str(least["metric"])]
        digits = decimals((row["arm_difference_high"] - row["arm_difference_low"]) / 2 for row in pair)
        lead = f"On the same samples, {name} under {arm} minus that under {base} is"
        if len(pair) == 1:
            sentences.append(f"{lead} {_arm_points(least, digits)} for “{least['label']}”.")
        else:
            sentences.append(
                f"{lead} between {_arm_points(least, digits)} (“{least['label']}”) and {_arm_points(most, digits)} "
                f"(“{most['label']}”) over {plural(len(pair), 'configuration')}."
            )
    said = "These intervals see the samples and no retraining noise, and nothing is tested: unsure."
    return (Paragraph("Between arms", (*sentences, said)),) if sentences else ()


def _arm_points(row: Mapping[str, Any], digits: int) -> str:
    low, high = row["arm_difference_low"], row["arm_difference_high"]
    column = Column("", "difference", digits=digits)
    return cell_text(Cell(row["arm_difference"], low, high), column).replace(" [", " points [")


def _told(part: Part) -> tuple[tuple[str, ...], tuple[str, ...]]:
    if part.context is None:
        return ("There is no fold fit yet, so nothing is known: unsure.",), ()
    asked = asked_of(part)
    order = ranked(asked.results, asked.metric, asked.target)
    warnings = _warnings(part, part.context)
    if not order:
        done = sum(len(result.metrics) for result in part.results)
        planned = sum(len(result.planned) for result in part.results)
        return (
            f"No configuration has all its folds yet ({done} of {plural(planned, 'fold fit')} done), so nothing is "
            "compared: unsure.",
        ), warnings
    further = further_sentences(part, families(part)) if asked.specification else ()
    digits = score_digits(part.results, asked.metric, asked.target)
    return (
        _best(asked, order, part.context, digits),
        _difference(asked, order, digits),
        *further,
        _tried(asked, part, part.context),
    ), warnings


def _best(
    asked: Asked, order: tuple[tuple[ConfigurationResult, MetricScores], ...], context: StudyContext, digits: int
) -> str:
    result, scores = order[0]
    of = f" of target {asked.target}" if asked.target else ""
    data = data_sentence(context).removeprefix("Data: ").removesuffix(".")
    interval, name = _interval(scores), (LONG_NAMES if asked.metric in LEADING else METRICS)[asked.metric]
    score = f"{name}{of} {_percent(interval, digits)} (95\u00a0%, {plain_method(interval)}), on {data}"
    if len(asked.results) == 1:
        return f"{_quoted(result)} reaches {score}."
    some = "" if len(order) == len(asked.results) else f"{len(order)} complete ones of the "
    count = f"{some}{plural(len(asked.results), 'configuration')}"
    first = sum(pair[1].merit == scores.merit for pair in order)  # a tie has no best
    others = _quoted(order[1][0]) if first == 2 else f"{first - 1} others"
    place = "comes out best" if first == 1 else f"shares the first place with {others}"
    near = _near((order[0], *order[first:]), digits) if asked.specification else ""
    return f"Of the {count}, {_quoted(result)} {place}: {score}{near}."


def _near(order: tuple[tuple[ConfigurationResult, MetricScores], ...], digits: int) -> str:
    """Name the second where it lies in the interval of the best, and count the others that do."""
    interval = _interval(order[0][1])
    within = [pair for pair in order[1:] if interval.low <= pair[1].estimate <= interval.high]
    if not within:
        return ""
    result, scores = within[0]
    others = f", as {'does' if len(within) == 2 else 'do'} {len(within) - 1} more" if len(within) > 1 else ""
    estimate = cell_text(Cell(scores.estimate), Column("", "percent", digits=digits))
    return f"; {_quoted(result)} with {estimate}\u00a0% lies within that interval{others}"


def _difference(asked: Asked, order: tuple[tuple[ConfigurationResult, MetricScores], ...], digits: int) -> str:
    if asked.specification is None:
        return _without_reference(order, digits)
    best = order[0][0]
    compared = next((result for result, _ in order if result.identifier in asked.family), None)
    if compared is None:
        return "No comparison was possible: that takes the reference and another configuration, both complete: unsure."
    contrast = asked.family[compared.identifier]
    against = f"the reference {_quoted(contrast.reference)}"
    if compared is best:
        lead = f"Against {against} its difference is"
    elif best.identifier in {one.identifier for one in references(asked.specification, asked.results).values()}:
        lead = f"It is a reference itself; the best of the others, {_quoted(compared)}, differs from {against} by"
    else:
        lead = f"It has no reference; the best that has one, {_quoted(compared)}, differs from {against} by"
    return f"{lead} {_points(contrast, difference_digits(asked.family.values()))}: {_judged(contrast, asked)}"


def _judged(contrast: Contrast, asked: Asked) -> str:
    assert asked.specification is not None
    alpha, phrase = f"{asked.specification.alpha:g}", contrast.verdict.phrase
    tests = f"{p_text(contrast.max_se_p_holm)} by max-SE"
    if contrast.nb_p_holm is not None:
        tests = f"{p_text(contrast.nb_p_holm)} by the corrected t, {tests}"
    tests += f", Holm-adjusted among {plural(asked.size, 'comparison')}"
    rope = 100 * asked.specification.rope_of(asked.metric)
    if contrast.negligible:
        phrase += f", though within practical equivalence of ±{rope:g} points"
    if contrast.verdict.word == "supported":
        return f"{phrase} ({tests})."
    if contrast.verdict.word == "suggested" and contrast.nb_p_holm is None:
        return f"{phrase}, the most that one split can say ({tests})."
    if contrast.verdict.word == "suggested":
        return f"{phrase}, which is less than supported: only the max-SE test is below {alpha} ({tests})."
    if contrast.verdict.word == "equivalent":
        return f"equivalent, for practical purposes the same within ±{rope:g} points ({tests})."
    if contrast.comparison.constant and len(contrast.comparison.differences) > 1:
        return f"unsure: the same in every fold, so nothing is known of its spread and there is no verdict ({tests})."
    return f"unsure; these data neither show a difference nor rule one out ({tests})."


def _without_reference(order: tuple[tuple[ConfigurationResult, MetricScores], ...], digits: int) -> str:
    if len(order) == 1:
        return "There is nothing to compare it with: unsure whether anything else would do as well."
    second, scores = order[1]
    return (
        f"The study names no reference, so no difference is tested; second is {_quoted(second)} with "
        f"{_percent(_interval(scores), digits)}, and whether the two differ: unsure."
    )


def _tried(asked: Asked, part: Part, context: StudyContext) -> str:
    count = context.n_configurations
    tried = f"{plural(count, 'configuration')} {was(count)} tried on these folds"
    optimism = "" if count == 1 else ", so the score of the best one is optimistic"
    if part.planned.role == "confirmation":
        tried = f"{plural(len(part.results), 'finalist')} of the search {was(len(part.results))} trained anew"
        optimism = ""
    if not asked.family:
        return f"{tried}{optimism}."
    return f"{tried}{optimism}; of {plural(asked.size, 'comparison')} in this family: {asked.ended}."


def _warnings(part: Part, context: StudyContext) -> tuple[str, ...]:
    unfinished = sum(result.unfinished for result in part.results)
    sample, group = context.cohort.sample, context.cohort.group
    found = []
    if unfinished:
        found.append(f"INCOMPLETE: {unfinished} of {plural(len(part.results), 'configuration')} lack fold fits.")
    if context.leak_share > 0:
        found.append(
            f"LEAK: {100 * context.leak_share:.0f} % of the evaluated {sample}s have a sibling of the same {group} in "
            f"the training part; these numbers are optimistic for new {group}s."
        )
    return (*found, *(f"WARNING: {declaration}." for declaration in context.declarations))


def _interval(scores: MetricScores) -> Interval:
    return scores.clustered_interval() if scores.single_split else scores.max_se_interval()


def _percent(interval: Interval, digits: int) -> str:
    column = Column("", "percent", digits=digits)
    return cell_text(Cell(interval.estimate, interval.low, interval.high), column).replace(" [", "\u00a0% [")


def _points(contrast: Contrast, digits: int) -> str:
    interval = contrast.comparison.max_se.interval
    column = Column("", "difference", digits=digits)
    return cell_text(Cell(interval.estimate, interval.low, interval.high), column).replace(" [", " points [")


def _quoted(result: ConfigurationResult) -> str:
    return f"“{result.label}”"
