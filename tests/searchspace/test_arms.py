"""Arms: what they change, mistakes in one line, and runs whose tables stand side by side and across."""

import copy

import pytest
import yaml
from made_up_cohorts import write_ham10000, write_pad_ufes_20

from models.errors import InputError
from searchspace.arms import arm_document
from searchspace.command_line import run_command
from searchspace.grid import expand
from searchspace.session import Session
from searchspace.study import validate_study
from searchspace.study_files import read_study

ARMS = {
    "name": "two-arms",
    "question": "Do folds matter?",
    "cohort": {"name": "phantom", "lesions": 60},
    "folds": {"folds": 2},
    "arms": {"grouped": {"folds": {"plan": "grouped"}}, "image-level": {"folds": {"plan": "image-level"}}},
    "fixed": {
        "backbone": {"name": "test_resnet", "weights": "none"},
        "image": {"size": [32, 32]},
        "metadata": {"fields": ["age", "site"]},
        "training": {"epochs": 1, "batch_size": 16},
    },
    "scientific": {"fusion.name": ["none", "concat"]},
    "tables": [
        {"name": "across", "title": "Both", "kind": "arms"},
        {"name": "own", "title": "Fusions", "kind": "leaderboard"},
    ],
}


def changed(path: str, value) -> dict:
    document = copy.deepcopy(ARMS)
    *folders, last = path.split("/")
    place = document
    for folder in folders:
        place = place.setdefault(folder, {})
    place[last] = value
    return document


def write(folder, document):
    (folder / "study.yaml").write_text(yaml.safe_dump(document, sort_keys=False))


@pytest.fixture
def start(run_environment, tmp_path, monkeypatch):
    """Run a study in this process, from its own folder."""
    monkeypatch.setenv("FUSESEARCH_CACHE", run_environment["FUSESEARCH_CACHE"])
    monkeypatch.chdir(tmp_path)

    def run(document, *options) -> int:
        write(tmp_path, document)
        return run_command(["study.yaml", "--out", "run", "--executor", "inline", "--no-report", *options])

    return run


def test_an_arm_is_laid_over_the_study_setting_by_setting():
    study = {
        "cohort": {"name": "phantom", "lesions": 60},
        "folds": {"folds": 2, "plan": "grouped"},
        "fixed": {"training": {"epochs": 3, "batch_size": 8}},
        "scientific": {"fusion.name": ["none"], "metadata.fields": {"subsets": ["age"]}},
        "adjust": [1],
        "tables": [2],
        "arms": {},
    }
    arm = {
        "data": "elsewhere",
        "cohort": {"seed": 3},
        "folds": {"plan": "holdout"},
        "fixed": {"training": {"epochs": 5}},
        "scientific": {"metadata.fields": [["sex"]]},
        "adjust": [3],
        "tables": None,
    }
    assert arm_document(study, arm) == {
        "cohort": {"name": "phantom", "lesions": 60, "seed": 3},
        "folds": {"folds": 2, "plan": "holdout"},
        "fixed": {"training": {"epochs": 5, "batch_size": 8}},
        "scientific": {"fusion.name": ["none"], "metadata.fields": [["sex"]]},
        "adjust": [1, 3],
        "tables": [2],
    }
    assert arm_document(study, {"cohort": {"name": "ham10000"}})["cohort"] == {"name": "ham10000"}


def test_every_arm_is_a_study_with_tables_of_its_own_name():
    study = validate_study(ARMS)
    assert {arm: part.folds.plan for arm, part in study.parts.items()} == {
        "grouped": "grouped",
        "image-level": "image-level",
    }
    assert [(table.name, table.title) for table in study.parts["image-level"].tables] == [
        ("image-level_own", "image-level: Fusions")
    ]
    assert [table.name for table in study.tables_across] == ["across"]
    again = validate_study(study.model_dump(mode="json", exclude_unset=True))
    assert again.parts == study.parts


def test_arms_need_no_tables_of_their_own():
    across = {**ARMS, "tables": ARMS["tables"][:1]}
    study = validate_study(across)
    assert [part.tables for part in study.parts.values()] == [(), ()]
    assert [table.name for table in study.tables_across] == ["across"]
    with pytest.raises(InputError, match="tables of kind arms need two arms, and there is one; add another table"):
        validate_study(across | {"arms": {**ARMS["arms"], "grouped": None}})


def test_a_study_without_arms_is_its_only_part():
    plain = {key: value for key, value in ARMS.items() if key != "arms"} | {"tables": ARMS["tables"][1:]}
    study = validate_study(plain)
    assert study.parts == {"": study}


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("arms/grouped/fold", {"folds": 3}, "arms.grouped.fold is not a known setting; did you mean 'folds'"),
        ("arms/grouped/folds", {"fold": 3}, "arms.grouped: folds.fold is not a known setting; did you mean 'folds'"),
        ("arms/grouped/cohort", {"name": "ham1000"}, "arms.grouped: cohort.name='ham1000' is not known"),
        ("arms/a_b", {}, "arms"),
        ("arms", {"grouped": None}, "there must be one that is not null"),
        ("arms", None, "across is of kind arms, and the study has none"),
        ("arms/grouped/folds", {"plan": "external"}, "folds.plan=external evaluates another cohort"),
        ("external", {"cohort": {"name": "phantom"}}, "external has no effect with folds.plan=grouped"),
    ],
)
def test_a_wrong_arm_is_one_line(path, value, message):
    with pytest.raises(InputError) as caught:
        validate_study(changed(path, value))
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_search_has_no_arms():
    search = {key: value for key, value in ARMS.items() if key != "scientific"}
    search |= {"search": {"fusion.name": ["none", "concat"]}, "strategy": {"name": "random", "trials": 2}}
    with pytest.raises(InputError, match="arms need the strategy grid"):
        validate_study(search)


def test_overrides_change_all_arms_or_one(tmp_path):
    write(tmp_path, ARMS)
    given = ("training.epochs=2", "arms.grouped.training.epochs=3", "arms.grouped.scientific.fusion.name=[concat]")
    parts = read_study("study.yaml", given, tmp_path).parts
    assert {arm: part.fixed["training"]["epochs"] for arm, part in parts.items()} == {"grouped": 3, "image-level": 2}
    assert parts["grouped"].scientific == {"fusion.name": ["concat"]}
    assert list(read_study("study.yaml", ("arms.grouped=null",), tmp_path).parts) == ["image-level"]


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("folds.plan=holdout", "arm grouped says it itself; say --set arms.grouped.folds.plan="),
        ("arms.grouped.fusion.name=concat", "this study searches fusion.name"),
    ],
)
def test_an_override_that_could_not_act_is_refused(tmp_path, override, message):
    write(tmp_path, ARMS)
    with pytest.raises(InputError, match=message):
        read_study("study.yaml", (override,), tmp_path)


def test_paths_of_arms_are_relative_to_the_study_file(tmp_path):
    folder = tmp_path / "studies"
    folder.mkdir()
    external = {"cohort": {"name": "phantom"}, "data": "other"}
    write(folder, changed("arms/grouped", {"data": "mine", "folds": {"plan": "external"}, "external": external}))
    study = read_study("studies/study.yaml", ("arms.image-level.data=theirs",), tmp_path)
    assert study.arms["grouped"].data == str(folder / "mine")
    assert study.parts["grouped"].external.data == str(folder / "other")
    assert study.arms["image-level"].data == str(tmp_path / "theirs")


def test_arms_with_other_fields_share_their_labels():
    fields = {"metadata": {"fields": ["sex"]}}
    study = validate_study(changed("arms/grouped", {"fixed": fields, "folds": {"plan": "grouped"}}))
    labels = {arm: list(expand(part, brief=True)) for arm, part in study.parts.items()}
    assert labels == {"grouped": ["image only", "concat"], "image-level": ["image only", "concat"]}
    study = validate_study(changed("scientific", {"fusion.name": ["concat"], "metadata.fields": [["age"], ["sex"]]}))
    assert list(expand(study.parts["grouped"], brief=True)) == ["concat age", "concat sex"]


def test_a_run_fills_the_tables_of_every_arm_and_those_across_and_goes_on_where_it_was(start, tmp_path, capsys):
    assert start(ARMS, "--dry-run") == 0
    printed = capsys.readouterr().out
    assert all(f"arm {arm}\n" in printed for arm in ARMS["arms"])
    assert start(changed("arms/image-level", None)) == 0
    first = {path.name for path in (tmp_path / "run" / "tables").glob("*.md")}
    assert "grouped_own_mcr.md" in first
    capsys.readouterr()

    assert start(ARMS) == 0
    printed = capsys.readouterr().out
    assert "8 of 8 fold fits done" in printed
    tables = {path.name: path.read_bytes() for path in (tmp_path / "run" / "tables").glob("*.md")}
    assert set(tables) == {"across_mcr.md", "grouped_own_mcr.md", "image-level_own_mcr.md"}
    fits = {path.name: path.stat().st_mtime_ns for path in (tmp_path / "run" / "ledger").rglob("*") if path.is_file()}

    assert run_command(["--resume", "--out", "run", "--no-report"]) == 0
    assert {
        path.name: path.stat().st_mtime_ns for path in (tmp_path / "run" / "ledger").rglob("*") if path.is_file()
    } == fits
    assert {path.name: path.read_bytes() for path in (tmp_path / "run" / "tables").glob("*.md")} == tables
    assert {path.name for path in (tmp_path / "run" / "tensorboard").iterdir()} == set(ARMS["arms"])


def test_two_tables_of_one_name_are_refused(start, capsys):
    table = {"name": "grouped_own", "title": "T", "kind": "arms"}
    assert start(changed("tables", [table, ARMS["tables"][1]])) == 2
    assert "two tables would write grouped_own_mcr.md" in capsys.readouterr().err


def test_an_arm_with_a_cohort_of_its_own_finds_its_folder_inside_the_data(start, tmp_path, capsys):
    write_ham10000(tmp_path / "data" / "ham10000")
    write_pad_ufes_20(tmp_path / "data" / "pad-ufes-20")
    document = changed("cohort", {"name": "ham10000"}) | {
        "arms": {"ham10000": {"cohort": {"name": "ham10000"}}, "other": {"cohort": {"name": "pad-ufes-20"}}}
    }
    document["fixed"]["metadata"] = {"fields": ["age", "sex"]}
    assert start(document, "--data", "data", "--dry-run") == 0  # the loader itself looks for its name in the folder
    document["arms"]["other"]["data"] = "nowhere"
    assert start(document, "--data", "data", "--dry-run") == 2
    assert "arms.other.data=" in capsys.readouterr().err
    document["arms"]["other"] = {"cohort": {"name": "ham10000"}}
    document["arms"]["ham10000"] = {"cohort": {"name": "pad-ufes-20"}}
    assert start(document, "--data", "data", "--dry-run") == 2  # the folder ham10000 holds no PAD-UFES-20
    assert "error: arm ham10000: " in capsys.readouterr().err


def test_an_interrupted_run_shows_the_arms_that_were_begun_and_ends_with_130(start, tmp_path, monkeypatch, capsys):
    execute = Session.execute

    def interrupted(session: Session) -> None:
        if session.plan.arm == "image-level":
            raise KeyboardInterrupt
        execute(session)

    with monkeypatch.context() as patch:
        patch.setattr(Session, "execute", interrupted)
        assert start(ARMS) == 130
    assert "4 of 8 fold fits done" in capsys.readouterr().out
    tables = {path.name for path in (tmp_path / "run" / "tables").glob("*.md")}
    assert "grouped_own_mcr.md" in tables
    assert "image-level_own_mcr.md" not in tables
    assert start(ARMS) == 0
    assert "image-level_own_mcr.md" in {path.name for path in (tmp_path / "run" / "tables").glob("*.md")}
