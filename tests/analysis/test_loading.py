"""`load_run` and the notebook functions on run folders and ledgers written here."""

import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from sklearn.metrics import balanced_accuracy_score

import analysis
from analysis.errors import AnalysisError
from analysis.ledger import Ledger
from analysis.ledger.storage import Storage
from analysis.loading import load_run
from analysis.manifest import IN_RUN, Manifest, PlannedConfiguration, PlannedFold, PlannedPart
from analysis.report.header import header_facts
from analysis.report.verdict_text import verdict_paragraphs
from analysis.search_record import Entry, FoldEntry, SearchRecord
from analysis.study_file import TABLES_CHOSEN_AFTER

TABLES = (
    {"name": "fusions", "title": "Fusions", "rows": "fusion.name", "reference": {"fusion.name": "none"}},
    {"name": "recall", "title": "Recall", "kind": "per-class-recall"},
)
SKILLS = {"none": 1.0, "concat": 2.4, "multiply": 1.2}


def write_run(folder: Path, study, *, role="grid", tables=TABLES, name="made-up") -> Manifest:
    """Write a run folder with its ledger; the configurations are the fusions of SKILLS."""
    ledger, configurations = Ledger(folder / "ledger"), []
    for number, (fusion, skill) in enumerate(SKILLS.items()):
        settings = {"fusion": {"name": fusion}, "metadata": {"fields": [] if fusion == "none" else ["age"]}}
        fits = []
        for repeat, fold in study.planned:
            record = study.record(f"id{number}", settings, repeat, fold)
            ledger.put(record, study.frame(record, skill))
            fits.append(PlannedFold(repeat=repeat, fold=fold, key=record.key))
        configurations.append(
            PlannedConfiguration(identifier=f"id{number}", label=fusion, configuration=settings, fits=tuple(fits))
        )
    part = PlannedPart(
        name="",
        role=role,
        fingerprint=study.cohort.fingerprint,
        folds=record.folds,
        sample="image",
        trained_on="made up",
        factors=("fusion.name",),
        tables=tables,
        configurations=tuple(configurations),
    )
    manifest = Manifest(study=name, question="Which fusion?", parts=(part,))
    Storage(folder).write(IN_RUN, manifest.to_json())
    ledger.storage.write(f"studies/{name}.json", manifest.to_json())
    return manifest


@pytest.fixture
def run_folder(tmp_path, synthetic_study) -> Path:
    write_run(tmp_path / "run", synthetic_study)
    return tmp_path / "run"


@pytest.fixture
def synthetic_study(make_study):
    return make_study()


def scores_of(run):
    return {result.label: result.scores_of("mcr").estimate for part in run.parts for result in part.results}


def test_a_run_its_ledger_and_a_ledger_without_manifest_give_the_same_scores(run_folder):
    run = load_run(run_folder)
    assert [table.name for table in run.tables] == ["fusions_mcr", "recall"]
    assert run.parts[0].context.n_configurations == 3
    of_ledger = load_run(run_folder / "ledger")
    assert scores_of(of_ledger) == scores_of(run)
    assert of_ledger.tables == run.tables
    (run_folder / "ledger" / "studies" / "made-up.json").unlink()
    bare = load_run(run_folder / "ledger")
    assert sorted(scores_of(bare).values()) == sorted(scores_of(run).values())
    assert set(scores_of(bare)) == set(SKILLS)
    assert [table.name for table in bare.tables] == ["scores", "recall", "comparisons_mcr", "comparisons_auc"]


def test_a_run_folder_that_was_moved_finds_its_ledger(run_folder, tmp_path):
    manifest = Manifest.from_json((run_folder / IN_RUN).read_bytes(), IN_RUN)
    (run_folder / IN_RUN).write_bytes(replace(manifest, ledger="elsewhere/ledger").to_json())
    assert scores_of(load_run(run_folder))["concat"] > 0
    shutil.rmtree(run_folder / "ledger")
    with pytest.raises(AnalysisError, match=r"were in the ledger elsewhere/ledger, which is empty or gone"):
        load_run(run_folder)


def test_a_ledger_of_several_studies_asks_which(run_folder, synthetic_study):
    manifest = Manifest.from_json((run_folder / IN_RUN).read_bytes(), IN_RUN)
    ledger = Ledger(run_folder / "ledger")
    ledger.storage.write("studies/other.json", replace(manifest, study="other", question="Other?").to_json())
    with pytest.raises(AnalysisError, match=r"several studies; choose one, --study made-up \| other"):
        load_run(run_folder / "ledger")
    assert load_run(run_folder / "ledger", "other").manifest.question == "Other?"
    with pytest.raises(AnalysisError, match=r"--study third: not in .* \(it holds: made-up, other\)"):
        load_run(run_folder / "ledger", "third")
    with pytest.raises(AnalysisError, match="holds a run of 'made-up'"):
        load_run(run_folder, "other")


def test_a_study_file_brings_its_own_tables(run_folder, tmp_path):
    file = tmp_path / "mine.yaml"
    file.write_text(
        "name: mine\nquestion: Mine?\ntables:\n- {name: all, title: All, kind: scores, metrics: [accuracy]}\n"
    )
    run = load_run(run_folder, str(file))
    assert (run.manifest.study, [table.name for table in run.tables]) == ("mine", ["all"])
    for text, message in (
        ("a: [", "is no YAML"),
        ("name: x", "holds no tables"),
        ("tables: [3]", "which is no mapping"),
        (
            "tables: [{name: x, title: X, kind: ablatio}]",
            r"--study \S+mine.yaml: table x: kind='ablatio' is not known; did you mean 'ablation'\? \(choices: abl",
        ),
    ):
        file.write_text(text)
        with pytest.raises(AnalysisError, match=message):
            load_run(run_folder, str(file))
    with pytest.raises(AnalysisError, match="cannot be read"):
        load_run(run_folder, str(tmp_path / "none.yaml"))


def test_tables_that_the_run_did_not_record_are_called_exploratory(run_folder, tmp_path):
    manifest = Manifest.from_json((run_folder / IN_RUN).read_bytes(), IN_RUN)
    (run_folder / IN_RUN).write_bytes(replace(manifest, source="A paper.", expected="A gain.").to_json())
    file = tmp_path / "mine.yaml"
    file.write_text(yaml.safe_dump({"name": "mine", "tables": [TABLES[0] | {"name": "again", "title": "Again"}]}))
    run = load_run(run_folder, str(file))
    assert (run.manifest.source, run.manifest.expected) == ("A paper.", "A gain.")
    assert not any("exploratory" in note for table in run.tables for note in table.notes)
    file.write_text(yaml.safe_dump({"tables": [TABLES[0] | {"where": {"fusion.name": "concat"}}, TABLES[1]]}))
    run = load_run(run_folder, str(file))
    assert (run.manifest.source, run.manifest.expected) == ("", "")
    assert all(f"Warning: {TABLES_CHOSEN_AFTER}." in table.notes for table in run.tables)
    assert any("(`where`) keeps 2 of the 3 configurations tried" in note for note in run.tables[0].notes)
    (fact,) = [fact for fact in header_facts(run, None) if fact.term == "Tables"]
    assert "exploratory" in fact.lines[0]
    assert f"WARNING: {TABLES_CHOSEN_AFTER}." in verdict_paragraphs(run)[0].warnings
    assert not [fact for fact in header_facts(load_run(run_folder), None) if fact.term == "Tables"]


def test_a_table_across_arms_of_a_run_without_arms_is_refused(run_folder, tmp_path):
    file = tmp_path / "mine.yaml"
    file.write_text(yaml.safe_dump({"tables": [{"name": "across", "title": "Across", "kind": "arms"}]}))
    with pytest.raises(AnalysisError, match="table across: kind arms stands across arms, and this run has no arms"):
        load_run(run_folder, str(file))
    manifest = Manifest.from_json((run_folder / IN_RUN).read_bytes(), IN_RUN)
    again = replace(manifest.parts[0], role="confirmation")
    (run_folder / IN_RUN).write_bytes(replace(manifest, parts=(*manifest.parts, again)).to_json())
    with pytest.raises(AnalysisError, match="kind arms needs at least two arms"):
        analysis.table(analysis.load(run_folder), kind="arms")


def test_what_is_no_run_is_refused(tmp_path):
    with pytest.raises(AnalysisError, match="no such folder"):
        load_run(tmp_path / "nowhere")
    with pytest.raises(AnalysisError, match=r"neither a run \(no study.json\) nor a ledger"):
        load_run(tmp_path)
    (tmp_path / "fits").mkdir()
    (tmp_path / "fits" / "0.json").write_text("{")
    with pytest.raises(AnalysisError, match="no fold fit can be read"):
        load_run(tmp_path)


def test_a_killed_search_shows_the_trials_its_manifest_does_not_know(tmp_path, synthetic_study):
    manifest = write_run(tmp_path, synthetic_study, role="search", tables=TABLES[1:])
    part = manifest.parts[0]
    Storage(tmp_path).write(IN_RUN, replace(manifest, parts=(replace(part, configurations=()),)).to_json())
    trials = SearchRecord(Storage(tmp_path))
    states = ("complete", "pruned", "running")
    for number, (one, state) in enumerate(zip(part.configurations, states, strict=True)):
        fits = one.fits[:2] if state == "pruned" else one.fits
        folds = tuple(
            FoldEntry(repeat=fit.repeat, fold=fit.fold, key=fit.key, state="done", mcr=0.5, seconds=1.0) for fit in fits
        )
        dropped = {"rule": "racing", "evidence": {}} if state == "pruned" else None
        trials.write(
            Entry(
                study="made-up", number=number, state=state, asked=number, asked_at=0.0, configuration=one.identifier,
                label=one.label, folds=folds, dropped=dropped,
            )
        )  # fmt: skip
    run = load_run(tmp_path)
    complete, pruned = run.parts[0].results
    assert complete.complete
    assert complete.label == "none"
    assert (pruned.dropped, pruned.progress) == ("racing", "2/5")


def test_frames_hold_what_the_ledger_holds(run_folder):
    run = analysis.load(run_folder)
    assert repr(run) == "<study made-up: 3 configurations, 15 fold fits done>"
    assert run.configurations["fusion.name"].tolist() == list(SKILLS)
    predictions = run.predictions()
    for label in SKILLS:
        of_label = predictions[predictions["label"] == label]
        by_hand = np.mean(
            [balanced_accuracy_score(fold["truth"], fold["decision"]) for _, fold in of_label.groupby("fold")]
        )
        row = run.scores[(run.scores["label"] == label) & (run.scores["metric"] == "mcr")].iloc[0]
        assert row["estimate"] == pytest.approx(by_hand, abs=1e-12)
        folds = run.folds[(run.folds["label"] == label) & (run.folds["metric"] == "mcr")]
        assert folds["score"].mean() == pytest.approx(by_hand, abs=1e-12)
    assert not set(run.scores) & {"difference", "verdict", "is_reference", "fold_scores"}
    for frame in (run.configurations, run.scores, run.folds):
        assert list(frame.columns[:4]) == ["part", "configuration", "label", "fusion.name"]
    of_fusion = run.folds[run.folds["metric"] == "mcr"].groupby("fusion.name")["score"].mean()
    by_label = run.scores.query("metric == 'mcr'").set_index("label")["estimate"]
    assert of_fusion.to_dict() == pytest.approx({label.split()[0]: value for label, value in by_label.items()})
    assert run.curves.empty
    with pytest.raises(AnalysisError, match="target=x: name one of diagnosis"):
        run.predictions("x")


def test_compare_and_table_are_those_of_a_study(run_folder):
    run = analysis.load(run_folder)
    found = analysis.compare(run, {"fusion.name": "none"})
    assert found["label"].tolist() == ["concat", "multiply"]
    scores = run.scores.query("metric == 'mcr'").set_index("label")["estimate"]
    assert found["difference"].tolist() == pytest.approx([scores[one] - scores["none"] for one in found["label"]])
    table = analysis.table(run, rows="fusion.name", metric="mcr", reference={"fusion.name": "none"})
    assert [row[0].text for row in table.rows] == list(SKILLS)
    assert "<table" in table._repr_html_()
    assert "| concat |" in table._repr_markdown_()
    assert repr(table).startswith("### Ablation\n")
    assert repr(analysis.table(run, kind="per-class-recall")).startswith("### Recall by class\n")
    frame = table.frame()
    assert list(frame.columns) == ["fusion", "MCR, %", "Δ"]
    assert frame["fusion"].tolist() == list(SKILLS)
    assert frame.loc[0, "Δ"] == "reference"
    assert {"load", "compare", "table"} <= set(dir(analysis))
    for wrong, message in (
        ({"kind": "ablatio"}, "kind='ablatio' is not known; did you mean 'ablation'"),
        ({"kind": "ablation"}, "needs rows"),
        ({"kind": "scores", "part": "x"}, "part=x: name one of grid"),
    ):
        with pytest.raises(AnalysisError, match=message):
            analysis.table(run, **wrong)
    there = r"no configuration matches reference=\{fusion.name: film\}; there are fusion.name: none, concat, multiply$"
    with pytest.raises(AnalysisError, match=there):
        analysis.compare(run, {"fusion.name": "film"})


def test_the_analysis_runs_where_ray_and_torch_are_not_installed(run_folder):
    program = (
        "import sys\n"
        "class Absent:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name.split('.')[0] in ('ray', 'torch', 'torchvision', 'timm', 'optuna'):\n"
        "            raise ModuleNotFoundError(name)\n"
        "sys.meta_path.insert(0, Absent())\n"
        "import analysis, pathlib\n"
        "run = analysis.load(sys.argv[1])\n"
        "print(len(run.scores), analysis.compare(run, {'fusion.name': 'none'})['verdict'].tolist())\n"
        "foreign = [name for name in sys.modules if name.split('.')[0] in ('searchspace', 'trainables', 'models')]\n"
        "assert not foreign, foreign\n"
    )
    result = subprocess.run(
        [sys.executable, "-c", program, str(run_folder / "ledger")],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert result.returncode == 0, result.stderr
    assert "supported" in result.stdout


def test_pandas_reads_the_predictions_as_one_table(run_folder):
    everything = pd.read_parquet(run_folder / "ledger" / "predictions")
    assert len(everything) == len(analysis.load(run_folder).predictions())


def test_folds_that_a_copied_ledger_lacks_everywhere_are_missing(tmp_path, make_study):
    write_run(tmp_path / "run", make_study(folds=3, repeats=2))
    ledger = tmp_path / "run" / "ledger"
    (ledger / "studies" / "made-up.json").unlink()
    for path in (ledger / "fits").iterdir():
        fit = Ledger(ledger).get(path.stem)
        if (fit.repeat, fit.fold) == (1, 2):
            path.unlink()
        elif fit.fold == 1:
            path.write_text("{")
    found = load_run(ledger)
    for result in found.parts[0].results:
        assert result.progress == "3/6"
        assert [(one.repeat, one.fold) for one in result.failures] == [(0, 1), (1, 1), (1, 2)]


def test_a_holdout_is_planned_as_it_is_recorded(tmp_path, make_study):
    write_run(tmp_path / "run", make_study(folds=1, plan="holdout"))
    (tmp_path / "run" / "ledger" / "studies" / "made-up.json").unlink()
    assert all(result.complete for result in load_run(tmp_path / "run" / "ledger").parts[0].results)


def test_a_run_that_has_just_begun_can_be_read(run_folder, tmp_path):
    shared = tmp_path / "shared"
    manifest = replace(Manifest.from_json((run_folder / IN_RUN).read_bytes(), IN_RUN), ledger=str(shared))
    (run_folder / IN_RUN).write_bytes(manifest.to_json())
    shutil.rmtree(run_folder / "ledger")
    with pytest.raises(AnalysisError, match="empty or gone"):
        load_run(run_folder)
    Storage(shared).write("studies/made-up.json", manifest.to_json())
    run = load_run(run_folder)
    assert (run.tables, run.parts[0].context) == ((), None)
    with pytest.raises(AnalysisError, match="holds none of its fold fits yet"):
        analysis.table(run, kind="scores")


@pytest.mark.parametrize("name", ["../../x", "", None, ["a"], "a/b", "x" * 65, ".hidden", "a\n"])
def test_a_study_file_whose_name_is_no_name_is_refused(run_folder, tmp_path, name):
    file = tmp_path / "mine.yaml"
    file.write_text(yaml.safe_dump({"name": name, "tables": [TABLES[1]]}))
    with pytest.raises(AnalysisError, match=r"mine.yaml: name: .* is no name of a study"):
        load_run(run_folder, str(file))


def test_a_ledger_without_manifest_is_called_by_its_folder(run_folder, monkeypatch):
    ledger = run_folder / "ledger"
    shutil.rmtree(ledger / "studies")
    monkeypatch.chdir(ledger / "fits")
    assert load_run("..").manifest.study == "ledger"
    ledger.rename(run_folder / "_my ledger (é)")
    assert load_run(run_folder / "_my ledger (é)").manifest.study == "my-ledger----"
    with pytest.raises(AnalysisError, match=r"--study: '../x' is no name"):
        load_run(run_folder / "_my ledger (é)", "../x")


@pytest.mark.parametrize("text", ["question: !!timestamp 2020-13-45\ntables: [{}]", "tables: " + "[" * 1000])
def test_a_study_file_that_yaml_cannot_hold_is_refused(run_folder, tmp_path, text):
    (tmp_path / "mine.yaml").write_text(text)
    with pytest.raises(AnalysisError, match="is no YAML"):
        load_run(run_folder, str(tmp_path / "mine.yaml"))


def test_a_name_that_is_too_long_is_refused(tmp_path):
    with pytest.raises(AnalysisError, match="cannot be opened"):
        load_run(tmp_path / ("a" * 300))


@pytest.mark.parametrize("replicates", [1, 99, -1, 1.5, True, 1_000_001, "100"])
def test_replicates_that_give_no_interval_are_refused(tmp_path, replicates):
    with pytest.raises(AnalysisError, match=f"replicates={replicates}: give a whole number from 100 to 1,000,000"):
        analysis.load(tmp_path, replicates=replicates)


def test_damaged_importances_are_told_and_stop_nothing(run_folder):
    Storage(run_folder).write("search/importances.json", b"{")
    run = load_run(run_folder)
    assert run.importances == ()
    assert "search/importances.json cannot be used" in run.unreadable[0]


def test_what_is_no_run_or_no_settings_is_refused(run_folder):
    run = analysis.load(run_folder)
    for arguments, settings, message in (
        ((run, "none"), {}, "reference='none': give dotted settings"),
        ((run, {"fusion.name": "none"}), {"where": ["x"]}, "where=.'x'.: give dotted settings"),
        ((None, {}), {}, "run=None: give what analysis.load returned"),
        ((run, {"fusion.name": {"a": 1}}), {}, "fusion.name: {'a': 1} is none of its values"),
        ((run, {"metadata.fields": 5}), {}, "metadata.fields: 5 is none of its values"),
        ((run, {"fusion.name": "none"}), {"where": {"fusion.name": {"concat"}}}, "fusion.name: {'concat'} is none"),
    ):
        with pytest.raises(AnalysisError, match=message):
            analysis.compare(*arguments, **settings)
    with pytest.raises(AnalysisError, match="kind arms needs at least two arms"):
        analysis.table(run, kind="arms")


def test_a_table_of_kind_arms_stands_across_all_of_them(tmp_path, make_study):
    first = write_run(tmp_path, make_study())
    second = write_run(tmp_path / "other", make_study(plan="image-level", leak=0.4))
    for path in (tmp_path / "other" / "ledger").rglob("*.*"):
        shutil.copy(path, tmp_path / "ledger" / path.parent.name)
    parts = (replace(first.parts[0], name="grouped"), replace(second.parts[0], name="by-image"))
    Storage(tmp_path).write(IN_RUN, replace(first, parts=parts).to_json())
    run = analysis.load(tmp_path)
    table = analysis.table(run, kind="arms", metric="mcr")
    assert {column.group for column in table.columns} == {"", "grouped", "by-image"}
    assert [row[0].text for row in table.rows] == list(SKILLS)
    with pytest.raises(AnalysisError, match="stands across all of them; leave part out"):
        analysis.table(run, kind="arms", part="grouped")
