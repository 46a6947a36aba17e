"""From a point of the search space to its configuration: the layers of settings, the later ones over the earlier.

    recipe sections  <  recipe adjustments  <  fixed  <  the study's adjustments  <  the point itself

An adjustment applies when its `when` holds for what all layers without adjustments say; PNASNet-5 wants larger images,
whatever else is searched.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from models.errors import InputError
from searchspace.study import Study
from trainables.configuration import Configuration
from trainables.recipes import Adjustment, find_recipe

Sections = dict[str, Any]


def configuration_at(study: Study, point: Mapping[str, Any]) -> Configuration:
    """Return the configuration at a point, dotted setting -> value.

    Raises:
        InputError: a factor that is no setting, or a combination that is impossible.
    """
    recipe = find_recipe(study.recipe) if study.recipe else None
    sections: Sections = dict(recipe.sections) if recipe else {}
    known = _flat(overlay(overlay(sections, study.fixed), _nested(point)))
    if recipe:
        sections = _adjusted(sections, recipe.adjust, known)
    sections = _adjusted(overlay(sections, study.fixed), study.adjust, known)
    return Configuration.of(overlay(sections, _nested(point)))


def overlay(below: Mapping[str, Any], above: Mapping[str, Any]) -> Sections:
    """Return sections with the settings of `above` laid over those of `below`.

    Raises:
        InputError: a section that holds no settings.
    """
    merged = {section: dict(values) if isinstance(values, dict) else values for section, values in below.items()}
    for section, values in above.items():
        if isinstance(merged.get(section), dict) and isinstance(values, dict):
            merged[section] = merged[section] | values
        elif isinstance(values, dict) and section in merged:
            raise InputError(f"fixed.{section} must hold settings, not {merged[section]!r}")
        else:
            merged[section] = values
    return merged


def _adjusted(sections: Sections, adjustments: Iterable[Adjustment], known: Mapping[str, Any]) -> Sections:
    for adjustment in adjustments:
        if adjustment.applies(known):
            sections = overlay(sections, _nested(adjustment.set))
    return sections


def _nested(point: Mapping[str, Any]) -> Sections:
    """Turn dotted settings into sections."""
    sections: Sections = {}
    for factor, value in point.items():
        section, _, name = factor.partition(".")
        if not name:
            raise InputError(f"{factor}: name a setting inside a section, for example fusion.name or metadata.fields")
        sections.setdefault(section, {})[name] = value
    return sections


def _flat(sections: Mapping[str, Any]) -> dict[str, Any]:
    """Return dotted settings; what a user did not write is not there."""
    return {
        f"{section}.{name}": value
        for section, values in sections.items()
        if isinstance(values, dict)
        for name, value in values.items()
    }
