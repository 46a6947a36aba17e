"""The methods paragraph names what was used and no more; the header holds data, seeds, code and hash."""

import dataclasses

import pytest

from analysis.citations import CITATIONS
from analysis.report.header import configuration_hash, header_facts
from analysis.report.methods import METHODS, methods, methods_used
from analysis.report.search_text import search_lines
from analysis.search_record import Entry, FoldEntry

COMPARISONS = {"name": "c", "title": "C", "kind": "comparisons", "reference": {"fusion.name": "none"}}


@pytest.mark.parametrize("method", METHODS, ids=lambda method: method.keys[0])
def test_every_method_has_known_sources_and_a_whole_sentence(method):
    assert set(method.keys) <= set(CITATIONS)
    assert method.text[0].isupper()
    assert method.text.endswith(".")
    assert method.columns or method.metrics or method.figures


def test_only_methods_with_a_value_are_named():
    assert methods_used([{"nb_low": None, "boot_low": None}]) == ()
    (found,) = methods_used([{"nb_low": None}, {"nb_low": 0.1}])
    assert found.keys == ("nadeau2003",)
    assert methods_used([{"metric": "brier"}])[0].keys == ("brier1950",)
    assert len(methods_used([{"p_nb_holm": 0.1, "p_max_se_holm": 0.1}])) == 1
    (maps,) = methods_used([], ["maps_gained", "forest_subsets_mcr"])
    assert maps.keys == ("selvaraju2017", "zhou2016")


def test_every_method_goes_by_a_column_or_metric_that_tables_have(build_run):
    tables = [
        {**COMPARISONS, "metrics": ["mcr", "auc", "accuracy", "brier", "ece"], "where": {"metadata.fields": ["age"]}},
        {"name": "r", "title": "R", "kind": "per-class-recall"},
        {"name": "a", "title": "A", "kind": "per-class-auc"},
        {"name": "e", "title": "E", "kind": "effects", "rows": "metadata.fields", "columns": "fusion.name"},
        {"name": "s", "title": "S", "kind": "scores", "published": "pad-peers", "metrics": ["mcr", "auc"]},
    ]
    skills = {("image only", "none", ()): 0.8} | {
        (f"{fusion} {field}", fusion, (field,)): 1.0 for fusion in ("concat", "multiply") for field in ("age", "sex")
    }
    run = build_run(skills, tables=tables, replicates=20)
    records = [record for table in run.tables for record in table.records]
    columns, metrics = {name for record in records for name in record}, {record["metric"] for record in records}
    for method in METHODS:
        assert set(method.columns) <= columns
        assert set(method.metrics) <= metrics


def test_the_bibliography_is_numbered_by_first_use(build_run):
    found = methods(build_run())
    numbers = list(dict.fromkeys(number for sentence in found.sentences for number in sentence.numbers))
    assert numbers == list(range(1, len(found.bibliography) + 1))
    assert len(set(found.bibliography)) == len(found.bibliography)
    text = " ".join(sentence.text for sentence in found.sentences)
    assert "5-fold cross-validation (grouped) by lesion" in text
    assert "bootstrap" not in text


def test_one_split_has_no_corrected_t(build_run, make_study):
    text = " ".join(one.text for one in methods(build_run(study=make_study(plan="holdout", folds=1))).sentences)
    assert text.startswith("One split (holdout) of ")
    assert "Nadeau-Bengio" not in text
    assert "corrected resampled t" not in text


def test_published_sources_are_listed(build_run):
    tables = [{"name": "s", "title": "S", "kind": "scores", "published": "pad-peers", "metrics": ["mcr", "auc"]}]
    (source,) = methods(build_run(tables=tables)).published
    assert "Lima & Krohling 2022" in source


def test_the_header_holds_data_seeds_code_and_hash(build_run):
    run = build_run(manifest={"settings": {"strategy": {"name": "tpe", "seed": 3}}})
    facts = {fact.term: fact.lines for fact in header_facts(run, "May 2026")}
    assert facts["Seeds"] == ("folds 0; training 7; search 3",)
    assert facts["Code"] == ("fusesearch 0.1.0",)
    assert facts["Fold fits"] == ("20 of 20 done, of 4 configurations",)
    assert facts["Date"] == ("May 2026",)
    assert facts["Data"][0].startswith("phantom, ")
    assert "mel " in facts["Data"][0]
    assert facts["Configuration hash"] == (configuration_hash(run),)


def test_the_hash_changes_with_what_was_asked_and_not_with_what_is_done(build_run):
    whole = build_run()
    fewer = dataclasses.replace(
        whole, parts=tuple(dataclasses.replace(part, results=part.results[:2]) for part in whole.parts)
    )
    planned = dataclasses.replace(whole.parts[0].planned, configurations=whole.parts[0].planned.configurations[:2])
    other = dataclasses.replace(whole, parts=(dataclasses.replace(whole.parts[0], planned=planned),))
    assert configuration_hash(whole) == configuration_hash(fewer)
    assert configuration_hash(whole) != configuration_hash(other)


def test_a_search_is_told_in_sentences(build_run):
    def entry(number, state, **fields):
        fold = FoldEntry(repeat=0, fold=0, key="k", state="done", mcr=0.5, seconds=1.0)
        told = {"study": "s", "asked": number, "asked_at": 0.0, "configuration": f"c{number}", "folds": (fold,)}
        return Entry(**told | {"number": number, "state": state} | fields)

    entries = (
        entry(0, "complete"),
        entry(1, "pruned", dropped={"rule": "racing"}),
        entry(2, "complete", constraints={"seconds": 0.5}),
        entry(3, "skipped", folds=()),
    )
    assert search_lines(build_run(search=entries))[:5] == (
        "3 trials: 2 complete, 1 dropped by racing.",
        "Spent: 3 of the 15 fold fits that all trials have (20 %).",
        "1 suggestion was not run: impossible, or known already.",
        "1 trial broke a limit of the study and was not confirmed.",
        "The best of 3 configurations was chosen by the folds that scored it, so its score is optimistic; no finalist "
        "has been trained again.",
    )
    assert search_lines(build_run()) == ()
