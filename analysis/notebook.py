"""The analysis in a notebook, without Ray and without torch.

import analysis

run = analysis.load("runs/ham10000-screen")
run.scores.query("metric == 'mcr'")
analysis.compare(run, {"fusion.name": "none"})
analysis.table(run, kind="ablation", rows="metadata.fields", columns="fusion.name", reference={"fusion.name": "none"})
"""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd

from analysis.errors import AnalysisError
from analysis.frames import Frames
from analysis.loading import load_run
from analysis.run import Part, Run, specifications
from analysis.tables import Table, TableSpecification, build_tables

TITLES = {
    "per-class-recall": "Recall by class",
    "per-class-precision": "Precision by class",
    "per-class-f1": "F1 by class",
    "per-class-auc": "AUC by class",
    "per-class-average-precision": "Average precision by class",
    "comparisons": "Comparisons with the reference",
    "per-target": "Scores by target",
    "heads": "Scores by head",
    "effects": "Effects of two factors",
    "arms": "Scores across arms",
}
"""What a table is called unless `title` says it; of the other kinds the kind."""


def load(folder: str | Path, study: str | None = None, *, replicates: int = 0) -> Frames:
    """Read a run folder or a ledger.

    Args:
        folder: local, or a URI.
        study: of a ledger that holds several, which; or a study file whose tables are used.
        replicates: of the bootstrap, at least 100; 0, the default, leaves its intervals out, 10,000 is what the report
            takes.

    Raises:
        AnalysisError: there is neither a run nor a ledger, or its fold fits cannot be evaluated.
    """
    return Frames(load_run(folder, study, replicates=replicates))


def compare(
    run: Frames | Run,
    reference: Mapping[str, Any],
    *,
    metric: str = "mcr",
    where: Mapping[str, Any] | None = None,
    target: str | None = None,
    alpha: float = 0.05,
    rope: float | None = None,
    part: str | None = None,
) -> pd.DataFrame:
    """Compare every configuration with a reference, paired by fold: difference, intervals, p values, ROPE, verdict.

    One row per comparison; p values are adjusted by Holm over all of them. Fractions, other minus reference.

    Args:
        run: from `load`.
        reference: dotted settings that pick one configuration, as `{"fusion.name": "none"}`; values may be those of
            `run.configurations`, as `"age+sex"` for a list.
        metric: as in a study's tables.
        where: keep the configurations with these settings; the reference stays.
        target: of a cohort with several; None: their mean.
        alpha: level of the family.
        rope: half-width of practical equivalence, a fraction; None: 0.01, of AUC 0.005.
        part: which arm, where the study has some.

    Raises:
        AnalysisError: the reference picks none or several, or a setting, metric or part is unknown.
    """
    ropes = {} if rope is None else {"rope": rope, "rope_auc": rope}
    for name, settings in (("reference", reference), ("where", where or {})):
        if not isinstance(settings, Mapping):
            raise AnalysisError(f'{name}={settings!r}: give dotted settings, as {{"fusion.name": "none"}}')
    given = {"reference": dict(reference), "where": dict(where or {}), "target": target, "alpha": alpha, **ropes}
    (found,) = _built(run, part, kind="comparisons", metrics=[metric], **given)
    return pd.DataFrame([row for row in found.records if not row["is_reference"]])


def table(run: Frames | Run, *, part: str | None = None, **settings: Any) -> Table:
    """Return one table; in a notebook it shows as HTML, printed as Markdown, and `.frame()` is its pandas frame.

    Args:
        run: from `load`.
        part: which arm, where the study has some.
        settings: those of a table in a study file: `kind`, `rows`, `columns`, `reference`, `where`, `metric` or
            `metrics` (with several, the table of the first), `published`, `title`, ...; kind `arms` stands across
            all arms.

    Raises:
        AnalysisError: a setting is unknown or does not fit the configurations.
    """
    if "metric" in settings:
        settings["metrics"] = [settings.pop("metric")]
    return _built(run, part, **settings)[0]


def _built(run: Frames | Run, part: str | None, **settings: Any) -> tuple[Table, ...]:
    whole = run.run if isinstance(run, Frames) else run
    if not isinstance(whole, Run):
        raise AnalysisError(f"run={whole!r}: give what analysis.load returned")
    kind = str(settings.get("kind", "ablation"))
    named = {"name": "table", "title": TITLES.get(kind, kind.capitalize() or "Table"), **settings}
    specified = specifications([named], f"study {whole.manifest.study}")
    if specified[0].kind == "arms":
        return _across(whole, part, specified[0])
    chosen = _part(whole, part)
    if chosen.context is None:
        raise AnalysisError(f"study {whole.manifest.study}: the ledger holds none of its fold fits yet")
    return build_tables(specified, chosen.results, chosen.context)


def _across(run: Run, part: str | None, specification: TableSpecification) -> tuple[Table, ...]:
    if part is not None:
        raise AnalysisError(f"part={part}: a table of kind arms stands across all of them; leave part out")
    tables = replace(run, across=(specification,)).tables_across
    if len({part.planned.name for part in run.parts if part.context is not None}) < 2:
        raise AnalysisError(f"study {run.manifest.study}: kind arms needs at least two arms with fold fits")
    return tables


def _part(run: Run, name: str | None) -> Part:
    if name is None and len(run.parts) == 1:
        return run.parts[0]
    names = [part.planned.name or part.planned.role for part in run.parts]
    if name is None and run.parts[0].planned.role == "search":
        return run.parts[0]
    if name not in names:
        raise AnalysisError(f"part={name}: name one of {', '.join(names)}")
    return run.parts[names.index(name)]
