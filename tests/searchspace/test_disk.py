"""What a run takes on disk is said before it starts; one that cannot fit is refused; leftovers of killed runs go."""

import os
import re
import time

import pytest
import yaml
from made_up_cohorts import write_ham10000

from analysis.ledger import Ledger
from analysis.ledger.storage import Storage
from searchspace import disk
from searchspace.command_line import run_command
from searchspace.disk import demand_of, disk_line, lacking_disk
from searchspace.leftovers import remove_leftovers
from searchspace.preparation import Request, prepare_plans
from searchspace.study import validate_study
from searchspace.workspace import Workspace
from trainables import cache_room
from trainables.node_cache import default_cache

STUDY = {
    "name": "room",
    "question": "Does it fit?",
    "cohort": {"name": "ham10000"},
    "folds": {"folds": 2},
    "fixed": {"backbone": {"name": "test_resnet"}, "image": {"size": [32, 48]}, "training": {"epochs": 2}},
    "scientific": {"fusion.name": ["none", "concat"], "metadata.fields": [["age"]]},
    "tables": [{"name": "scores", "title": "Scores", "kind": "leaderboard"}],
}
SEARCH = {
    **{key: value for key, value in STUDY.items() if key != "scientific"},
    "search": {"fusion.name": ["none", "concat"], "metadata.fields": {"subsets": ["age", "sex"]}},
}
PIXELS = 42 * 32 * 48 * 3


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return write_ham10000(tmp_path_factory.mktemp("data") / "ham")


@pytest.fixture
def plans(data, tmp_path):
    def prepare(document, **fixed):
        study = validate_study({**document, "fixed": {**document["fixed"], **fixed}})
        request = Request(study, data=str(data), weights=None, skip_bad=False, cache=tmp_path / "cache")
        return prepare_plans(request, Ledger(tmp_path / "ledger"))

    return prepare


@pytest.fixture
def start(data, tmp_path, monkeypatch):
    monkeypatch.setenv("FUSESEARCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "study.yaml").write_text(yaml.safe_dump(STUDY))

    def run(*options):
        options = ["--data", str(data), "--out", "run", "--executor", "inline", "--no-report", *options]
        return run_command(["study.yaml", *options])

    return run


def test_what_the_cache_takes_is_counted_exactly_and_what_it_has_is_not(plans, start, tmp_path):
    demand = demand_of(plans(STUDY))
    assert demand.inputs["pixels"] == PIXELS
    assert (demand.fits, demand.checkpoints) == (4, 0)
    assert start() == 0
    size = {path.parent.name: path.stat().st_size for path in (tmp_path / "cache").glob("*/*.npy")}
    assert size == {kind: pytest.approx(bytes_ + 128, abs=1) for kind, bytes_ in demand.inputs.items()}
    assert demand_of(plans(STUDY)).inputs == {}


def test_the_ledger_s_estimate_is_near_what_it_takes(plans, start, tmp_path):
    said = demand_of(plans(STUDY)).ledger
    assert start() == 0
    taken = sum(
        path.stat().st_size for name in ("fits", "predictions") for path in tmp_path.glob(f"run/ledger/{name}/*")
    )
    assert 0.7 * taken < said < 1.5 * taken


def test_fine_tuning_takes_pixels_and_checkpoints(plans):
    demand = demand_of(plans(STUDY, backbone={"name": "test_resnet", "frozen_stages": 0}))
    assert demand.inputs == {"pixels": PIXELS}
    assert demand.checkpoints > 400_000 * 4 * 4


@pytest.mark.parametrize(("budget", "fits"), [({"trials": 5, "confirm": 0}, 10), ({"hours": 1.0}, None)])
def test_a_search_is_counted_by_its_budget(plans, tmp_path, budget, fits):
    demand = demand_of(plans({**SEARCH, "strategy": {"name": "random", **budget}}))
    assert demand.fits == fits
    line = disk_line(demand, tmp_path / "cache", Ledger(tmp_path / "ledger"))
    assert ("each fold fit about" in line) is (fits is None)


def test_a_run_says_what_it_takes_and_a_dry_run_too(start, capsys):
    pattern = (
        r"disk: cache \d+ KB \(features \d+ KB, pixels 194 KB\), of [\d.]+ [GT]B that can be had in .*cache; "
        r"ledger 4 fold fits about \d+ KB, [\d.]+ [GT]B free"
    )
    assert start("--dry-run") == 0
    assert re.search(pattern, capsys.readouterr().out)
    assert start() == 0
    assert re.search(pattern, capsys.readouterr().out)
    assert start() == 0
    assert "disk: cache nothing more" in capsys.readouterr().out


def test_a_run_that_cannot_fit_is_refused_before_it_trains(start, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("FUSESEARCH_CACHE_LIMIT", "100KB")
    assert start() == 2
    errors = capsys.readouterr().err
    assert re.search(r"error: the cache .* needs \d+ KB more and can have 100 KB; free some space, raise", errors)
    assert errors.count("\n") == 1
    assert not (tmp_path / "run").exists()
    assert start("--dry-run") == 0
    assert "here it would stop: the cache" in capsys.readouterr().out
    monkeypatch.setenv("FUSESEARCH_CACHE_LIMIT", "lots")
    assert start() == 2
    assert "FUSESEARCH_CACHE_LIMIT=lots: give a size such as 50GB" in capsys.readouterr().err


def test_cache_and_ledger_share_a_disk(plans, tmp_path, monkeypatch):
    demand, ledger, cache = demand_of(plans(STUDY)), Ledger(tmp_path / "ledger"), tmp_path / "cache"
    assert lacking_disk(demand, cache, ledger) == ""
    whole = cache_room.shutil.disk_usage(tmp_path)
    for free, said in (
        (demand.ledger - 1, "its disk has"),
        (demand.cache + demand.ledger - 1, "of one disk"),
        (demand.cache + demand.ledger, ""),
    ):
        monkeypatch.setattr(disk.shutil, "disk_usage", lambda place, free=free: whole._replace(free=free))
        monkeypatch.setattr(disk, "room", lambda place: cache_room.Room(demand.cache, 0))
        assert said in lacking_disk(demand, cache, ledger)
        assert bool(said) is bool(lacking_disk(demand, cache, ledger))


def test_leftovers_of_killed_runs_go(start, tmp_path):
    assert start() == 0
    ledger, run = Ledger(tmp_path / "run" / "ledger"), tmp_path / "run"
    done = ledger.keys()[0]
    for name in (done, "f" * 64):
        ledger.storage.write(f"checkpoints/{name}.pt", b"state")
    mark = "0123456789abcdef" * 2
    old = [run / f".run.json.{mark}", *(run / "ledger" / name / f".x.{mark}" for name in ("fits", "checkpoints"))]
    young = run / "ledger" / "predictions" / f".x.{mark}"
    for path in (*old, young):
        path.write_bytes(b"half")
        os.utime(path, (time.time() - (0 if path == young else 4000),) * 2)
    assert remove_leftovers(Workspace(Storage(run), run / "tensorboard"), ledger) == 1
    assert not any(path.exists() for path in old)
    assert young.exists()
    assert ledger.storage.names("checkpoints", ".pt") == ["f" * 64]
    own = young.with_name(f".{done}.parquet.{mark}")
    own.write_bytes(b"half")
    os.utime(own, (time.time() - 20,) * 2)
    ledger.storage.write(f"attempts/{done}.json", b"{}")
    ledger.storage.write(f"attempts/{'e' * 64}.json", b"{}")
    assert start() == 0
    assert not own.exists()  # what is half-written of a fold fit that is settled belongs to nobody
    assert young.exists()  # this may be of another run that writes to the same ledger
    assert ledger.storage.names("attempts", ".json") == ["e" * 64]


def test_a_worker_takes_the_cache_of_its_own_machine(plans, tmp_path, monkeypatch):
    import pickle

    context = plans(STUDY)[0].context
    monkeypatch.delenv("FUSESEARCH_CACHE", raising=False)
    assert pickle.loads(pickle.dumps(context)).cache == tmp_path / "cache"
    monkeypatch.setenv("FUSESEARCH_CACHE", str(tmp_path / "own"))
    assert pickle.loads(pickle.dumps(context)).cache == tmp_path / "own"
    monkeypatch.delenv("FUSESEARCH_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "home"))
    (tmp_path / "file").write_text("")
    object.__setattr__(context, "cache", tmp_path / "file" / "cache")  # cannot be made here
    assert pickle.loads(pickle.dumps(context)).cache == default_cache() == tmp_path / "home" / "fusesearch"
