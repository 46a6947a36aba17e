"""What a search came to, beside its tables: how its trials ended and why, what was spent, and if it can be repeated."""

from collections import Counter
from collections.abc import Sequence

from rich.console import Console

from analysis.boundaries import boundary_warnings
from analysis.importances import Importances, write_importances
from searchspace.exploration import Exploration
from searchspace.search import Entry, importances, verify
from searchspace.search.verdicts import differing_scores
from searchspace.workspace import DATABASE, Workspace

NAME = "search_summary.md"
MOST = 500
"""Trials above which sampling them all again would take minutes."""


def show_search(
    exploration: Exploration, workspace: Workspace, console: Console, confirmed: Sequence[str] = ()
) -> None:
    """Print the summary of a search and write it beside the tables; `confirmed` are the finalists on other folds.

    The importances of the dimensions, which need Optuna, are stored for the report.
    """
    entries = exploration.proposer.entries
    found = importances(entries)
    write_importances(workspace.storage, found)
    lines = [
        *summary(exploration),
        *map(_important, found),
        *(f"edge of the space: {line}" for line in boundary_warnings(entries)),
        *(f"confirmed: {line}" for line in confirmed),
    ]
    workspace.storage.write(f"tables/{NAME}", _markdown(exploration, lines).encode())
    console.print()
    for line in lines:
        console.print(line, markup=False, highlight=False)
    if workspace.storage.local is not None:
        console.print(
            f"database     optuna-dashboard sqlite:///{workspace.scratch / DATABASE}", markup=False, highlight=False
        )


def summary(exploration: Exploration) -> list[str]:
    """Return the lines of the summary."""
    entries = exploration.proposer.entries
    run = [entry for entry in entries if entry.handed_out]
    spent, full = sum(len(entry.folds) for entry in run), exploration.folds * len(run)
    lines = [
        f"search: {_ends(run)}",
        f"fold fits: {spent} of the {full} that all trials have ({spent / max(1, full):.0%})",
        *_skipped(entries),
        *(f"ended: {exploration.proposer.finished}" for _ in [0] if exploration.proposer.finished),
        *_limits(run),
        *_verified(exploration),
        *(f"damaged: {line}" for line in exploration.proposer.damaged),
    ]
    return lines


def _ends(run: list[Entry]) -> str:
    states = Counter(_end(entry) for entry in run)
    return f"{len(run)} trials: " + ", ".join(f"{count} {state}" for state, count in sorted(states.items()))


def _end(entry: Entry) -> str:
    if entry.state == "pruned" and entry.dropped is not None:
        return f"dropped by {entry.dropped['rule']}"
    return entry.state


def _skipped(entries: list[Entry]) -> list[str]:
    skipped = [entry for entry in entries if entry.state == "skipped"]
    if not skipped:
        return []
    reasons = Counter("known already" if "same configuration" in str(e.reason) else "impossible" for e in skipped)
    told = ", ".join(f"{count} {reason}" for reason, count in sorted(reasons.items()))
    return [f"skipped suggestions: {told}"]


def _limits(run: list[Entry]) -> list[str]:
    """Say how many trials break a limit of `strategy.constraints`; they stay in the tables and are not confirmed."""
    over = [entry for entry in run if not entry.feasible]
    return [f"over a limit: {len(over)} of {len(run)} trials; they are not confirmed"] if over else []


def _important(one: Importances) -> str:
    ranked = sorted(one.shares.items(), key=lambda share: -share[1])
    told = ", ".join(f"{name} {share:.0%}" for name, share in ranked)
    blind = f"; not judged: {', '.join(one.left_out)}" if one.left_out else ""
    return f"importances by {one.evaluator} ({one.settings}): {told}{blind}"


def _verified(exploration: Exploration) -> list[str]:
    """Ask again in the recorded order, and say whether the suggestions follow from the record; of a replay, scores too.

    A replay is checked against the order of the search that it repeats: its own trials may have ended in another one.
    """
    assert exploration.plan.space is not None
    entries, replayed = exploration.proposer.entries, exploration.replayed
    recorded = entries if replayed is None else replayed
    lines = []
    if len(recorded) <= MOST:
        differences = verify(recorded, exploration.plan.space, exploration.settings)
        lines = [_said("suggestions", f"asked again in their order, all {len(recorded)} are the same", differences)]
    if replayed is not None:
        fits = sum(len(entry.folds) for entry in replayed)
        differences = differing_scores(entries, replayed)
        lines.append(_said("replayed", f"all {fits} fold fits have the recorded scores", differences))
    return lines


def _said(what: str, same: str, differences: list[str]) -> str:
    return f"{what}: {same}" if not differences else f"{what}: {len(differences)} differ; the first: {differences[0]}"


def _markdown(exploration: Exploration, lines: list[str]) -> str:
    numbers = {entry.configuration: entry.number for entry in exploration.proposer.entries if entry.handed_out}
    rows = [
        f"| {entry.number} | {entry.label} | {_end(entry)} | {_score(entry)} | {len(entry.folds)} "
        f"| {_why(entry, numbers)} |"
        for entry in exploration.proposer.entries
        if entry.handed_out
    ]
    head = ["| trial | configuration | end | MCR, % | fold fits | why |", "| ---: | --- | --- | ---: | ---: | --- |"]
    told = [f"- {line}" for line in lines]
    return "\n".join([f"# Search {exploration.plan.study.name}", "", *told, "", *head, *rows, ""])


def _score(entry: Entry) -> str:
    return f"{100 * entry.value:.1f}" if entry.value is not None else "–"


def _why(entry: Entry, numbers: dict[str | None, int]) -> str:
    over = [f"{name} {share:+.0%} over its limit" for name, share in entry.constraints.items() if share > 0]
    if over:
        return ", ".join(over)
    if entry.dropped is None:
        return (entry.reason or "").replace("|", "/")
    evidence = entry.dropped["evidence"]
    if "difference" in evidence:
        rival = numbers.get(evidence["incumbent"], evidence["incumbent"])
        return (
            f"{100 * evidence['difference']:+.1f} points against trial {rival} on the same folds; "
            f"threshold {100 * evidence['threshold']:+.1f}"
        )
    if "rank" in evidence:
        return (
            f"rank {evidence['rank']} of {evidence['reached']} at epoch {evidence['epoch']}, {evidence['kept']} go on"
        )
    return str(evidence.get("reason") or "").replace("|", "/")
