"""`--set key=value`: change one setting of a study from the command line.

A key is a dotted setting of the study (`folds.folds=3`); a configuration section stands for its place under `fixed`
(`training.epochs=5`), and under `scientific` or `search` the rest of the key is one factor
(`scientific.fusion.name=[concat]`), in every grid of a list that has it, or else in all. `arms.<arm>.` before any of
these changes that arm only; `arms.<arm>=null` leaves it out. Values are YAML.
"""

import re
from typing import Any

import yaml

from analysis.plain_yaml import read_yaml
from models.errors import InputError
from models.registry import did_you_mean

SECTIONS = ("backbone", "image", "modalities", "augmentation", "metadata", "fusion", "head", "loss", "training")


def apply_override(document: dict[str, Any], override: str) -> None:
    """Set one `key=value` in a study's plain settings.

    Raises:
        InputError: not of that form, or a key that the study searches over.
    """
    key, separator, text = override.partition("=")
    parts = key.strip().split(".")
    if not separator or not all(parts):
        raise InputError(f"--set {override!r}: write key=value, for example training.epochs=5 or folds.folds=3")
    try:
        value = read_yaml(text)
    except yaml.YAMLError as error:
        problem = getattr(error, "problem", None) or "is not YAML"
        raise InputError(f"--set {override[:200]!r}: the value is not YAML of plain values ({problem})") from error
    _refuse_factor(document, ".".join(parts))
    path = _path(parts)
    _refuse_unknown_arm(document, parts)
    _refuse_what_arms_say(document, path)
    *folders, last = path
    for place in _places(document, folders, last, override):
        place[last] = value


def _places(document: dict[str, Any], folders: list[str], last: str, override: str) -> list[dict[str, Any]]:
    """Return the mappings that a key is set in: one, unless a list of grids is on the way."""
    place: Any = document
    for folder in folders:
        place = place.setdefault(folder, {})
        if folder == "scientific" and isinstance(place, list) and all(isinstance(grid, dict) for grid in place):
            return [grid for grid in place if last in grid] or place
        if not isinstance(place, dict):
            raise InputError(f"--set {override!r}: {folder} holds no named settings")
    return [place]


def _path(parts: list[str]) -> list[str]:
    if parts[0] == "arms" and len(parts) > 2:
        return [*parts[:2], *_path(parts[2:])]
    if parts[0] in ("scientific", "search") and len(parts) > 1:
        return [parts[0], ".".join(parts[1:])]
    return ["fixed", *parts] if parts[0] in SECTIONS else parts


def _refuse_unknown_arm(document: dict[str, Any], parts: list[str]) -> None:
    """A slip in an arm's name would make a new arm, and leave the one that was meant as it is."""
    arms = document.get("arms")
    if parts[0] != "arms" or len(parts) < 2 or not isinstance(arms, dict) or parts[1] in arms:
        return
    known = f"{did_you_mean(parts[1], arms)} (arms: {', '.join(arms)})"
    raise InputError(f"--set {'.'.join(parts)}=...: the study has no arm {parts[1]!r}{known}")


def _refuse_what_arms_say(document: dict[str, Any], path: list[str]) -> None:
    """The study's value under one that an arm says itself would have no effect there."""
    arms = document.get("arms")
    for name, arm in arms.items() if isinstance(arms, dict) else ():
        place: Any = arm
        for key in path:
            place = place.get(key) if isinstance(place, dict) else None
        if place is not None and not isinstance(place, dict):
            key = ".".join(path).removeprefix("fixed.")
            raise InputError(f"--set {key}=...: arm {name} says it itself; say --set arms.{name}.{key}=...")


def _refuse_factor(document: dict[str, Any], name: str) -> None:
    """A fixed value under a searched factor would have no effect."""
    factor = re.sub(r"^arms\.[^.]+\.", "", name).removeprefix("fixed.")
    for place in ("scientific", "search"):
        grids = document.get(place)
        for grid in grids if isinstance(grids, list) else [grids]:
            if isinstance(grid, dict) and factor in grid:
                raise InputError(
                    f"--set {name}=...: this study searches {factor}; "
                    f"say --set '{place}.{factor}=[...]' to change its values"
                )
