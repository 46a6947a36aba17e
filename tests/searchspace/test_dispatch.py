"""What is handed out: everything once, chunks that shrink, lanes, ranks, what comes back, and no idle process."""

import heapq
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from searchspace.capacity import Lanes
from searchspace.dispatch import MOST_RETURNS, Dispatch


@dataclass(frozen=True)
class Fit:
    identity: dict


@dataclass(frozen=True)
class Trial:
    """A trial by its name; `tuned` ones train on a GPU."""

    label: str
    folds: int
    tuned: bool = False

    @property
    def identifier(self) -> str:
        return self.label

    @property
    def configuration(self) -> "Trial":
        return self

    @property
    def fits(self) -> list[Fit]:
        return [Fit({"repeat": 0, "fold": fold}) for fold in range(self.folds)]


@dataclass
class Context:
    together: int = 1
    gpu: bool = False

    def on_gpu(self, trial: Trial) -> bool:
        return self.gpu and trial.tuned

    def ranks_of(self, trial: Trial) -> int:
        return self.together


def dispatch(trials, lanes, *, nested=False, context=None) -> Dispatch:
    work = [(trial, range(trial.folds)) for trial in trials]
    found = lanes if callable(lanes) else lambda: lanes
    return Dispatch(work, context or Context(), found, nested=nested)


def cpus(n: int) -> Lanes:
    return Lanes(0, n, n)


@dataclass
class Play:
    """Plays a dispatch with given durations and says what a process did when."""

    queue: Dispatch
    seconds: dict[str, float] = field(default_factory=dict)
    start_up: float = 0.0
    trained: list = field(default_factory=list)
    busy: float = 0.0
    empty_at: float = 0.0

    def run(self, processes: int) -> float:
        """Return the share of time that `processes` trained until nothing waited any more."""
        now, running, number = 0.0, [], 0
        while not self.queue.finished:
            while (parcel := self.queue.next(str(number))) is not None:
                each = self.seconds.get(parcel.identifier, 1.0)
                chunks = [parcel.open[rank :: parcel.ranks] for rank in range(parcel.ranks)]
                length = self.start_up + max(len(chunk) for chunk in chunks) * each
                self.busy += len(parcel.open) * each
                heapq.heappush(running, (now + length, number, parcel))
                number += 1
                self.empty_at = now
            now, ended, parcel = heapq.heappop(running)
            self.trained += [(parcel.identifier, position) for position in parcel.open]
            self.queue.back(str(ended), {(0, position) for position in parcel.open}, {})
        return self.busy / (now * processes)


@pytest.mark.parametrize("nested", [False, True])
@given(
    folds=st.lists(st.integers(1, 6), min_size=1, max_size=12), processes=st.integers(1, 20), together=st.integers(1, 3)
)
def test_every_fold_fit_is_handed_out_once(nested, folds, processes, together):
    trials = [Trial(f"t{n}", count) for n, count in enumerate(folds)]
    together = together if nested and together <= processes else 1
    play = Play(dispatch(trials, cpus(processes), nested=nested, context=Context(together)))
    play.run(processes)
    assert sorted(play.trained) == sorted((trial.label, fold) for trial in trials for fold in range(trial.folds))


@given(processes=st.integers(1, 64), nested=st.booleans())
def test_no_more_processes_are_taken_than_there_are(processes, nested):
    queue = dispatch([Trial(f"t{n}", 5) for n in range(9)], cpus(processes), nested=nested)
    number = 0
    while queue.next(str(number)) is not None:
        number += 1
    assert queue.out == min(processes, 45)


def test_whole_trials_come_first_and_single_fold_fits_last():
    queue = dispatch([Trial(f"t{n}", 5) for n in range(40)], cpus(4))
    sizes = []
    for number in range(200):
        parcel = queue.next(str(number))
        if parcel is None:
            break
        sizes.append(len(parcel.open))
        queue.back(str(number), {(0, position) for position in parcel.open}, {})
    assert sizes[0] == 5
    assert sizes[-8:] == [1] * 8
    assert sum(sizes) == 200


def test_200_fold_fits_keep_8_processes_busy():
    """Fold fits of 2 to 4 s, 0.3 s to begin a parcel: the share of training, the last ones included."""
    trials = [Trial(f"t{n}", 5) for n in range(40)]
    seconds = {trial.label: 2.0 + 2.0 * (n % 5) / 4 for n, trial in enumerate(trials)}
    assert Play(dispatch(trials, cpus(8)), seconds, start_up=0.3).run(8) > 0.9


def test_nested_runs_are_few_on_a_large_cluster():
    queue = dispatch([Trial(f"t{n}", 5) for n in range(400)], cpus(64), nested=True)
    parcels = []
    while (parcel := queue.next(str(len(parcels)))) is not None:
        parcels.append(parcel)
    assert sum(parcel.ranks for parcel in parcels) == 64
    assert len(parcels) <= 17


def test_ranks_that_train_together_wait_until_all_are_free():
    queue = dispatch([Trial("a", 3), Trial("b", 3)], cpus(3), nested=True, context=Context(together=2))
    first = queue.next("1")
    assert (first.open, first.ranks) == ((0, 1, 2), 2)
    assert queue.next("2") is None
    queue.back("1", {(0, 0), (0, 1), (0, 2)}, {})
    assert queue.next("2").identifier == "b"


def test_heads_run_beside_the_gpus_and_take_all_cpus_when_these_are_done():
    trials = [Trial("tuned", 1, tuned=True), *(Trial(f"head{n}", 1) for n in range(5))]
    queue = dispatch(trials, Lanes(gpu=1, cpu=2, cpu_alone=4), context=Context(gpu=True))
    out = {name: queue.next(name) for name in "abc"}
    assert [parcel.on_gpu for parcel in out.values()] == [True, False, False]
    assert queue.next("d") is None
    queue.back("a", {(0, 0)}, {})
    assert [queue.next(name).identifier for name in "de"] == ["head2", "head3"]
    assert queue.next("f") is None


def test_what_comes_back_unfinished_is_handed_out_first():
    queue = dispatch([Trial("a", 5), Trial("b", 5)], cpus(1))
    parcel = queue.next("1")
    assert parcel.open == (0, 1, 2, 3, 4)
    queue.back("1", {(0, 0), (0, 3)}, {"died": "its process died"})
    again = queue.next("2")
    assert (again.identifier, again.open) == ("a", (1, 2, 4))


def test_a_trial_that_never_gets_further_is_given_up_and_the_others_go_on():
    queue = dispatch([Trial("poison", 1), Trial("b", 1)], cpus(1))
    for attempt in range(MOST_RETURNS + 1):
        assert queue.next(str(attempt)).identifier == "poison"
        queue.back(str(attempt), set(), {"died": "its process died"})
    assert queue.gave_up == ["poison: its process died"]
    assert queue.next("b").identifier == "b"
    queue.back("b", {(0, 0)}, {})
    assert queue.finished


def test_many_processes_lost_at_once_are_no_mark_against_fold_fits_that_were_tried_once():
    together = MOST_RETURNS + 5
    queue = dispatch([Trial("a", together)], cpus(together))
    for name in range(together):
        assert len(queue.next(str(name)).open) == 1
    for name in range(together):  # their machine died
        queue.back(str(name), set(), {"died": "its process died"})
    assert queue.gave_up == []
    assert sorted(sum((queue.next(f"again {n}").open for n in range(together)), ())) == list(range(together))


def test_only_the_fold_fit_that_never_gets_further_is_given_up():
    queue = dispatch([Trial("a", 3)], cpus(3))
    first = [queue.next(str(n)) for n in range(3)]
    queue.back("1", {(0, 1)}, {})
    queue.back("2", {(0, 2)}, {})
    assert [parcel.open for parcel in first] == [(0,), (1,), (2,)]
    queue.back("0", set(), {"died": "its process died"})
    for attempt in range(MOST_RETURNS):
        assert queue.next(f"again {attempt}").open == (0,)
        queue.back(f"again {attempt}", set(), {"died": "its process died"})
    assert queue.gave_up == ["a: its process died"]
    assert queue.finished


def test_a_machine_that_leaves_is_no_mark_against_a_trial():
    queue = dispatch([Trial("a", 1)], cpus(1))
    for attempt in range(3 * MOST_RETURNS):
        queue.next(str(attempt))
        queue.back(str(attempt), set(), {"left": True})
    assert queue.gave_up == []
    assert not queue.finished


def test_an_error_that_would_come_again_ends_the_trial():
    queue = dispatch([Trial("a", 3)], cpus(1))
    queue.next("1")
    queue.back("1", set(), {"gave_up": "IndexError: no such split"})
    assert queue.gave_up == ["a: IndexError: no such split"]
    assert queue.finished


def test_a_cluster_that_grows_is_used_at_once():
    size = [1]
    queue = dispatch([Trial(f"t{n}", 1) for n in range(6)], lambda: cpus(size[0]))
    assert queue.next("1") is not None
    assert queue.next("2") is None
    size[0] = 3
    assert queue.next("2") is not None
    assert queue.next("3") is not None
    size[0] = 0  # nothing more fits; what is out goes on
    assert queue.next("4") is None
    assert not queue.finished
