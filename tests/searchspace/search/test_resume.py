"""A killed search goes on as if it had never been killed; a concurrent one can be verified and replayed."""

import dataclasses

import numpy as np
import optuna
import pytest
from optuna.trial import TrialState

from models.errors import InputError
from searchspace.search import HalvingSettings, RandomSearch, SearchRecord, TreeParzenSearch, open_space, verify
from trainables.events import TrialDropped

TPE = TreeParzenSearch(
    trials=12, seed=5, startup_trials=4, halving=HalvingSettings(reduction=3), start=({"fusion.name": "concat"},)
)


@pytest.mark.parametrize("settings", [TPE, RandomSearch(trials=10, seed=5)], ids=["tpe", "random"])
def test_interrupted_and_resumed_is_uninterrupted(world, settings, compare_essence, killed, tmp_path):
    (tmp_path / "whole").mkdir()
    whole = world(settings, name="whole")
    expected = compare_essence(whole.run().entries)
    broken = world(settings)
    kills = 0
    for patience in np.random.default_rng(0).integers(1, 12, 100).tolist():
        try:
            finished = broken.run(kill_after=patience)
            break
        except killed:
            kills += 1
            states = [entry.state for entry in broken.record.load()]
            assert states.count("running") <= 1
    assert kills > 5
    assert compare_essence(finished.entries) == expected
    assert sorted(broken.trained) == sorted(whole.trained)  # no fold fit was trained twice
    assert TrialState.RUNNING not in [trial.state for trial in finished.study.trials]
    assert verify(finished.entries, open_space(broken.space), settings) == []


def test_a_running_trial_is_handed_out_again_first(world):
    run = world(RandomSearch(trials=9))
    running = [run.proposer().ask()]
    second = run.proposer()
    assert second.ask() == running[0]
    running.append(second.ask())
    third = run.proposer()
    assert [third.ask(), third.ask()] == running
    assert third.ask().number == 2


def test_a_verdict_that_was_heard_is_not_judged_again(world, killed):
    run = world(RandomSearch(trials=30, racing=0.1))
    with pytest.raises(killed):
        run.run(kill_on=TrialDropped)
    assert run.record.load()[-1].state == "running"
    proposer = run.proposer()
    assert proposer.entries[-1].state == "pruned"
    assert proposer.ask().number == len(run.record.load()) - 1


def test_a_complete_trial_that_lost_a_fold_fit_is_run_again(world, compare_essence):
    run = world(RandomSearch(trials=5, racing=None))
    before = run.run().entries
    lost = before[0].folds[2].key
    run.ledger.storage.remove(f"fits/{lost}.json")
    run.trained.clear()
    after = run.run()
    assert run.trained == [lost]
    assert compare_essence(after.entries) == compare_essence(before)


def damage_database(folder):
    (folder / "optuna.db").write_bytes(b"not a database" * 100)


def lose_database(folder):
    (folder / "optuna.db").unlink()


def add_zombies(folder):
    storage = optuna.storages.RDBStorage(f"sqlite:///{folder}/optuna.db")
    (name,) = optuna.get_all_study_names(storage)
    optuna.load_study(study_name=name, storage=storage).ask()


@pytest.mark.parametrize("harm", [damage_database, lose_database, add_zombies])
def test_the_database_is_made_again_from_the_record(world, harm, compare_essence, tmp_path):
    settings = TreeParzenSearch(trials=9, seed=3, startup_trials=3)
    (tmp_path / "whole").mkdir()
    expected = compare_essence(world(settings, name="whole").run().entries)
    world(settings.model_copy(update={"trials": 5}), database=True).run()
    harm(tmp_path / "run")
    resumed = world(settings, database=True).run()
    assert compare_essence(resumed.entries) == expected
    study = optuna.load_study(study_name=resumed.name, storage=f"sqlite:///{tmp_path}/run/optuna.db")
    assert [trial.params for trial in study.trials] == [entry.parameters for entry in resumed.entries]


def test_a_database_that_cannot_be_opened_is_one_line(world, tmp_path):
    run = world(RandomSearch(trials=1))
    with pytest.raises(InputError, match=r"the search database .*nowhere.* cannot be opened") as caught:
        run.proposer(storage_url=f"sqlite:///{tmp_path}/nowhere/optuna.db")
    assert "\n" not in str(caught.value)


def test_a_damaged_entry_is_told_and_the_search_goes_on(world):
    settings = TreeParzenSearch(trials=8, startup_trials=3)
    run = world(settings.model_copy(update={"trials": 5}))
    run.run()
    run.record.storage.write("search/000002.json", b"{")
    resumed = world(settings).run()
    assert len(resumed.damaged) == 1
    assert "search/000002.json" in resumed.damaged[0]
    assert sum(entry.handed_out for entry in resumed.entries) == 8
    assert verify(resumed.entries, open_space(run.space), settings)[-1].startswith("trial 2: its entry is damaged")


def concurrent(run, *, at_once=4, seed=0):
    """Run several trials at once, which end in a random order; the process is killed every now and then."""
    rng = np.random.default_rng(seed)
    proposer, referee, active = run.proposer(), run.referee(), {}
    while True:
        while len(active) < at_once and (proposal := proposer.ask()) is not None:
            active[proposal.number] = run.events(proposal, referee.judge)
        if not active:
            return proposer
        number = int(rng.choice(sorted(active)))
        event = next(active[number], None)
        if event is None:
            del active[number]
            proposer.tell(number)
        else:
            proposer.hear(number, event)
        if rng.random() < 0.02:
            proposer, referee, active = run.proposer(), run.referee(), {}


def test_a_concurrent_search_is_verified_and_replayed(world, compare_essence, tmp_path):
    settings = TPE.model_copy(update={"trials": 16})
    run = world(settings)
    searched = concurrent(run)
    space = open_space(run.space)
    assert sum(entry.handed_out for entry in searched.entries) == 16
    assert not any(entry.state == "running" for entry in searched.entries)
    assert verify(run.record.load(), space, settings) == []
    orders = [order for entry in searched.entries for order in (entry.asked, entry.told)]
    assert sorted(orders) == list(range(len(orders)))

    (tmp_path / "replayed").mkdir()
    again = world(settings.model_copy(update={"racing": None, "halving": None}), name="replayed")
    replayed = again.run(replay=searched.entries)
    assert [entry.settings for entry in replayed.entries] == [entry.settings for entry in searched.entries]
    assert [entry.handed_out for entry in replayed.entries] == [entry.handed_out for entry in searched.entries]
    assert replayed.finished == f"all {len(searched.entries)} recorded suggestions were handed out"


def test_verify_names_what_was_changed(world):
    run = world(TPE)
    entries = run.run().entries
    number = next(entry.number for entry in entries if entry.number > 5 and entry.handed_out)
    parameters = {**entries[number].parameters, "training.learning_rate": 0.05}
    entries[number] = dataclasses.replace(entries[number], parameters=parameters)
    differences = verify(entries, open_space(run.space), TPE)
    assert differences[0].startswith(f"trial {number}: training.learning_rate is 0.05, asked again ")
    assert verify(entries[:number], open_space(run.space), TPE) == []
    assert len(verify(run.record.load(), open_space(run.space), TPE.model_copy(update={"seed": 6}))) > 10


def test_replay_needs_a_sound_search_of_the_same_space(world, tmp_path):
    run = world(RandomSearch(trials=2))
    with pytest.raises(InputError, match="--replay: there is no search"):
        run.proposer(replay=SearchRecord(run.record.storage).load())
    entries = run.run().entries
    (tmp_path / "other").mkdir()
    other = world(RandomSearch(trials=2), name="other", space={"fusion.name": ["none"]})
    with pytest.raises(InputError, match="--replay: that run folder holds the search small-"):
        other.proposer(replay=entries)
