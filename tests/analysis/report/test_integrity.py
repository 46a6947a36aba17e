"""What is checked of a run: each fault in the ledger is found, named and counted, and a sound run is called so."""

import dataclasses

import numpy as np

from analysis.predictions import FoldPredictions
from analysis.report.integrity import SHOWN, Siblings, integrity, siblings
from analysis.report.methods import methods
from analysis.search_record import Entry

RECALL = {"name": "recall", "title": "Recall", "kind": "per-class-recall"}


def checks(run):
    return {check.title: check for part in integrity(run) for check in part.checks}


def test_a_sound_run_has_nothing_but_ok(build_run, make_study):
    found = checks(build_run(study=make_study(lesions=(30, 60, 24))))
    assert {check.state for check in found.values()} == {"ok"}
    assert found["folds"].text == "20 of 20 planned fold fits done; every configuration has all its folds"
    assert found["accounting"].text == "20 of 20 planned fold fits accounted for: 20 done"
    assert found["leak"].text.startswith("no lesion stands in two evaluation folds of a repeat")


def test_missing_and_failed_folds_are_listed_with_their_reason(build_run):
    found = checks(build_run(missing=[("concat age", (0, 2))], failed=[("multiply age", (0, 3))]))
    assert found["folds"].state == "warning"
    assert found["folds"].text == "18 of 20 planned fold fits done; 2 configurations incomplete"
    assert found["folds"].details == ("concat age: 4/5 folds", "multiply age: 4/5 folds")
    assert found["failed"].details == ("multiply age, repeat 0, fold 3: memory ran out",)
    assert found["accounting"].text == "19 of 20 planned fold fits accounted for: 18 done, 1 failed, 1 open"
    assert found["accounting"].state == "note"


def test_violations_of_the_account_are_told(build_run):
    run = build_run()
    key = run.parts[0].planned.configurations[0].fits[0].key
    run.ledger.storage.write(f"checkpoints/{key}.pt", b"left")
    found = checks(run)["accounting"]
    run.ledger.storage.remove(f"checkpoints/{key}.pt")
    assert (found.state, found.text.rpartition("; ")[2]) == ("warning", "1 violation")
    assert found.details == (f"checkpoints/{key}.pt is left of a settled fold fit",)


def test_siblings_are_counted_from_the_predictions():
    def part(fold, groups):
        samples = np.array([f"{fold}{place}" for place in range(len(groups))], dtype=object)
        return FoldPredictions(0, fold, samples, np.array(groups, dtype=object), {}, {})

    assert siblings([part(0, ["a", "a", "b"]), part(1, ["a", "c"])]) == Siblings(3, 5, 1)
    assert siblings([part(0, ["a", "a"])]).share == 0.0
    assert siblings([]).share == 0.0


def test_image_level_folds_are_a_leak(build_run, make_study):
    study = make_study(plan="image-level", leak=0.5)
    found = checks(build_run(study=study))["leak"]
    fold, groups = np.arange(len(study.samples)) % 5, study.groups
    spanning = {group for group in set(groups) if len(set(fold[groups == group])) > 1}
    beside = sum(group in spanning for group in groups)
    assert found.state == "warning"
    assert found.text.startswith(f"{beside} of {len(groups)} evaluated images ({100 * beside / len(groups):.0f} %)")
    assert found.text.endswith("recorded in training: 50 % with a sibling in the training part")


def test_small_and_absent_classes_are_named(build_run, make_study):
    found = checks(build_run(study=make_study(lesions=(30, 60, 2))))
    assert (
        found["class sizes"].text
        == "fewer than 20 lesions in df (2): intervals are too narrow there and tests unreliable"
    )
    assert found["classes"].state == "note"
    assert "repeat 0, fold 2: no df" in found["classes"].details


def test_damaged_records_and_mixed_devices_are_found(build_run, plan_part, make_study, ledger):
    study = make_study()
    few = {("image only", "none", ()): 0.8}
    part = plan_part(study, ledger, few, tables=[{"name": "s", "title": "S", "kind": "scores"}])
    key = part.configurations[0].fits[1].key
    ledger.storage.write(f"fits/{key}.json", b"{}")
    record = ledger.get(part.configurations[0].fits[0].key)
    body = record.__class__(**{**vars(record), "environment": {"device": "NVIDIA H200"}})
    ledger.put(body, ledger.predictions(record))
    found = checks(build_run(parts=(part,)))
    assert found["ledger"].state == "warning"
    assert found["ledger"].details[0].startswith(key[:12])
    assert found["devices and libraries"].details == ("fold fits mix device: NVIDIA H200, cpu x86_64",)


def test_left_out_samples_are_listed_up_to_a_limit(build_run, plan_part, make_study, ledger):
    part = plan_part(make_study(), ledger, {("image only", "none", ()): 0.8}, tables=[])
    odd = tuple((f"image{place}", "unreadable") for place in range(SHOWN + 5))
    found = checks(build_run(parts=(dataclasses.replace(part, left_out=odd),)))["skipped"]
    assert found.state == "note"
    assert found.text == "205 images could not be used and were left out"
    assert len(found.details) == SHOWN + 1
    assert found.details[-1] == "and 5 more"


def test_a_run_of_which_all_failed_says_nothing_of_its_predictions(build_run, make_study):
    few, study = {("image only", "none", ()): 0.8}, make_study()
    run = build_run(few, study=study, tables=[RECALL], failed=[("image only", fold) for fold in study.planned])
    found = checks(run)
    assert found["failed"].text == "5 fold fits failed"
    assert not {"pairing", "leak", "classes", "class sizes"} & set(found)
    assert methods(run).sentences[0].text == "Nothing has been evaluated yet."


def test_a_class_that_nobody_has_is_not_called_small(build_run, make_study):
    assert "df (0)" not in checks(build_run(study=make_study(lesions=(30, 60, 0))))["class sizes"].text


def test_faults_beside_the_fold_fits_are_listed(build_run):
    run = build_run({("image only", "none", ()): 0.8})
    run.ledger.storage.write(f"maps/{next(iter(run.parts[0].records))}.npz", b"x")
    found = checks(dataclasses.replace(run, unreadable=("importances.json cannot be used",)))
    assert found["run folder"].details == ("importances.json cannot be used",)
    assert found["activation maps"].state == "warning"
    assert found["activation maps"].text == "1 damaged file left out of the figures"
    assert found["activation maps"].details[0].startswith("maps/")


def test_a_gap_in_the_search_record_is_one_line(build_run):
    def damaged(number, why="it is missing"):
        reason = f"search/{number:06d}.json cannot be used: {why}; the search goes on without this trial"
        return Entry(study="", number=number, state="damaged", asked=-1, asked_at=0.0, told=-1, reason=reason)

    trial = Entry(study="s", number=1, state="running", asked=0, asked_at=0.0)
    entries = (damaged(0), trial, *(damaged(number) for number in range(2, 300)), damaged(300, "it is no entry"))
    found = checks(dataclasses.replace(build_run(), search=entries))["search record"]
    rest = "the search goes on without this trial"
    assert found.text == "300 damaged trials"
    assert found.details == (
        f"search/000000.json cannot be used: it is missing; {rest}",
        f"search/000002.json to search/000299.json cannot be used: it is missing; {rest}",
        f"search/000300.json cannot be used: it is no entry; {rest}",
    )
