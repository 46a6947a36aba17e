"""What models read: outcome fields only where the study says so, and then in every table; a cohort to evaluate."""

from types import SimpleNamespace

import pandas as pd
import pytest
import yaml
from made_up_cohorts import write_ham10000, write_isic2018_test

from analysis.ledger import Ledger
from searchspace.command_line import run_command
from searchspace.execution import told
from searchspace.inputs import OpenedCohorts, declare, outcomes_read, probe
from searchspace.study import validate_study
from trainables.cohorts import Field
from trainables.configuration import Configuration
from trainables.mirror import Mirrors, Place

STUDY = {
    "name": "inputs",
    "question": "What may a model see?",
    "cohort": {"name": "ham10000"},
    "folds": {"folds": 2},
    "fixed": {
        "backbone": {"name": "test_resnet", "weights": "none"},
        "image": {"size": [32, 32]},
        "training": {"epochs": 1, "batch_size": 16},
    },
    "scientific": {"fusion.name": ["concat"], "metadata.fields": [["age"]]},
    "tables": [{"name": "scores", "title": "Scores", "kind": "leaderboard"}],
}


@pytest.fixture
def start(run_environment, tmp_path, monkeypatch):
    monkeypatch.setenv("FUSESEARCH_CACHE", run_environment["FUSESEARCH_CACHE"])
    monkeypatch.chdir(tmp_path)

    def run(document, *options) -> int:
        (tmp_path / "study.yaml").write_text(yaml.safe_dump(document))
        return run_command(
            ["study.yaml", "--data", "data", "--out", "run", "--executor", "inline", "--no-report", *options]
        )

    return run


def seeing(*fields: str) -> Configuration:
    return Configuration.of({"fusion": {"name": "concat"}, "metadata": {"fields": list(fields)}})


def test_a_field_that_follows_from_the_diagnosis_needs_the_study_s_word_and_every_table_repeats_it(
    start, tmp_path, capsys
):
    write_ham10000(tmp_path / "data")
    document = STUDY | {"scientific": {"fusion.name": ["concat"], "metadata.fields": [["dx_type"]]}}
    assert start(document) == 2
    assert "dx_type" in capsys.readouterr().err
    assert start(document | {"allow_outcome_fields": True}) == 0
    assert "warning: allow_outcome_fields" in capsys.readouterr().out
    for path in (tmp_path / "run" / "tables").glob("*.md"):
        text = path.read_text().replace("\\", "")
        assert "Warning: allow_outcome_fields" in text
        assert "dx_type (" in text


def test_a_declaration_names_only_the_outcomes_that_are_seen():
    allowed = validate_study(STUDY | {"allow_outcome_fields": True})
    biopsy = Field("biopsed", "category", ("false", "true"), outcome="only what looks malignant")
    (said,) = declare(allowed, [biopsy])
    assert "biopsed (only what looks malignant)" in said
    assert "no model sees any" in declare(allowed, [])[0]
    assert declare(validate_study(STUDY), [biopsy]) == ()


def test_a_cohort_is_opened_once_for_all_that_want_it_the_same_way(tmp_path, monkeypatch):
    folder, study = Place(write_ham10000(tmp_path / "data")), validate_study(STUDY)
    opened = OpenedCohorts(skip_bad=False, mirrors=Mirrors(tmp_path))
    cohort = opened.open(study, folder)
    assert (
        opened.open(study.model_copy(update={"folds": study.folds.model_copy(update={"folds": 3})}), folder) is cohort
    )
    assert opened.open(study.model_copy(update={"allow_outcome_fields": True}), folder) is not cohort
    assert outcomes_read(cohort, [seeing("age")]) == ()


def test_the_probe_looks_at_what_models_see(tmp_path):
    folder = write_ham10000(tmp_path / "data", 280)
    table = pd.read_csv(folder / "HAM10000_metadata.csv")
    table.loc[table["dx"].isin(["nv", "df", "vasc"]), "age"] = float("nan")
    table.to_csv(folder / "HAM10000_metadata.csv", index=False)
    cohort = OpenedCohorts(skip_bad=False, mirrors=Mirrors(tmp_path)).open(validate_study(STUDY), Place(folder))
    assert any("leak probe" in line for line in probe(cohort, [seeing("sex"), seeing("age")]))
    assert probe(cohort, [seeing("sex")]) == ()
    assert probe(cohort, [Configuration.of({"fusion": {"name": "none"}, "metadata": {"fields": ["age"]}})]) == ()


def test_a_warning_names_its_arm_unless_all_arms_share_it():
    cohort = SimpleNamespace(notes=["sex is blank"], left_out=[])
    context = SimpleNamespace(cohort=cohort, ledger=SimpleNamespace(damaged={}))
    ham, pad = (
        SimpleNamespace(arm=arm, context=context, declarations=("outcomes", *own))
        for arm, own in (("ham10000", ()), ("pad-ufes-20", ("leak probe: blank cells",)))
    )
    assert told(ham, [ham, pad]) == ["note: sex is blank", "warning: outcomes"]
    assert told(pad, [ham, pad])[1:] == ["warning: outcomes", "warning: arm pad-ufes-20: leak probe: blank cells"]
    assert told(pad, [pad])[-1] == "warning: leak probe: blank cells"


def test_another_cohort_is_evaluated_and_never_trained_on(start, tmp_path, capsys):
    write_ham10000(tmp_path / "data")
    write_isic2018_test(tmp_path / "other")
    external = {"external": {"cohort": {"name": "isic2018-test"}, "data": "other"}, "folds": {"plan": "external"}}
    assert start(STUDY | external) == 0, capsys.readouterr().err
    (record,) = Ledger(tmp_path / "run" / "ledger").records().values()
    predictions = Ledger(tmp_path / "run" / "ledger").predictions(record)
    assert set(predictions["group"].str.split("_").str[0]) == {"HAMTEST"}
    assert (record.n_train, record.n_test) == (42, 28)

    assert start(STUDY | external | {"external": {"cohort": {"name": "isic2018-test"}, "data": "nowhere"}}) == 2
    assert "external.data=" in capsys.readouterr().err
