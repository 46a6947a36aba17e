"""A study file in place of the tables that a run recorded: what it asks for, and whether that was known before the run.

Tables that are written once results are known can be chosen for what they show. They are filled all the same, and every
one of them, the verdict and the head of the report say so.
"""

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import yaml

from analysis.errors import AnalysisError
from analysis.manifest import Manifest, PlannedPart
from analysis.plain_files import read_file
from analysis.plain_yaml import read_yaml
from analysis.run import specifications

TABLES_CHOSEN_AFTER = (
    "the tables and their comparisons are those of a study file, not those recorded with the run: exploratory, as "
    "chosen after it"
)
"""What every table of such a file repeats."""
STUDY_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
"""What a study may be called; its report goes into a folder of this name."""


def check_study_name(name: object, where: str) -> str:
    """Return the name of a study, which is also that of a folder; `where` names its place in errors.

    Raises:
        AnalysisError: it is no text, or other than up to 64 letters, digits, dots, dashes and underscores.
    """
    if not isinstance(name, str) or not STUDY_NAME.fullmatch(name):
        said = "up to 64 letters, digits and . _ -, the first a letter or a digit"
        raise AnalysisError(f"{where}: {ascii(name)[:200]} is no name of a study; it has {said}")
    return name


def study_file(name: str) -> dict[str, Any]:
    """Return the settings of a study file as far as the analysis uses them.

    Raises:
        AnalysisError: it cannot be read, is no YAML, holds no tables, or its name is none.
    """
    try:
        document = read_yaml(read_file(Path(name)).decode("utf-8"))
    except OSError as error:
        raise AnalysisError(f"--study {name}: cannot be read ({error.strerror or error})") from error
    except (yaml.YAMLError, ValueError) as error:
        raise AnalysisError(f"--study {name}: is no YAML ({' '.join(str(error).split())[:200]})") from error
    if not isinstance(document, dict) or not isinstance(document.get("tables"), list) or not document["tables"]:
        raise AnalysisError(f"--study {name}: holds no tables; a study file has a list of them under `tables`")
    if odd := [table for table in document["tables"] if not isinstance(table, dict)]:
        raise AnalysisError(f"--study {name}: tables hold {odd[0]!r}, which is no mapping")
    if "name" in document:
        check_study_name(document["name"], f"--study {name}: name")
    return document


def asked_instead(manifest: Manifest, asked: dict[str, Any], file: str) -> Manifest:
    """Return the manifest with the tables of a study file; of several arms each gets those not across arms.

    Tables that the run did not record are declared as chosen after it, and the source and expectation of the recorded
    study, which are of other tables, are left out. The best of a search, trained again, keep their own tables.

    Args:
        manifest: as recorded.
        asked: the settings in the study file.
        file: its name, for errors.

    Raises:
        AnalysisError: a table cannot be used, or stands across arms and the run has none.
    """
    own = [table for table in asked["tables"] if table.get("kind") != "arms"]
    across = [table for table in asked["tables"] if table.get("kind") == "arms"]
    if across and not any(part.name for part in manifest.parts):
        name = across[0].get("name", "?")
        raise AnalysisError(f"--study {file}: table {name}: kind arms stands across arms, and this run has no arms")
    study = str(asked.get("name", manifest.study))
    recorded = [table for part in manifest.parts for table in part.tables]
    known = _meant([*manifest.across, *recorded], f"study {manifest.study}")
    chosen_after = any(one not in known for one in _meant([*across, *own], f"--study {file}"))
    return replace(
        manifest,
        study=study,
        question=str(asked.get("question", manifest.question)),
        source="" if chosen_after else manifest.source,
        expected="" if chosen_after else manifest.expected,
        parts=tuple(_with_tables(part, own, len(manifest.parts) > 1, chosen_after) for part in manifest.parts),
        across=tuple(across),
    )


def _with_tables(part: PlannedPart, tables: list[dict[str, Any]], several: bool, chosen_after: bool) -> PlannedPart:
    if part.role == "confirmation":
        return part
    if several and part.name:
        tables = [table | {"name": f"{part.name}_{table.get('name')}"} for table in tables]
    declared = (TABLES_CHOSEN_AFTER,) if chosen_after else ()
    return replace(part, tables=tuple(tables), declarations=(*part.declarations, *declared))


def _meant(tables: list[dict[str, Any]], source: str) -> list[dict[str, Any]]:
    """Return what tables ask for, whatever they are called."""
    return [one.model_dump(exclude={"name", "title"}) for one in specifications(tables, source)]
