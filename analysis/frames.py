"""A run as tidy pandas frames, for notebooks: one row per thing, fractions, nothing rounded.

run = analysis.load("runs/ham10000-screen")
run.configurations   one row per configuration; here and in the next three the settings that differ are columns
run.scores           one row per configuration, target and metric, with its intervals
run.folds            one row per fold fit, target and metric
run.curves           one row per epoch of a fold fit
run.predictions()    one row per evaluated sample of a fold fit
"""

from collections.abc import Iterator
from functools import cached_property
from typing import Any

import pandas as pd

from analysis.errors import AnalysisError
from analysis.evaluation import ConfigurationResult
from analysis.inference import differing
from analysis.run import Part, Run
from analysis.scoring import METRICS
from analysis.tables.contrasts import scored
from analysis.tables.dimensions import Dimension, dimension, flat
from analysis.tables.records import record

MEAN = "mean over targets"


class Frames:
    """The frames of a run; each is built when it is first asked for. `run` is the run itself."""

    def __init__(self, run: Run) -> None:
        self.run = run

    def __repr__(self) -> str:
        """Say what was loaded, in one line."""
        count = sum(len(part.results) for part in self.run.parts)
        done = sum(len(result.metrics) for part in self.run.parts for result in part.results)
        return f"<study {self.run.manifest.study}: {count} configurations, {done} fold fits done>"

    @cached_property
    def configurations(self) -> pd.DataFrame:
        """One row per configuration: its identifier and label, the settings that differ, folds done and planned."""
        rows = [
            {
                **self._of(part, result),
                "folds_done": len(result.metrics),
                "folds_planned": len(result.planned),
                "dropped": result.dropped,
            }
            for part, result in self._results()
        ]
        return pd.DataFrame(rows)

    @cached_property
    def scores(self) -> pd.DataFrame:
        """One row per configuration, target and metric: estimate, fold SD, every interval, and how much is behind it.

        Incomplete configurations have no scores. Columns are those of the tables' `_long.csv` without comparisons;
        `folds` has the score of each fold.
        """
        rows = []
        for part, result in self._results():
            for metric in METRICS:
                for target in self._targets(result):
                    if scored(result, metric, target) is None:
                        continue
                    row = record(result, metric, target, None, is_reference=False)
                    kept = {name: value for name, value in row.items() if name not in CONTRAST | {"fold_scores"}}
                    rows.append(self._of(part, result) | kept)
        return pd.DataFrame(rows)

    @cached_property
    def folds(self) -> pd.DataFrame:
        """One row per fold fit, target and metric: its score, with the numbers of samples evaluated and trained on."""
        rows = [
            {
                **self._of(part, result),
                "repeat": repeat,
                "fold": fold,
                "target": target,
                "metric": metric,
                "score": getattr(found, metric),
                "n_test": result.n_test[repeat, fold],
                "n_train": result.n_train[repeat, fold],
            }
            for part, result in self._results()
            for (repeat, fold), targets in sorted(result.metrics.items())
            for target, found in targets.items()
            for metric in METRICS
        ]
        return pd.DataFrame(rows)

    @cached_property
    def curves(self) -> pd.DataFrame:
        """One row per epoch of a fold fit: loss, learning rate, and what the inner validation part scored."""
        rows = [
            {
                **self._of(part, result),
                "repeat": repeat,
                "fold": fold,
                "epoch": epoch["epoch"],
                "loss": epoch["loss"],
                "learning_rate": epoch["learning_rate"],
                **{f"inner_{name}": value for name, value in (epoch.get("inner") or {}).items()},
            }
            for part, result in self._results()
            for (repeat, fold), history in sorted(result.histories.items())
            for epoch in history
        ]
        return pd.DataFrame(rows)

    def predictions(self, target: str | None = None) -> pd.DataFrame:
        """Return one row per evaluated sample of a fold fit: group, truth, decision and one probability per class.

        Args:
            target: of a cohort with several; the only one otherwise.

        Raises:
            AnalysisError: the target is unknown, or not named where there are several.
        """
        return pd.concat(self._predictions(target), ignore_index=True)

    def _predictions(self, target: str | None) -> Iterator[pd.DataFrame]:
        for part, result in self._results():
            name = _target(result, target)
            classes = pd.Index(result.targets[name])
            for (repeat, fold), one in sorted(result.predictions.items()):
                frame = pd.DataFrame({"sample": one.samples, "group": one.groups})
                frame["truth"], frame["decision"] = classes[one.labels[name]], classes[one.decisions(name)]
                frame[[f"probability:{each}" for each in classes]] = one.probabilities[name]
                place = {**_named(part, result), "repeat": repeat, "fold": fold}
                for position, (column, value) in enumerate(place.items()):
                    frame.insert(position, column, value)
                yield frame

    def _results(self) -> Iterator[tuple[Part, ConfigurationResult]]:
        return ((part, result) for part in self.run.parts for result in part.results)

    @cached_property
    def _settings(self) -> dict[str, dict[str, Any]]:
        """The settings that differ, by configuration, as `configurations` shows them."""
        results = [result for _, result in self._results()]
        settings = {result.identifier: flat(result.configuration) for result in results}
        found = [dimension(name, results) for name in differing(list(settings.values()))]
        return {known: {of.name: _printed(of, one.get(of.name)) for of in found} for known, one in settings.items()}

    def _of(self, part: Part, result: ConfigurationResult) -> dict[str, Any]:
        """Return the columns that say which configuration a row is of, its settings last."""
        return {**_named(part, result), **self._settings[result.identifier]}

    @staticmethod
    def _targets(result: ConfigurationResult) -> list[str | None]:
        return [*result.targets, None] if len(result.targets) > 1 else list(result.targets)


CONTRAST = frozenset(
    {
        "is_reference", "reference", "difference", "difference_max_se_low", "difference_max_se_high",
        "difference_nb_low", "difference_nb_high", "p_nb", "p_nb_holm", "p_max_se", "p_max_se_holm",
        "rope", "p_worse", "p_equivalent", "p_better", "verdict",
    }
)  # fmt: skip


def _named(part: Part, result: ConfigurationResult) -> dict[str, Any]:
    return {"part": part.planned.name, "configuration": result.identifier, "label": result.label}


def _printed(of: Dimension, value: Any) -> Any:
    """Return a list as text; an empty or absent list of names is `none`, so that no row falls out of a grouping."""
    if of.is_subset:
        return "+".join(value or ()) or "none"
    return "+".join(map(str, value)) if isinstance(value, list) else value


def _target(result: ConfigurationResult, target: str | None) -> str:
    known = list(result.targets)
    if target is None and len(known) == 1:
        return known[0]
    if target not in known:
        raise AnalysisError(f"target={target}: name one of {', '.join(known)}")
    return target
