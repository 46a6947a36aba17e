"""One rank of a trial without Ray: shares, waves, ticks, drops, and errors that end a trial."""

import dataclasses
import pickle

import pytest
import torch
from nested_studies import FINE_TUNED, FROZEN, FewFolds, study_of

from analysis.errors import StorageError
from trainables.events import FitEnded, TrialDropped, from_report
from trainables.executors import ranks
from trainables.executors.parcel import Parcel
from trainables.executors.ranks import train_share
from trainables.executors.train import gather_reports
from trainables.faults import NodeFault, NodeLeaves
from trainables.parallel import Parallel
from trainables.trial import run_trial


def folds_of(reports: list[dict]) -> list[int]:
    return [event.fold for report in reports for event in from_report(report) if isinstance(event, FitEnded)]


class Peers(Parallel):
    """A rank of several whose peers have always nothing to say."""

    def total(self, value: torch.Tensor) -> torch.Tensor:
        return value


def share(parcel: Parcel, context, own: Parallel, judge=None) -> list[dict]:
    reports: list[dict] = []
    train_share(parcel, context, own, judge, reports.append)
    return reports


def test_ranks_share_out_the_folds(tmp_path):
    context, [trial] = study_of(tmp_path, FROZEN)
    parcel = Parcel.of(trial, context)
    assert folds_of(share(parcel, context, Peers(0, 2))) == [0, 2]
    assert folds_of(share(parcel, context, Peers(1, 2))) == [1]
    again = Parcel.of(trial, context)
    assert (again.known, again.open) == ((0, 1, 2), ())


def test_a_rank_without_folds_reports_nothing_and_ends(tmp_path):
    context, [trial] = study_of(tmp_path, FROZEN)
    assert share(Parcel.of(trial, context), context, Peers(3, 4)) == [{"events": []}]


def test_events_come_in_ticks_and_a_small_fit_in_one(tmp_path, monkeypatch):
    context, [trial] = study_of(tmp_path, FROZEN)
    parcel = Parcel.of(trial, context)
    monkeypatch.setattr(ranks, "REPORT_SECONDS", 0.0)
    every = share(parcel, context, Parallel())
    assert [len(report["events"]) for report in every] == [1] * 12 + [0]
    monkeypatch.setattr(ranks, "REPORT_SECONDS", 60.0)
    assert [len(report["events"]) for report in share(parcel, context, Parallel())] == [3]


def test_a_judge_ends_a_trial_between_two_folds(tmp_path):
    context, [trial] = study_of(tmp_path, FROZEN)
    reports = share(Parcel.of(trial, context), context, Parallel(), FewFolds(2))
    assert folds_of(reports) == [0, 1]
    assert isinstance(from_report(reports[-1])[-1], TrialDropped)
    assert len(context.ledger.keys()) == 2


def test_waves_with_a_judge_are_what_is_known_one_one_and_the_rest():
    parcel = Parcel("id", known=(1,), open=(0, 2, 3, 4), together=False, content=b"")
    assert parcel.waves(judged=True) == ((1,), (0,), (2,), (3, 4))
    assert parcel.waves(judged=False) == ((1, 0, 2, 3, 4),)
    assert dataclasses.replace(parcel, known=(), open=(3,)).waves(judged=True) == ((3,),)


@pytest.mark.parametrize(
    ("folds", "together", "most", "expected"), [(3, 1, 8, 3), (3, 1, 2, 2), (1, 1, 0, 1), (1, 2, 8, 2)]
)
def test_a_trial_takes_no_more_ranks_than_it_has_folds_to_train(tmp_path, folds, together, most, expected):
    context, [trial] = study_of(tmp_path, FINE_TUNED, ranks_per_fit=together)
    assert Parcel.of(trial, context, ranks=most, fits=range(folds)).ranks == expected


def test_an_error_that_would_come_again_is_reported_with_what_was_done(tmp_path):
    context, [trial] = study_of(tmp_path, FROZEN)
    broken = dataclasses.replace(trial, fits=(trial.fits[0], dataclasses.replace(trial.fits[1], split=99)))
    [report] = share(Parcel.of(broken, context), context, Parallel())
    assert folds_of([report]) == [0]
    assert report["gave_up"] == "IndexError: tuple index out of range"


@pytest.mark.parametrize("error", [ConnectionError("gone"), RuntimeError("a peer died")])
def test_an_error_that_may_pass_is_raised(tmp_path, monkeypatch, error):
    context, [trial] = study_of(tmp_path, FROZEN)

    def failing(*arguments, **named):
        raise error
        yield

    monkeypatch.setattr(ranks, "run_trial", failing)
    with pytest.raises(type(error), match=str(error)):
        share(Parcel.of(trial, context), context, Parallel())


@pytest.mark.parametrize(
    ("error", "why"),
    [
        (StorageError("cannot write fits/k.json: disk full"), {"halt": "cannot write fits/k.json: disk full"}),
        (NodeFault("cannot write the cache"), {"halt": "cannot write the cache"}),
        (NodeLeaves(), {"left": True}),
    ],
)
def test_what_no_fold_fit_is_to_blame_for_is_told_apart(tmp_path, monkeypatch, error, why):
    context, [trial] = study_of(tmp_path, FROZEN)

    def failing(*arguments, **named):
        raise error
        yield

    monkeypatch.setattr(ranks, "run_trial", failing)
    assert share(Parcel.of(trial, context), context, Parallel())[0] == {"events": [], **why}


def test_reports_of_all_ranks_become_one():
    assert gather_reports([{"events": [1]}, {"events": []}, {"events": [2, 3]}]) == {"events": [1, 2, 3]}
    assert gather_reports([{"events": []}, {"events": [1], "gave_up": "why"}]) == {"events": [1], "gave_up": "why"}


def test_a_parcel_holds_its_trial_unopened_and_goes_by_its_name(tmp_path):
    context, [trial] = study_of(tmp_path, FROZEN)
    parcel = pickle.loads(pickle.dumps(Parcel.of(trial, context)))
    assert parcel.trial() == trial
    assert str(parcel) == trial.identifier
    assert (parcel.known, parcel.open, parcel.together) == ((), (0, 1, 2), False)
    list(run_trial(trial, context, workers=1, fits=trial.fits[1:2]))
    assert Parcel.of(trial, context).known == (1,)
