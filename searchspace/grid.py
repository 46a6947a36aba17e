"""The grid strategy: every combination of the scientific factors, each distinct configuration once.

Combinations that mean the same (every fusion without metadata is `none`) canonicalise to one configuration.
"""

import itertools
from typing import Any

from models.errors import InputError
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
            configuration = Configuration.of(_merge(study.fixed, point))
            found.setdefault(configuration.identifier, configuration)
    varied = sorted({factor for grid in study.grids for factor in grid} - {"fusion.name", "metadata.fields"})
    return {_label(configuration, varied): configuration for configuration in found.values()}


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


def _merge(fixed: dict[str, Any], point: dict[str, Any]) -> dict[str, Any]:
    """Lay the dotted settings of a grid point over the fixed sections."""
    merged = {section: dict(values) if isinstance(values, dict) else values for section, values in fixed.items()}
    for factor, value in point.items():
        section, _, name = factor.partition(".")
        if not name:
            raise InputError(
                f"scientific.{factor}: name a setting inside a section, for example fusion.name or metadata.fields"
            )
        place = merged.setdefault(section, {})
        if not isinstance(place, dict):
            raise InputError(f"fixed.{section} must hold settings, not {place!r}")
        place[name] = value
    return merged


def _label(configuration: Configuration, varied: list[str]) -> str:
    """Name a configuration as people say it: `image only`, `concat age+site`, then every other factor that varies."""
    fields = configuration.canonical()["metadata"].get("fields", [])
    parts = [f"{configuration.fusion_name} {'+'.join(fields)}" if fields else "image only"]
    parts += [
        f"{factor.rpartition('.')[2]} {level(configuration, factor)}"
        for factor in varied
        if level(configuration, factor) is not None
    ]
    return ", ".join(parts)
