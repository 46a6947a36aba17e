"""Every violation in a ledger written here is found, told in words, and nothing else is."""

import dataclasses
import json
import sqlite3

import pytest
from accounted_runs import make_run

from analysis.accounting import account
from analysis.errors import AnalysisError, VersionError
from analysis.ledger import Ledger
from analysis.ledger.storage import Storage
from analysis.manifest import IN_RUN, Manifest

MARK = "0123456789abcdef" * 2


@pytest.fixture
def study(make_study):
    return make_study(folds=3, lesions=(6, 6, 6))


@pytest.fixture
def grid(tmp_path, study):
    return make_run(tmp_path / "run", study)


@pytest.fixture
def search(tmp_path, study):
    return make_run(tmp_path / "run", study, role="search")


def manifest_of(run):
    return Manifest.from_json((run.folder / IN_RUN).read_bytes(), IN_RUN)


def only(run, kind, text, **arguments):
    """The account of a run with one violation."""
    found = account(run.folder, **arguments)
    assert [one.kind for one in found.violations] == [kind], found.violations
    assert text in found.violations[0].text
    assert not found.accounted
    return found


def test_a_finished_grid_is_accounted_for_from_its_folder_and_from_its_ledger(grid):
    for place in (grid.folder, grid.folder / "ledger"):
        found = account(place)
        assert found.accounted, found.violations
        assert found.counts == {"done": 9, "diverged": 3, "failed": 0, "pruned": 0, "open": 0}
        assert {fit.reason for fit in found.fits} == {None, "the loss is not finite"}


def test_a_search_tells_what_it_dropped_with_the_evidence(search):
    found = account(search.folder)
    assert found.accounted, found.violations
    assert found.counts == {"done": 7, "diverged": 1, "failed": 0, "pruned": 4, "open": 0}
    dropped = [fit for fit in found.fits if fit.label == "multiply"]
    assert [fit.state for fit in dropped] == ["done", "pruned", "pruned"]
    assert dropped[1].reason == 'racing: {"behind":0.2,"folds":1}'
    of_ledger = account(search.folder / "ledger")
    assert (of_ledger.accounted, of_ledger.counts) == (True, found.counts)


def test_a_fold_that_ended_after_its_trial_was_dropped_is_what_its_record_says(search, study):
    record = search.ledger.get(search.key(2))
    other = dataclasses.replace(record, identity=record.identity | {"fold": 1}, fold=1)
    other = dataclasses.replace(other, n_test=int((study.fold_of[0] == 1).sum()))
    search.ledger.put(other, study.frame(other, 1.0))
    assert account(search.folder).accounted
    assert [fit.state for fit in account(search.folder).fits if fit.label == "multiply"] == ["done", "done", "pruned"]


def test_what_an_unfinished_run_lacks_is_open_and_what_a_finished_one_lacks_is_lost(grid):
    path = grid.folder / "ledger" / "fits" / f"{grid.key(0)}.json"
    path.unlink()
    (grid.folder / "ledger" / "predictions" / f"{grid.key(0)}.parquet").unlink()
    only(grid, "lost", "none, repeat 0, fold 0: the run has ended, the ledger has no record")
    for ended in (False, None):
        grid.plan(ended=ended)
        found = account(grid.folder)
        assert (found.counts["open"], found.violations, found.accounted) == (1, (), False)
        assert str(found.open[0]) == "none, repeat 0, fold 0"


def test_a_damaged_record_and_damaged_predictions_are_unreadable(grid):
    record = grid.folder / "ledger" / "fits" / f"{grid.key(0)}.json"
    whole = record.read_bytes()
    record.write_bytes(whole.replace(b'"n_inner":0', b'"n_inner":1'))
    only(grid, "unreadable", "does not match its checksum")
    record.write_bytes(whole)
    predictions = grid.folder / "ledger" / "predictions" / f"{grid.key(1, 2)}.parquet"
    content = predictions.read_bytes()
    predictions.write_bytes(content[:-1])
    only(grid, "unreadable", f"fold fit {grid.key(1, 2)[:12]} cannot be used: predictions of fold fit")
    predictions.unlink()
    only(grid, "unreadable", "are missing")
    predictions.write_bytes(content)
    assert account(grid.folder).accounted


def test_predictions_without_a_record_are_left_by_a_crash(grid):
    (grid.folder / "ledger" / "fits" / f"{grid.key(0)}.json").unlink()
    grid.plan(ended=False)
    found = account(grid.folder)
    assert [one.text for one in found.remains] == [f"predictions/{grid.key(0)}.parquet has no record"]
    assert (found.violations, len(found.open)) == ((), 1)
    grid.plan(ended=True)
    assert [one.kind for one in account(grid.folder).violations] == ["lost", "remains"]


def test_rows_that_are_not_those_of_the_fold_are_found(grid, study):
    record = grid.records[grid.key(1)]
    sound = study.frame(record, 1.0)
    twice, short, others, odd = (sound.copy() for _ in range(4))
    twice.loc[1, "sample"] = twice.loc[0, "sample"]
    others.loc[0, "sample"] = "image9999"
    odd["fold"] = 2
    for frame, text in (
        (twice, "is predicted twice"),
        (short.iloc[1:], "predictions, the record says"),
        (odd, "is of another repeat or fold"),
        (others, "concat, repeat 0, fold 0: other samples than the other configurations have"),
        (sound.drop(columns="group"), "has no column 'group'"),
    ):
        grid.predict(record.key, frame)
        only(grid, "predictions", text)
    grid.predict(record.key, sound)
    assert account(grid.folder).accounted


def test_samples_that_all_configurations_lack_or_repeat_are_found(tmp_path, study):
    run = make_run(tmp_path, study, n=1)
    record = run.records[run.key(0)]
    frame = study.frame(record, 1.0)
    run.records[run.key(0)] = dataclasses.replace(record, n_test=len(frame) - 1)
    run.predict(run.key(0), frame.iloc[1:])
    only(run, "predictions", "samples are predicted, the cohort has")
    other = study.frame(run.records[run.key(0, 1)], 1.0)
    frame.loc[0, ["sample", "group"]] = other.loc[0, ["sample", "group"]]
    run.records[run.key(0)] = record
    run.predict(run.key(0), frame)
    only(run, "predictions", "is predicted by folds 0 and 1")


def test_a_record_of_another_fold_fit_is_foreign(grid):
    for changes, text in (
        ({"configuration_id": "id7"}, "configuration id7"),
        ({"folds": {"plan": "grouped", "folds": 3, "repeats": 1, "seed": 8}}, "another fold plan"),
        ({"cohort": dataclasses.replace(grid.study.cohort, fingerprint="0" * 64)}, "another cohort"),
        ({"repeat": 4}, "repeat 4, fold 0"),
    ):
        grid.rewrite(grid.key(3), **changes)  # a diverged one: it has no predictions that would be odd as well
        only(grid, "foreign", text)
    grid.rewrite(grid.key(3))
    grid.rewrite(grid.key(3), reason=None)
    only(grid, "unexplained", "film, repeat 0, fold 0: diverged without a reason")


def test_what_is_counted_twice_is_found(grid):
    first, second = grid.part.configurations[:2]
    again = dataclasses.replace(first, fits=(*first.fits, first.fits[0]))
    grid.plan(dataclasses.replace(grid.part, configurations=(again, second)), ended=True)
    only(grid, "twice", "none, repeat 0, fold 0: stands 2 times in grid")
    taken = dataclasses.replace(second, identifier="id0", fits=(dataclasses.replace(first.fits[0], repeat=1),))
    grid.plan(dataclasses.replace(grid.part, configurations=(first, taken)))
    kinds = {one.kind for one in account(grid.folder).violations}
    assert kinds == {"twice", "foreign"}


def test_what_is_left_of_settled_fold_fits_is_found(grid):
    storage = grid.ledger.storage
    storage.write(f"attempts/{grid.key(0)}.json", b"{}")
    storage.write(f"checkpoints/{'0' * 64}.pt", b"of another study")
    assert account(grid.folder).accounted
    storage.write(f"checkpoints/{grid.key(0)}.pt", b"")
    only(grid, "remains", f"checkpoints/{grid.key(0)}.pt is left of a settled fold fit")
    storage.remove(f"checkpoints/{grid.key(0)}.pt")
    storage.write(f"fits/.{grid.key(0)}.json.{MARK}", b"{")
    only(grid, "remains", "was left half written")


def test_of_a_shared_ledger_only_the_own_fold_fits_count(grid):
    storage = grid.ledger.storage
    storage.write("studies/other.json", dataclasses.replace(manifest_of(grid), study="other").to_json())
    storage.write(f"fits/{'1' * 64}.json", b"damaged")
    storage.write(f"predictions/{'2' * 64}.parquet", b"being trained")
    storage.write(f"fits/.{'3' * 64}.json.{MARK}", b"{")
    storage.write(f"fits/.{grid.key(0)}.json.{MARK}", b"young")
    assert account(storage.location, "made-up").accounted
    with pytest.raises(AnalysisError, match="holds several studies; choose one"):
        account(storage.location)
    (grid.folder / "ledger").rename(grid.folder.parent / "shared")
    shared = str(grid.folder.parent / "shared")
    Storage(grid.folder).write(
        "study.json", dataclasses.replace(manifest_of(grid), ledger=shared, ended=True).to_json()
    )
    assert account(grid.folder).accounted
    Storage(shared).remove(f"fits/{grid.key(0)}.json")
    assert [one.kind for one in account(grid.folder).violations] == ["lost", "remains"]


def test_the_record_of_a_search_is_held_against_plan_and_ledger(search):
    complete, _, pruned, failed = search.entries
    fold = complete.folds[0]
    for entry, changes, kind, text in (
        (complete, {"fits": "0" * 64}, "search", "its fold fits are others than planned"),
        (complete, {"folds": complete.folds[1:]}, "search", "complete without fold fit"),
        (complete, {"folds": (dataclasses.replace(fold, mcr=0.4), *complete.folds[1:])}, "search", "another score"),
        (complete, {"state": "running"}, "remains", "search/000000.json is still running"),
        (pruned, {"dropped": None}, "unexplained", "trial 2, multiply: pruned without evidence"),
        (failed, {"reason": None}, "unexplained", "trial 3, film: failed without a reason"),
    ):
        search.write_entry(entry, **changes)
        only(search, kind, text)
        search.write_entry(entry)
    search.write_entry(complete, number=4)
    only(search, "twice", "none: 2 trials of the search are this one")


def test_damage_in_the_record_of_a_search_is_found(search):
    (search.folder / "search" / "000001.json").write_text("{")
    only(search, "unreadable", "search/000001.json cannot be used")
    (search.folder / "search" / "000003.json").unlink()
    (search.folder / "search" / "000001.json").unlink()
    found = account(search.folder)
    assert [one.kind for one in found.violations] == ["unreadable"]


def test_a_fold_fit_that_the_search_counts_and_the_ledger_lacks_is_lost(search):
    for folder, suffix in (("fits", "json"), ("predictions", "parquet")):
        search.ledger.storage.remove(f"{folder}/{search.key(0, 1)}.{suffix}")
    only(search, "lost", "trial 0, none, repeat 0, fold 1: the search counts it as done, the ledger has no record")


def test_a_search_that_is_under_way_may_plan_more(search):
    search.plan(ended=False)
    found = account(search.folder)
    assert (found.violations, found.open, found.searching, found.accounted) == ((), (), True, False)
    search.write_entry(search.entries[0], state="running", folds=(), told=None)
    search.plan(dataclasses.replace(search.part, configurations=()), ended=False)
    found = account(search.folder)
    assert not found.violations
    assert found.counts == {"done": 4, "diverged": 1, "failed": 0, "pruned": 4, "open": 3}
    assert [one.text for one in found.remains] == ["search/000000.json is still running"]


def test_a_trial_that_could_not_be_run_fails_its_folds_with_its_reason(search):
    search.write_entry(search.entries[2], state="failed", dropped=None, reason="its process died")
    found = account(search.folder)
    assert found.accounted, found.violations
    assert [(fit.state, fit.reason) for fit in found.fits if fit.label == "multiply"][1:] == [
        ("failed", "its process died")
    ] * 2


def test_optunas_database_may_have_no_trial_running_that_the_record_has_ended(search):
    path = search.folder / "optuna.db"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE trials (trial_id INTEGER, number INTEGER, study_id INTEGER, state TEXT)")
        connection.executemany("INSERT INTO trials VALUES (?, ?, 1, 'COMPLETE')", [(1, 0), (2, 1)])
    connection.close()
    assert account(search.folder).accounted
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE trials SET state = 'RUNNING' WHERE number = 1")
    connection.close()
    only(search, "remains", "optuna.db has trial 1 as RUNNING")
    path.write_bytes(path.read_bytes()[:100] + b"x" * 4000)
    only(search, "remains", "optuna.db cannot be read")


def test_a_confirmation_is_a_part_of_its_own(search):
    best = search.part.configurations[:1]
    part = dataclasses.replace(search.part, role="confirmation", configurations=best)
    search.plan(search.part, part, ended=True)
    found = account(search.folder)
    assert found.accounted, found.violations
    assert [fit.part for fit in found.fits] == ["search"] * 12 + ["confirmation"] * 3


def test_a_record_of_another_version_is_refused_and_named(grid):
    path = grid.folder / "ledger" / "fits" / f"{grid.key(0)}.json"
    path.write_text(json.dumps(json.loads(path.read_bytes()) | {"schema": 2}))
    with pytest.raises(VersionError, match="has schema version 2, this one reads 1: a newer fusesearch wrote it"):
        account(grid.folder)


def test_a_ledger_without_any_manifest_is_accounted_for_as_it_is(grid):
    (grid.folder / "ledger" / "studies" / "made-up.json").unlink()
    assert account(grid.folder / "ledger").counts["done"] == 9
    for key in (grid.key(0), grid.key(1)):
        Ledger(grid.folder / "ledger").storage.remove(f"fits/{key}.json")
        Ledger(grid.folder / "ledger").storage.remove(f"predictions/{key}.parquet")
    assert account(grid.folder / "ledger").counts["open"] == 2
