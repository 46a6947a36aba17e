"""What is checked of a run: each fault in the ledger is found, named and counted, and a sound run is called so."""

import numpy as np

from analysis.predictions import FoldPredictions
from analysis.report.integrity import SHOWN, Siblings, integrity, siblings


def checks(run):
    return {check.title: check for part in integrity(run) for check in part.checks}


def test_a_sound_run_has_nothing_but_ok(build_run, make_study):
    found = checks(build_run(study=make_study(lesions=(30, 60, 24))))
    assert {check.state for check in found.values()} == {"ok"}
    assert found["folds"].text == "20 of 20 planned fold fits done; every configuration has all its folds"
    assert found["leak"].text.startswith("no lesion stands in two evaluation folds of a repeat")


def test_missing_and_failed_folds_are_listed_with_their_reason(build_run):
    found = checks(build_run(missing=[("concat age", (0, 2))], failed=[("multiply age", (0, 3))]))
    assert found["folds"].state == "warning"
    assert found["folds"].text == "18 of 20 planned fold fits done; 2 configurations incomplete"
    assert found["folds"].details == ("concat age: 4/5 folds", "multiply age: 4/5 folds")
    assert found["failed"].details == ("multiply age, repeat 0, fold 3: memory ran out",)


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
    assert found["class sizes"].text == "fewer than 20 lesions in df (2): tests reject too often there"
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
    import dataclasses

    part = plan_part(make_study(), ledger, {("image only", "none", ()): 0.8}, tables=[])
    odd = tuple((f"image{place}", "unreadable") for place in range(SHOWN + 5))
    found = checks(build_run(parts=(dataclasses.replace(part, left_out=odd),)))["skipped"]
    assert found.state == "note"
    assert found.text == "205 images could not be used and were left out"
    assert len(found.details) == SHOWN + 1
    assert found.details[-1] == "and 5 more"
