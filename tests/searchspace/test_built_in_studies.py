"""Every built-in study, reduced to small networks, pictures and cohorts: it prints its trials and fills its tables."""

import copy
from typing import Any

import pytest
import yaml
from made_up_cohorts import WRITERS

from analysis.evaluation import evaluate
from analysis.published import published_table
from analysis.tables import check_arm_tables, check_tables
from analysis.tables.dimensions import flat
from searchspace.command_line import run_command
from searchspace.grid import expand
from searchspace.study_files import built_in_studies, read_study

SMALL = ("test_resnet", "test_convnext", "mobilenetv1_025")
"""What stands for the first three backbones of a study; further ones are left out."""
QUICK = ("zoome-table1", "leak-audit")
"""Those that run at every test, one with arms; the others take two minutes together and are marked slow."""
SIZE = [32, 32]
TRAINING = {"epochs": 1, "batch_size": 16, "learning_rate": 0.001}
SAMPLES = {"ham10000": 63, "isic2020": 96, "pad-ufes-20": 72, "derm7pt": 60}


def reduced(name: str) -> dict[str, Any]:
    """The study with small backbones without weights, one epoch, two folds and few levels of each factor."""
    document = yaml.safe_load(built_in_studies()[name])
    known = _backbones(document)
    document = _replaced(document, dict(zip(known, SMALL, strict=False)), set(known[len(SMALL) :]))
    fixed = copy.deepcopy(document.get("fixed", {}))
    fixed["image"] = fixed.get("image", {}) | {"size": SIZE}
    fixed["backbone"] = fixed.get("backbone", {}) | {"weights": "none"}
    fixed["training"] = fixed.get("training", {}) | TRAINING
    if "augmentation" in fixed or document.get("recipe") == "metanet-paper":
        fixed["augmentation"] = {"crop": SIZE}
    document |= {"fixed": fixed, "resources": {"threads": 1}}
    document["folds"] |= {"folds": 2}
    for arm in document.get("arms", {}).values():
        arm.get("fixed", {}).pop("image", None)
    if "search" in document:
        document["strategy"] |= {"trials": 2, "startup_trials": 1, "confirm": 1, "at_once": 1}
        for key in ("halving", "start"):  # the starting points name backbones that are left out
            document["strategy"].pop(key, None)
    return document


def _backbones(document: Any) -> list[str]:
    """The backbones that the study names as levels, or fixes."""
    grids = document.get("scientific") or document.get("search")
    listed = [one for grid in (grids if isinstance(grids, list) else [grids]) for one in grid.get("backbone.name", [])]
    fixed = document.get("fixed", {}).get("backbone", {}).get("name")
    return list(dict.fromkeys([*listed, *([fixed] if fixed else [])]))


def _replaced(value: Any, names: dict[str, str], dropped: set[str]) -> Any:
    if isinstance(value, dict):
        return {
            key: "none" if key.endswith("weights") and one in ("file", "hub") else _replaced(one, names, dropped)
            for key, one in value.items()
        }
    if isinstance(value, list):
        return [_replaced(one, names, dropped) for one in value if not (isinstance(one, str) and one in dropped)]
    return names.get(value, value) if isinstance(value, str) else value


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    for name, samples in SAMPLES.items():
        WRITERS[name](folder / name, samples)
    return folder


def start(name, data, folder, monkeypatch, *options) -> int:
    document = reduced(name)
    (folder / "study.yaml").write_text(yaml.safe_dump(document, sort_keys=False))
    monkeypatch.setenv("FUSESEARCH_CACHE", str(data.parent / f"{data.name}-cache"))
    monkeypatch.chdir(folder)
    cohort = document["cohort"]["name"]
    given = () if cohort == "phantom" else ("--data", str(data if "arms" in document else data / cohort))
    return run_command(["study.yaml", *given, "--out", "run", "--executor", "inline", "--no-report", *options])


def targets_of(study) -> list[str]:
    checklist = ["DIAG", "PN", "BWV", "VS", "PIG", "STR", "DaG", "RS"]
    return {"derm7pt": checklist, "isic2020": ["melanoma"]}.get(study.cohort.name, ["diagnosis"])


def names_of_tables(study) -> set[str]:
    tables = [table for part in study.parts.values() for table in part.tables] + list(study.tables_across)
    return {f"{name}.md" for table in tables for name in table.file_names(targets_of(study))}


def unevaluated(study, arm) -> list:
    return [
        evaluate(one.identifier, one.canonical(), label, [(0, fold) for fold in range(5)], [], {})
        for label, one in expand(study, brief=bool(arm)).items()
    ]


GRIDS = {
    "zoome-table1": 3,
    "zoome-table2": 8,
    "softattention-table3": 10,
    "softattention-table4": 18,
    "softattention-table5": 9,
    "softattention-table6": 13,
    "softattention-table7": 13,
    "softattention-table8": 4,
    "softattention-table9": 3,
    "ssn-derm7pt": 28,
    "fusion-shootout": 26,
    "leak-audit": 5,
}


@pytest.mark.parametrize(("name", "size"), GRIDS.items())
def test_every_table_of_the_full_study_can_be_laid_out_and_every_published_cell_has_its_configuration(
    name, size, tmp_path
):
    study = read_study(name, (), tmp_path)
    results = {arm: unevaluated(part, arm) for arm, part in study.parts.items()}
    assert {arm: len(found) for arm, found in results.items()} == dict.fromkeys(study.parts, size)
    check_arm_tables(study.tables_across, results)
    for arm, part in study.parts.items():
        check_tables(part.tables, results[arm], targets_of(part))
        for published in {table.published for table in part.tables} & {name}:
            table, classes = published_table(published), ["akiec", "bcc", "bkl", "df", "mel", "nv", "vasc", None]
            cells = [(metric, one, kind) for metric in table.metrics for one in results[arm] for kind in classes]
            found = {
                id(cell) for metric, one, kind in cells if (cell := table.cell(flat(one.configuration), kind, metric))
            }
            assert len(found) == len(table.cells)


def test_the_augmented_condition_has_no_class_weights_and_metadata_are_not_augmented(tmp_path):
    configurations = list(expand(read_study("softattention-table4", (), tmp_path)).values())
    seeing = [one for one in configurations if one.metadata.fields]
    augmented = [one for one in configurations if not one.metadata.fields]
    assert len(seeing) == len(augmented) == 9
    assert {one.fusion_name for one in configurations} == {"soft-attention"}
    assert {(one.loss.name, bool(one.augmentation.active)) for one in seeing} == {("weighted-cross-entropy", False)}
    assert {(one.loss.name, bool(one.augmentation.active)) for one in augmented} == {("cross-entropy", True)}
    sizes = {one.backbone.name: one.input_size for one in configurations}
    assert sizes.pop("inception_resnet_v2") == (299, 299)
    assert sizes.pop("nasnetalarge") == (331, 331)
    assert set(sizes.values()) == {(224, 224)}


def test_the_tables_of_a_paper_share_their_fold_fits(tmp_path):
    four, *others = (
        {one.identifier for one in expand(read_study(f"softattention-table{number}", (), tmp_path)).values()}
        for number in (4, 3, 5, 6, 7, 8, 9)
    )
    assert [len(other - four) for other in others] == [1, 6, 1, 1, 0, 0]
    one, two = (
        {one.identifier for one in expand(read_study(f"zoome-table{number}", (), tmp_path)).values()}
        for number in (1, 2)
    )
    assert one < two


MARKS = [name if name in QUICK else pytest.param(name, marks=pytest.mark.slow) for name in built_in_studies()]


@pytest.mark.parametrize("name", MARKS)
def test_a_reduced_study_prints_its_trials_and_runs_to_its_tables(name, data, tmp_path, monkeypatch, capsys):
    assert start(name, data, tmp_path, monkeypatch, "--dry-run") == 0, capsys.readouterr().err
    printed = capsys.readouterr().out
    study = read_study("study.yaml", (), tmp_path)
    assert all(f"arm {arm}" in printed for arm in study.parts if arm)
    assert ("budget: trials 2" if study.search else "in the ledger") in printed
    assert not (tmp_path / "run").exists()

    assert start(name, data, tmp_path, monkeypatch) == 0, capsys.readouterr()
    tables = {path.name for path in (tmp_path / "run" / "tables").glob("*.md")}
    assert names_of_tables(study) <= tables
    assert ("search_summary.md" in tables) == (study.search is not None)
