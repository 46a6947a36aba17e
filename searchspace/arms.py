"""Arms: a study asked again under other circumstances, such as another cohort or other folds, and compared across.

arms:
  grouped: {folds: {plan: grouped}}
  image-level: {folds: {plan: image-level}}

An arm says what it changes, and is then a study of its own: mappings are laid over the study's setting by setting, a
cohort of another name and lists replace, and `adjust` and `tables` are added. Its tables are called `<arm>_<name>`.
Tables of kind `arms` are made across all of them.
"""

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import StringConstraints

from trainables.settings import Settings

ArmName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9-]{0,31}$")]
"""Names files together with a table's name, from which an underscore parts it."""

Document = dict[str, Any]
ADDED = ("adjust", "tables")
"""Lists of an arm that are added to the study's."""


class Arm(Settings):
    """What an arm changes; every key is that of a study. `data`: the folder of its cohort.

    Without `data` an arm with a cohort of its own reads the folder of its name inside `--data`, if there is one, and
    every other arm `--data` itself.
    """

    data: str | None = None
    cohort: Document | None = None
    external: Document | None = None
    allow_outcome_fields: bool | None = None
    folds: Document | None = None
    recipe: str | None = None
    fixed: Document | None = None
    adjust: list[Any] | None = None
    scientific: Document | list[Any] | None = None
    tables: list[Any] | None = None


def arm_document(study: Mapping[str, Any], arm: Mapping[str, Any]) -> Document:
    """Return the study of an arm as plain settings: those of the study with those of the arm laid over them.

    Args:
        study: a study's plain settings.
        arm: an arm's plain settings; an absent or null key changes nothing.
    """
    changes = {key: value for key, value in arm.items() if value is not None and key != "data"}
    added = {key: [*study.get(key, ()), *changes.pop(key)] for key in ADDED if key in changes}
    without = {key: value for key, value in study.items() if key != "arms"}
    return _laid_over(without, changes) | added


def _laid_over(below: Mapping[str, Any], above: Mapping[str, Any]) -> Document:
    merged = dict(below)
    for key, value in above.items():
        known = merged.get(key)
        if isinstance(known, dict) and isinstance(value, dict) and not _is_another_cohort(key, known, value):
            merged[key] = _laid_over(known, value)
        else:
            merged[key] = value
    return merged


def _is_another_cohort(key: str, known: Mapping[str, Any], value: Mapping[str, Any]) -> bool:
    """The settings of one kind of cohort mean nothing to another."""
    return key == "cohort" and value.get("name", known.get("name")) != known.get("name")
