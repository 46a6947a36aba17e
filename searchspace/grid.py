"""The grid strategy: every combination of the scientific factors, each distinct configuration once.

Combinations that mean the same (every fusion without metadata is `none`) canonicalise to one configuration.
"""

import itertools
import math
from collections.abc import Sequence
from typing import Any

from models.errors import InputError
from searchspace.points import configuration_at
from searchspace.study import Factors, Study, Subsets
from trainables.configuration import Configuration

NAMED = {"fusion.name", "metadata.fields"}
"""Factors that open a label."""
SPEAKING = {"backbone.gate", "fusion.estimator"}
"""Factors whose levels speak for themselves."""
MOST_COMBINATIONS = 20_000
"""Of one grid: more cannot be trained one by one."""
MOST_FIELDS = 5
"""Metadata fields that a label names one by one; more are counted."""


def expand(study: Study, *, brief: bool = False) -> dict[str, Configuration]:
    """Return the distinct configurations of a study by label, in the order in which the study names them.

    A label names what varies; fusion and fields are left out where all have the same and something else varies.
    `brief` leaves metadata fields out of the labels where they do not vary, so that arms with other fields share them.

    Raises:
        InputError: a factor that is no setting, or a combination that is impossible.
    """
    found: dict[str, Configuration] = {}
    for grid in study.grids:
        for point in _points(grid):
            configuration = configuration_at(study, point)
            found.setdefault(configuration.identifier, configuration)
    varied = sorted(set(study.factors) - NAMED, key=lambda factor: (factor != "backbone.name", factor))
    subsets = {configuration.metadata.fields for configuration in found.values() if configuration.uses_metadata}
    alike = bool(varied and same_model(list(found.values())))
    labelled: dict[str, Configuration] = {}
    for configuration in found.values():
        name = label(configuration, varied, fusion=not alike, fields=not brief or len(subsets) > 1)
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
    if (count := math.prod(map(len, values))) > MOST_COMBINATIONS:
        raise InputError(
            f"scientific: {', '.join(grid)[:200]} have {count:,} combinations, a grid at most {MOST_COMBINATIONS:,}; "
            "name fewer values, or search"
        )
    return [dict(zip(grid, combination, strict=True)) for combination in itertools.product(*values)]


def _levels(levels: Subsets | list[Any]) -> list[Any]:
    if isinstance(levels, list):
        return levels
    names = levels.subsets
    return [list(chosen) for size in range(len(names) + 1) for chosen in itertools.combinations(names, size)]


def label(configuration: Configuration, varied: list[str], *, fusion: bool = True, fields: bool = True) -> str:
    """Name a configuration as people say it: `image only`, `concat age + site`, then every other factor that varies.

    A fusion that does without metadata is named with it: `soft-attention image only`. `fusion` and `fields` say whether
    these are named.
    """
    parts = [_fused(configuration, fields)] if fusion else []
    parts += [text for factor in varied if (text := _said(configuration, factor)) is not None]
    return ", ".join(parts)


def same_model(configurations: Sequence[Configuration]) -> str:
    """Return fusion and fields as a label names them where several configurations have the same, else nothing."""
    named = {_fused(configuration, fields=True) for configuration in configurations}
    return named.pop() if len(named) == 1 and len(configurations) > 1 else ""


def _fused(configuration: Configuration, fields: bool) -> str:
    name, used = configuration.fusion_name, configuration.canonical()["metadata"].get("fields", [])
    if not used:
        return "image only" if name == "none" else f"{name} image only"
    said = " + ".join(used) if len(used) <= MOST_FIELDS else f"{len(used)} fields"
    return f"{name} {said}" if fields else name


def _said(configuration: Configuration, factor: str) -> str | None:
    """Say a level as people do: `densenet161`, `depth 2`, `shared encoder`; None where it has no effect."""
    section, _, name = factor.partition(".")
    if section == "modalities":
        return _shared(configuration, name)
    value = level(configuration, factor)
    if value is None:
        return None
    text = f"{value:.3g}" if isinstance(value, float) else str(value)
    return text if name == "name" or factor in SPEAKING else f"{name.replace('_', ' ')} {text}"


def _shared(configuration: Configuration, name: str) -> str | None:
    """Say how images share a network, also where that is the default: a table compares it with the other."""
    modalities = configuration.modalities
    without = {"prediction": not modalities.separate, "normalisation": modalities.encoder == "individual"}
    if not configuration.uses_image or without.get(name):
        return None
    if name == "attention_stages":
        stages = "+".join(map(str, modalities.attention_stages))
        return f"stages {stages}" if modalities.attention != "none" else None
    value = getattr(modalities, name)
    return f"{'no' if value == 'none' else value} {name}"
