"""The grid strategy: every combination of the scientific factors, each distinct configuration once.

Combinations that mean the same (every fusion without metadata is `none`) canonicalise to one configuration.
"""

import itertools
from typing import Any

from searchspace.points import configuration_at
from searchspace.study import Factors, Study, Subsets
from trainables.configuration import Configuration


def expand(study: Study) -> dict[str, Configuration]:
    """Return the distinct configurations of a study by label, in the order in which the study names them.

    Raises:
        InputError: a factor that is no setting, or a combination that is impossible.
    """
    found: dict[str, Configuration] = {}
    for grid in study.grids:
        for point in _points(grid):
            configuration = configuration_at(study, point)
            found.setdefault(configuration.identifier, configuration)
    varied = sorted({factor for grid in study.grids for factor in grid} - {"fusion.name", "metadata.fields"})
    labelled: dict[str, Configuration] = {}
    for configuration in found.values():
        name = label(configuration, varied)
        # Rates that differ in their fourth digit only read the same.
        labelled[name if name not in labelled else f"{name} ({configuration.identifier})"] = configuration
    return labelled


def level(configuration: Configuration, factor: str) -> Any:
    """Return the canonical value of a dotted setting, or None where it has no effect."""
    value: Any = configuration.canonical()
    for part in factor.split("."):
        value = value.get(part) if isinstance(value, dict) else None
    return value


def _points(grid: Factors) -> list[dict[str, Any]]:
    values = [_levels(levels) for levels in grid.values()]
    return [dict(zip(grid, combination, strict=True)) for combination in itertools.product(*values)]


def _levels(levels: Subsets | list[Any]) -> list[Any]:
    if isinstance(levels, list):
        return levels
    names = levels.subsets
    return [list(chosen) for size in range(len(names) + 1) for chosen in itertools.combinations(names, size)]


def label(configuration: Configuration, varied: list[str]) -> str:
    """Name a configuration as people say it: `image only`, `concat age+site`, then every other factor that varies."""
    fields = configuration.canonical()["metadata"].get("fields", [])
    parts = [f"{configuration.fusion_name} {'+'.join(fields)}" if fields else "image only"]
    parts += [
        _said(factor, level(configuration, factor)) for factor in varied if level(configuration, factor) is not None
    ]
    return ", ".join(parts)


def _said(factor: str, value: Any) -> str:
    """Say a level as people do: `densenet161`, `depth 2`."""
    text = f"{value:.3g}" if isinstance(value, float) else str(value)
    return text if factor.endswith(".name") else f"{factor.rpartition('.')[2].replace('_', ' ')} {text}"
