"""Study files: where they are found, how their YAML is read, and what the command line changes in them."""

from importlib import resources
from pathlib import Path
from typing import Any

import yaml

from analysis.plain_files import read_file
from analysis.plain_yaml import read_yaml
from models.errors import InputError
from models.registry import did_you_mean
from searchspace.overrides import apply_override
from searchspace.study import LONGEST_NAME, Study, validate_study


def built_in_studies() -> dict[str, str]:
    """Return the YAML text of every built-in study by name."""
    files = resources.files("searchspace").joinpath("studies").iterdir()
    found = {
        entry.name.removesuffix(".yaml"): entry.read_text(encoding="utf-8")
        for entry in files
        if entry.name.endswith(".yaml")
    }
    return dict(sorted(found.items()))


def read_study(name: str, overrides: tuple[str, ...], working_directory: Path) -> Study:
    """Return a built-in study by name, or the study in a YAML file, with `key=value` overrides applied.

    Raises:
        InputError: no such study or file, broken YAML, or a setting that cannot be used; one line.
    """
    text, folder = _find(name, working_directory)
    document = _parse(text, name)
    _make_absolute(document, folder)
    for override in overrides:
        apply_override(document, override)
    _make_absolute(document, working_directory)
    return validate_study(document, _shown(name))


def _find(name: str, working_directory: Path) -> tuple[str, Path]:
    studies = built_in_studies()
    path = working_directory / name
    if name in studies:
        return studies[name], working_directory
    if path.suffix in (".yaml", ".yml"):
        try:
            return read_file(path).decode("utf-8"), path.parent
        except (OSError, ValueError) as error:  # ValueError: not UTF-8, or a name that no file can have
            reason = getattr(error, "strerror", None) or error
            raise InputError(f"study file {_shown(name)}: cannot be read: {reason}") from error
    raise InputError(
        f"study {name[:LONGEST_NAME]!r} is not known{did_you_mean(name, studies)} "
        f"(built in: {', '.join(studies)}; or give a file ending in .yaml)"
    )


def _shown(name: str) -> str:
    return name if name.isprintable() else ascii(name)


def _parse(text: str, name: str) -> dict[str, Any]:
    try:
        document = read_yaml(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f", line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        raise InputError(
            f"study file {_shown(name)}{where}: {getattr(error, 'problem', None) or 'is not YAML'}"
        ) from error
    if not isinstance(document, dict):
        raise InputError(
            f"study file {_shown(name)}: must be a mapping of settings such as name, question, cohort, tables"
        )
    return document


def _make_absolute(document: dict[str, Any], folder: Path) -> None:
    """Resolve the paths that a study names, those of its arms included; a URI stays as it is."""
    arms = document.get("arms")
    for part in (document, *(arms.values() if isinstance(arms, dict) else ())):
        if isinstance(part, dict):
            for place, key in ((part.get("folds"), "file"), (part.get("external"), "data"), (part, "data")):
                if isinstance(place, dict) and isinstance(place.get(key), str) and "://" not in place[key]:
                    place[key] = str(folder / place[key])
