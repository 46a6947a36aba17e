"""Study files: every mistake is one line with field, value and choices; overrides; the built-in studies."""

import copy

import pytest
import yaml

from models.errors import InputError
from searchspace.grid import expand, level
from searchspace.study import validate_study
from searchspace.study_files import built_in_studies, read_study

MINIMAL = {
    "name": "small",
    "question": "Which fusion?",
    "cohort": {"name": "phantom"},
    "scientific": {"fusion.name": ["concat", "multiply"], "metadata.fields": {"subsets": ["age", "site"]}},
    "tables": [
        {"name": "t", "title": "T", "kind": "ablation", "rows": "metadata.fields", "reference": {"fusion.name": "none"}}
    ],
}


def changed(path: str, value) -> dict:
    document = copy.deepcopy(MINIMAL)
    *folders, last = path.split("/")
    place = document
    for folder in folders:
        place = place[int(folder)] if folder.isdigit() else place.setdefault(folder, {})
    place[last] = value
    return document


def test_a_grid_names_every_distinct_configuration_once():
    labels = list(expand(validate_study(MINIMAL)))
    assert labels == [
        "image only",
        "concat age",
        "concat site",
        "concat age + site",
        "multiply age",
        "multiply site",
        "multiply age + site",
    ]


def test_several_grids_are_one_space():
    grids = [
        {"fusion.name": ["concat"], "fusion.depth": [0, 1], "metadata.fields": [["age"]]},
        {"fusion.name": ["multiply"], "fusion.depth": [1], "metadata.fields": [["age"]]},
    ]
    configurations = expand(validate_study(changed("scientific", grids)))
    assert list(configurations) == ["concat age, depth 0", "concat age, depth 1", "multiply age, depth 1"]
    assert [level(c, "fusion.depth") for c in configurations.values()] == [0, 1, 1]


def test_a_setting_without_effect_does_not_multiply_the_grid():
    study = validate_study(
        changed("scientific", {"fusion.name": ["none", "concat"], "fusion.depth": [1, 2], "metadata.fields": [["age"]]})
    )
    assert list(expand(study)) == ["image only", "concat age, depth 1", "concat age, depth 2"]


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("folds", {"fold": 5}, "folds.fold is not a known setting; did you mean 'folds'"),
        ("folds", {"folds": 1}, "folds.folds=1: input should be greater than or equal to 2"),
        ("folds", {"folds": "five"}, "folds.folds='five'"),
        ("folds", {"plan": "groupd"}, "fold plan 'groupd' is not known; did you mean 'grouped'"),
        ("cohort", {"name": "ham1000"}, "cohort.name=.ham1000. is not known; did you mean .ham10000."),
        ("cohort", {"name": "phantom", "lesion": 3}, "cohort.lesion is not a known setting; did you mean 'lesions'"),
        ("tables", [], "tables"),
        ("tables/0/kind", "ablations", "tables.0.kind='ablations'"),
        ("tables/0/refrence", {}, "tables.0.refrence is not a known setting; did you mean 'reference'"),
        ("scientific", {}, "scientific"),
        ("scientific", {"fusion.name": []}, "scientific.*fusion.name"),
        ("question", None, "question=None"),
        ("name", "../x", "name='../x'"),
        ("resources", {"threads": 0}, "resources.threads=0"),
        ("resources", {"gpu": 1.5}, "resources.gpu=1.5"),
        ("quesion", "x", "quesion is not a known setting; did you mean 'question'"),
    ],
)
def test_a_wrong_study_is_one_line(path, value, message):
    with pytest.raises(InputError, match=message) as caught:
        expand(validate_study(changed(path, value)))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("fixed", {"training": {"epoch": 3}}, "training.epoch is not a known setting; did you mean 'epochs'"),
        ("fixed", {"trainin": {}}, "trainin is not a known setting; did you mean 'training'"),
        ("fixed", {"training": {"learning_rate": -1}}, "training.learning_rate=-1"),
        ("fixed", {"training": {"learning_rate": float("inf")}}, "training.learning_rate=inf"),
        ("fixed", {"training": {"schedule": "step"}}, "needs training.steps"),
        ("fixed", {"training": 3}, "training"),
        ("fixed", {"image": {"size": [0, 64]}}, "image.size"),
        ("fixed", {"image": {"size": [64]}}, "image.size"),
        ("fixed", {"loss": {"name": "hinge"}}, "hinge"),
        (
            "scientific",
            {"fusion.name": ["concatt"], "metadata.fields": [["age"]]},
            "'concatt' is not known; did you mean 'concat'",
        ),
        ("scientific", {"fusion.name": ["multiply"], "fusion.depth": [0], "metadata.fields": [["age"]]}, "depth"),
        ("scientific", {"fusion": ["concat"]}, "name a setting inside a section"),
        ("scientific", {"fusion.nam": ["concat"]}, "fusion.nam is not a known setting"),
        ("scientific", {"metadata.fields": ["age"]}, "metadata.fields"),
    ],
)
def test_a_wrong_configuration_is_one_line(path, value, message):
    with pytest.raises(InputError, match=message) as caught:
        expand(validate_study(changed(path, value)))
    assert "\n" not in str(caught.value)


def write(tmp_path, document=MINIMAL):
    path = tmp_path / "small.yaml"
    path.write_text(yaml.safe_dump(document))
    return path


def test_overrides_reach_their_place(tmp_path):
    write(tmp_path)
    given = (
        "training.epochs=3",
        "folds.folds=3",
        "scientific.fusion.name=[concat]",
        "cohort.lesions=90",
        "fixed.head.dropout=0.5",
    )
    study = read_study("small.yaml", given, tmp_path)
    assert study.fixed == {"training": {"epochs": 3}, "head": {"dropout": 0.5}}
    assert study.folds.folds == 3
    assert study.scientific["fusion.name"] == ["concat"]
    assert study.cohort.lesions == 90


def test_a_factor_of_a_list_of_grids_changes_wherever_it_stands_else_everywhere(tmp_path):
    overrides = ("scientific.backbone.name=[test_resnet]", "scientific.training.epochs=[1, 2]")
    study = read_study("zoome-table1", overrides, tmp_path)
    assert [grid["backbone.name"] for grid in study.grids] == [["test_resnet"], ["test_resnet"]]
    assert [grid["training.epochs"] for grid in study.grids] == [[1, 2], [1, 2]]
    study = read_study("fusion-shootout", ("scientific.fusion.estimator=[gradient-boosting]",), tmp_path)
    assert ["fusion.estimator" in grid for grid in study.grids] == [False, False, True]


def test_tables_may_name_backbones_as_the_papers_do(tmp_path):
    table = (
        "tables=[{name: t, title: T, rows: backbone.name, columns: fusion.name, row_order: [SENet154, ResNet50], "
        "reference: {fusion.name: none}, where: {backbone.name: [SENet154, PNASNet-5-Large]}}]"
    )
    (table,) = read_study("metanet-table1", (table,), tmp_path).tables
    assert table.row_order == ("legacy_senet154", "resnet50")
    assert table.where == {"backbone.name": ["legacy_senet154", "pnasnet5large"]}


@pytest.mark.parametrize("override", ["arms.groupd.training.epochs=3", "arms.groupd=null", "arms.groupd.folds.folds=3"])
def test_a_slip_in_an_arm_s_name_makes_no_new_arm(tmp_path, override):
    with pytest.raises(InputError, match="the study has no arm 'groupd'; did you mean 'grouped'"):
        read_study("leak-audit", (override,), tmp_path)


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("epochs", "write key=value"),
        ("=3", "write key=value"),
        ("training..epochs=3", "write key=value"),
        ("fusion.name=concat", "this study searches fusion.name"),
        ("fixed.fusion.name=concat", "this study searches fusion.name"),
        ("name.x=3", "name holds no named settings"),
        ("folds.folds=[", "the value is not YAML"),
        ("foldz.folds=3", "foldz is not a known setting; did you mean 'folds'"),
    ],
)
def test_a_wrong_override_is_one_line(tmp_path, override, message):
    write(tmp_path)
    with pytest.raises(InputError, match=message):
        read_study("small.yaml", (override,), tmp_path)


def test_a_fold_file_is_found_beside_its_study_and_beside_the_user(tmp_path):
    folder = tmp_path / "studies"
    folder.mkdir()
    write(folder, changed("folds", {"plan": "from-file", "file": "folds.csv"}))
    assert read_study("studies/small.yaml", (), tmp_path).folds.file == str(folder / "folds.csv")
    assert read_study("studies/small.yaml", ("folds.file=mine.csv",), tmp_path).folds.file == str(tmp_path / "mine.csv")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name: [", "line 1|line 2"),
        ("- a\n- b", "must be a mapping"),
        ("name: a\nname: b", "line 2, column 1: 'name' stands twice"),
        ("[" * 5000, "nested too deeply"),
        ("", "must be a mapping"),
        ("name: small\n\tquestion: x", "line 2"),
    ],
)
def test_a_broken_file_is_one_line(tmp_path, text, message):
    (tmp_path / "broken.yaml").write_text(text)
    with pytest.raises(InputError, match=message) as caught:
        read_study("broken.yaml", (), tmp_path)
    assert "\n" not in str(caught.value)


def test_an_unknown_study_lists_the_built_in_ones(tmp_path):
    with pytest.raises(InputError, match=r"'quikstart' is not known; did you mean 'quickstart'.*ham10000-screen"):
        read_study("quikstart", (), tmp_path)
    with pytest.raises(InputError, match=r"none\.yaml: cannot be read: No such file"):
        read_study("none.yaml", (), tmp_path)


@pytest.mark.parametrize("name", built_in_studies())
def test_every_built_in_study_is_valid_and_opens_with_its_question(name, tmp_path):
    text = built_in_studies()[name]
    heads = [line.split(":")[0] for line in text.splitlines() if line.startswith("# ") and ":" in line]
    assert [head for head in heads if head in ("# Question", "# Source", "# Expected", "# Cost")] == [
        "# Question",
        "# Source",
        "# Expected",
        "# Cost",
    ]
    study = read_study(name, (), tmp_path)
    assert study.name == name
    assert study.source
    assert study.expected
    assert study.cost
    assert study.search or expand(study)


def test_the_screen_asks_for_the_seven_subsets_of_each_fusion(tmp_path):
    assert len(expand(read_study("ham10000-screen", (), tmp_path))) == 15
