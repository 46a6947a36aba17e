"""From records and predictions to scores, and every fault that must be refused on the way."""

import dataclasses
import re

import numpy as np
import pytest
from sklearn.metrics import balanced_accuracy_score

from analysis.errors import AnalysisError
from analysis.evaluation import evaluate
from analysis.provenance import mix_warnings
from analysis.statistics.clustering import clustered_se, mcr_influence


def fits_of(study, configuration, identifier="one", skill=1.0):
    records = [study.record(identifier, configuration, repeat, fold) for repeat, fold in study.planned]
    return records, {record.key: study.frame(record, skill) for record in records}


def evaluated(study, records, frames, configuration=None):
    return evaluate("one", configuration or {}, "One", study.planned, records, frames)


def test_fold_scores_are_scikit_learns(make_study):
    study = make_study()
    records, frames = fits_of(study, {})
    result = evaluated(study, records, frames)
    for record in records:
        frame = frames[record.key]
        columns = [name for name in frame if name.startswith("probability:")]
        predicted = frame[columns].idxmax(axis=1).str.rpartition(":")[2]
        expected = balanced_accuracy_score(frame["target:diagnosis"], predicted)
        assert result.scores_of("mcr").by_fold[record.repeat, record.fold] == pytest.approx(expected)
    assert result.complete
    assert result.progress == "5/5"


def test_clustered_se_pools_the_folds_of_a_repeat(make_study):
    study = make_study()
    records, frames = fits_of(study, {})
    labels, probabilities, groups = [], [], []
    for frame in frames.values():
        names = [name for name in frame if name.startswith("probability:")]
        classes = [name.rpartition(":")[2] for name in names]
        labels += [classes.index(name) for name in frame["target:diagnosis"]]
        probabilities.append(frame[names].to_numpy())
        groups += frame["group"].tolist()
    expected = clustered_se(mcr_influence(np.array(labels), np.concatenate(probabilities)), np.array(groups))
    assert evaluated(study, records, frames).scores_of("mcr").clustered_se == pytest.approx(expected)


def test_identical_repeats_change_no_standard_error(make_study):
    once, twice = make_study(), make_study(repeats=2)
    twice.fold_of[1] = twice.fold_of[0]
    twice.frame = lambda record, skill: make_study.frame(twice, dataclasses.replace(record, repeat=0), skill).assign(
        repeat=record.repeat
    )
    one, two = (evaluated(study, *fits_of(study, {})) for study in (once, twice))
    for metric in ("mcr", "auc"):
        assert two.scores_of(metric).estimate == pytest.approx(one.scores_of(metric).estimate)
        assert two.scores_of(metric).clustered_se == pytest.approx(one.scores_of(metric).clustered_se)
        assert two.scores_of(metric).fold_sd == pytest.approx(one.scores_of(metric).fold_sd)


def test_two_repeats_give_ten_folds_and_the_measured_ratio(make_study):
    study = make_study(repeats=2)
    result = evaluated(study, *fits_of(study, {}))
    scores = result.scores_of("mcr")
    assert len(scores.values) == 10
    assert scores.folds == 5
    ratios = [result.n_test[fold] / result.n_train[fold] for fold in study.planned]
    assert scores.test_over_train == pytest.approx(np.median(ratios))
    assert scores.test_over_train == pytest.approx(0.25, abs=0.03)


def test_two_targets_are_scored_apart_and_averaged(make_study):
    study = make_study(targets=("diagnosis", "elevation"))
    result = evaluated(study, *fits_of(study, {}))
    both, one, other = (result.scores_of("auc", target) for target in (None, "diagnosis", "elevation"))
    assert one.estimate != other.estimate
    assert both.estimate == pytest.approx((one.estimate + other.estimate) / 2)
    assert list(result.counts) == ["diagnosis", "elevation"]
    with pytest.raises(AnalysisError, match="no metric 'auc' of target 'elevations'"):
        result.scores_of("auc", "elevations")


def test_class_counts_are_samples_and_groups(make_study):
    study = make_study(repeats=2)
    counts = {count.name: count for count in evaluated(study, *fits_of(study, {})).counts["diagnosis"]}
    assert [counts[name].n_groups for name in ("mel", "nv", "df")] == [30, 60, 24]
    assert sum(count.n_samples for count in counts.values()) == len(study.samples)


def test_a_configuration_with_a_fold_missing_or_diverged_has_no_scores(make_study, configure):
    study = make_study()
    result = study.result(configure("none"), 1.0, label="image only", missing=[(0, 4)], diverged=[(0, 1)])
    assert result.progress == "3/5"
    assert [(failure.fold, failure.state, failure.reason) for failure in result.failures] == [
        (1, "diverged", "the loss is not finite"),
        (4, "missing", "not run"),
    ]
    with pytest.raises(AnalysisError, match="'image only' is incomplete"):
        result.scores_of("mcr")
    nothing = evaluate("one", {}, "One", study.planned, [], {})
    assert (nothing.progress, nothing.complete) == ("0/5", False)


def test_a_dropped_configuration_is_incomplete_by_intent(make_study, configure):
    study = make_study()
    dropped = study.result(configure("none"), 1.0, missing=[(0, 4)], dropped="racing")
    assert (dropped.complete, dropped.unfinished, dropped.dropped) == (False, False, "racing")
    missing = study.result(configure("concat"), 1.0, missing=[(0, 4)])
    assert (missing.unfinished, missing.dropped) == (True, None)
    whole = study.result(configure("multiply"), 1.0, dropped="racing")  # its folds came from another study's ledger
    assert (whole.complete, whole.unfinished, whole.dropped) == (True, False, None)


def test_an_image_level_plan_may_split_lesions_and_a_grouped_one_may_not(make_study):
    leaking = make_study(plan="image-level")
    records, frames = fits_of(leaking, {})
    assert evaluated(leaking, records, frames).complete
    claimed = [dataclasses.replace(record, folds=record.folds | {"plan": "grouped"}) for record in records]
    with pytest.raises(AnalysisError, match=r"group 'lesion\d+' spans folds \d and \d"):
        evaluated(leaking, claimed, frames)


def test_a_holdout_leaves_samples_out_and_a_grouped_plan_may_not(make_study):
    holdout = make_study(plan="holdout", folds=1)
    result = evaluated(holdout, *fits_of(holdout, {}))
    assert result.scores_of("mcr").single_split
    assert sum(result.n_test.values()) < len(holdout.samples)
    repeated = make_study(plan="holdout", folds=1, repeats=3)
    assert len(evaluated(repeated, *fits_of(repeated, {})).scores_of("mcr").values) == 3
    study = make_study(repeats=2)
    study.fold_of[1][:3] = -1
    with pytest.raises(AnalysisError, match="repeat 1: 3 samples are never predicted, the first is 'image0000'"):
        evaluated(study, *fits_of(study, {}))


def break_frame(change):
    def broken(study):
        records, frames = fits_of(study, {})
        frames[records[0].key] = change(frames[records[0].key].copy())
        return records, frames

    return broken


def other_record(**changes):
    def broken(study):
        records, frames = fits_of(study, {})
        return [dataclasses.replace(records[0], **changes), *records[1:]], frames

    return broken


def borrow_a_sample(study):
    records, frames = fits_of(study, {})
    first, second = (frames[record.key] for record in records[:2])
    first.loc[0, ["sample", "group"]] = second.loc[0, ["sample", "group"]]
    return records, frames


SWAPPED = ["probability:diagnosis:nv", "probability:diagnosis:mel"]


@pytest.mark.parametrize(
    ("broken", "message"),
    [
        (break_frame(lambda frame: frame.assign(sample=frame["sample"].iloc[0])), "is predicted twice"),
        (break_frame(lambda frame: frame.iloc[1:]), "predictions, the record says"),
        (break_frame(lambda frame: frame.assign(fold=3)), "another repeat or fold"),
        (break_frame(lambda frame: frame.drop(columns="group")), "no column 'group'"),
        (break_frame(lambda frame: frame.drop(columns=SWAPPED[0])), "the columns of target 'diagnosis'"),
        (break_frame(lambda frame: frame[[*frame.columns[:6], *SWAPPED, frame.columns[-1]]]), "its declared classes"),
        (break_frame(lambda frame: frame.assign(**{"target:diagnosis": "bcc"})), "class 'bcc' of target 'diagnosis'"),
        (break_frame(lambda frame: frame.assign(**{SWAPPED[0]: np.nan})), "is not finite"),
        (other_record(metrics={"threshold:diagnosis": 0.5}), "target 'diagnosis' of 3 classes has a threshold"),
    ],
)
def test_a_fold_whose_own_predictions_are_faulty_counts_as_failed(make_study, broken, message):
    study = make_study()
    records, frames = broken(study)
    result = evaluated(study, records, frames)
    (failure,) = result.failures
    assert (failure.repeat, failure.fold, failure.state) == (records[0].repeat, records[0].fold, "failed")
    assert re.search(message, failure.reason)
    assert failure.reason.endswith(f"delete fits/{records[0].key}.json to train it again")
    assert (result.progress, dict(result.scores)) == ("4/5", {})


@pytest.mark.parametrize("threshold", ["0.5", [], float("inf")])
def test_a_threshold_that_is_no_number_is_told(make_study, threshold):
    study = make_study(lesions=(30, 60))
    records, frames = fits_of(study, {})
    records[2] = dataclasses.replace(records[2], metrics={"threshold:diagnosis": threshold})
    (failure,) = evaluated(study, records, frames).failures
    assert f"fold 2: the threshold of target 'diagnosis' is {threshold!r}, no number" in failure.reason


@pytest.mark.parametrize(
    ("broken", "message"),
    [
        (borrow_a_sample, "is predicted by folds 0 and 1"),
        (other_record(configuration_id="two"), "belongs to configuration two"),
        (other_record(fold=7), "was not planned"),
        (other_record(fold=1), "there are two records"),
        (other_record(identity={"fold": "unseen"}), "no predictions were given"),
    ],
)
def test_faulty_ledgers_are_refused(make_study, broken, message):
    study = make_study()
    with pytest.raises(AnalysisError, match=message):
        evaluated(study, *broken(study))


def test_fits_of_another_cohort_are_refused(make_study):
    study = make_study()
    records, frames = fits_of(study, {})
    records[1] = dataclasses.replace(records[1], cohort=dataclasses.replace(study.cohort, fingerprint="0" * 64))
    with pytest.raises(AnalysisError, match="fold 1: the cohort is not that of"):
        evaluated(study, records, frames)


def test_mixed_devices_and_component_versions_are_told(make_study):
    study = make_study()
    records, _ = fits_of(study, {})
    identity = records[1].identity
    records[0] = dataclasses.replace(records[0], environment={"device": "H200"})
    records[1] = dataclasses.replace(records[1], identity=identity | {"components": {"fusion concat": 1}})
    records[2] = dataclasses.replace(records[2], identity=records[2].identity | {"components": {"fusion concat": 2}})
    assert mix_warnings(records) == (
        "fold fits mix device: H200, cpu x86_64",
        "fold fits mix versions of fusion concat: 1, 2",
    )
    assert mix_warnings(records[3:]) == ()
