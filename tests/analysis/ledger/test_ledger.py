"""The ledger: content addresses, whole files only, damage found by checksum, and the same on a remote file system."""

import dataclasses
import json
import pickle

import numpy as np
import pandas as pd
import pyarrow.fs as fs
import pytest
from fsspec.implementations.memory import MemoryFileSystem
from hypothesis import given
from hypothesis import strategies as st

from analysis.errors import AnalysisError, VersionError
from analysis.ledger import CohortSummary, FitRecord, Ledger, canonical_json, digest
from analysis.ledger.storage import Storage

SUMMARY = CohortSummary("phantom", "f" * 64, 10, 5, "lesion", {"diagnosis": ("a", "b")})


def record(fold: int = 0, state: str = "done", **changes) -> FitRecord:
    identity = {"configuration": {"fusion": {"name": "none"}}, "fold": fold, "repeat": 0}
    base = FitRecord(
        identity=identity, state=state, configuration_id="0123456789ab", cohort=SUMMARY, folds={"plan": "grouped"},
        repeat=0, fold=fold, n_train=8, n_inner=0, n_test=2, leak_share=0.0, metrics={"mcr": 0.5, "auc": None},
    )  # fmt: skip
    return dataclasses.replace(base, **changes)


def predictions(fold: int = 0) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "sample": ["s1", "s2"],
            "group": ["g1", "g2"],
            "repeat": 0,
            "fold": fold,
            "configuration": "0123456789ab",
            "target:diagnosis": ["a", "b"],
            "probability:diagnosis:a": np.array([0.75, 0.1], np.float32),
            "probability:diagnosis:b": np.array([0.25, 0.9], np.float32),
        }
    )


def test_digest_is_sha256_of_canonical_json():
    # sha256 of the 13 bytes {"a":2,"b":1}, from coreutils' sha256sum
    assert canonical_json({"b": 1, "a": 2}) == '{"a":2,"b":1}'
    assert digest({"b": 1, "a": 2}) == "d3626ac30a87e6f7a6428233b3c68299976865fa5508e4267c5415c76af7a772"


@given(st.dictionaries(st.text(max_size=5), st.integers() | st.text(max_size=5) | st.booleans(), max_size=6))
def test_digest_does_not_depend_on_key_order(value):
    assert digest(dict(reversed(value.items()))) == digest(value)


def test_not_a_number_has_no_canonical_form():
    with pytest.raises(ValueError, match="not JSON compliant"):
        canonical_json({"loss": float("nan")})


def test_a_done_fit_comes_back_whole(tmp_path):
    ledger = Ledger(tmp_path)
    stored = ledger.put(record(), predictions())
    found = ledger.get(stored.key)
    assert found == stored
    pd.testing.assert_frame_equal(ledger.predictions(found), predictions())


def test_states_and_predictions_belong_together(tmp_path):
    with pytest.raises(AnalysisError, match="predictions belong to done fits"):
        Ledger(tmp_path).put(record(), None)
    with pytest.raises(AnalysisError, match="predictions belong to done fits"):
        Ledger(tmp_path).put(record(state="diverged"), predictions())


def test_all_predictions_read_as_one_pandas_table(tmp_path):
    ledger = Ledger(tmp_path)
    for fold in range(3):
        ledger.put(record(fold), predictions(fold))
    table = pd.read_parquet(tmp_path / "predictions")
    assert sorted(table["fold"]) == [0, 0, 1, 1, 2, 2]


@pytest.mark.parametrize("kept", [0, 1, 100, -1])
@pytest.mark.parametrize("folder", ["fits", "predictions"])
def test_a_truncated_file_is_found_and_named(tmp_path, folder, kept):
    ledger = Ledger(tmp_path)
    stored = ledger.put(record(), predictions())
    path = next((tmp_path / folder).iterdir())
    path.write_bytes(path.read_bytes()[:kept])
    assert ledger.get(stored.key) is None
    assert list(ledger.damaged) == [stored.key]
    ledger.put(record(), predictions())
    assert ledger.get(stored.key) == stored
    assert not ledger.damaged


def test_a_changed_number_is_found(tmp_path):
    ledger = Ledger(tmp_path)
    stored = ledger.put(record(), predictions())
    path = tmp_path / "fits" / f"{stored.key}.json"
    document = json.loads(path.read_text())
    document["record"]["metrics"]["mcr"] = 0.9
    path.write_text(json.dumps(document))
    assert ledger.get(stored.key) is None
    assert "checksum" in ledger.damaged[stored.key]


def test_a_record_under_another_key_is_refused(tmp_path):
    ledger = Ledger(tmp_path)
    stored = ledger.put(record(), predictions())
    other = digest("another")
    (tmp_path / "fits" / f"{stored.key}.json").rename(tmp_path / "fits" / f"{other}.json")
    assert ledger.get(other) is None


def test_missing_predictions_make_a_record_absent(tmp_path):
    ledger = Ledger(tmp_path)
    stored = ledger.put(record(), predictions())
    next((tmp_path / "predictions").iterdir()).unlink()
    assert ledger.get(stored.key) is None


def test_an_interrupted_write_leaves_nothing_behind(tmp_path, monkeypatch):
    def die(*arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr("os.replace", die)
    with pytest.raises(KeyboardInterrupt):
        Storage(tmp_path).write("fits/a.json", b"{}")
    assert list((tmp_path / "fits").iterdir()) == []


def test_opening_makes_nothing_and_survives_pickling(tmp_path):
    ledger = pickle.loads(pickle.dumps(Ledger(tmp_path / "new")))
    assert ledger.keys() == []
    assert not (tmp_path / "new").exists()


def test_a_remote_file_system_holds_a_ledger():
    storage = Storage("/ledger")
    storage.filesystem, storage.base = fs.PyFileSystem(fs.FSSpecHandler(MemoryFileSystem())), "/bucket/ledger"
    assert storage.local is None
    ledger = Ledger(storage)
    stored = ledger.put(record(), predictions())
    assert ledger.keys() == [stored.key]
    assert ledger.get(stored.key) == stored
    assert ledger.get(digest("absent")) is None


def test_a_folder_of_a_uri_keeps_its_query():
    folder = Storage("file:///tmp/run").folder("ledger")
    assert folder.location == "file:///tmp/run/ledger"
    assert folder.base == "/tmp/run/ledger"


def test_s3_is_asked_for_single_puts_and_the_location_stays_as_typed():
    storage = Storage("s3://bucket/run?region=eu-north-1")
    assert storage.location == "s3://bucket/run?region=eu-north-1"
    assert storage.folder("ledger").location == "s3://bucket/run/ledger?region=eu-north-1"
    assert storage.folder("ledger").base == "bucket/run/ledger"
    assert storage.local is None


def test_an_unknown_scheme_is_one_line():
    with pytest.raises(AnalysisError, match="cannot open nowhere://bucket"):
        Storage("nowhere://bucket/run")


def test_another_schema_is_refused():
    with pytest.raises(VersionError, match="schema version 99, this one reads 1: a newer fusesearch wrote it"):
        FitRecord.from_json({"schema": 99})


@pytest.mark.parametrize(
    "content", ["[]", "null", "3", "{}", '{"schema": 1}', '{"schema": 1, "record": 5}', "[" * 100_000]
)
def test_json_that_is_no_record_counts_as_damaged(tmp_path, content):
    ledger = Ledger(tmp_path)
    stored = ledger.put(record(), predictions())
    (tmp_path / "fits" / f"{stored.key}.json").write_text(content)
    assert ledger.get(stored.key) is None
    assert list(ledger.damaged) == [stored.key]


def test_a_place_that_cannot_be_written_is_found_before_any_work(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(AnalysisError, match="cannot write"):
        Storage(tmp_path / "file" / "ledger").require_writable()
    Storage(tmp_path / "ledger").require_writable()
    assert list((tmp_path / "ledger").iterdir()) == []


@pytest.mark.parametrize(
    "changes",
    [
        {"n_train": 0},
        {"n_test": 0},
        {"n_inner": -1},
        {"n_test": 2.5},
        {"n_train": True},
        {"leak_share": 1.7},
        {"leak_share": -0.1},
        {"leak_share": "0.5"},
    ],
)
def test_counts_and_shares_that_cannot_be_count_as_damage(tmp_path, changes):
    ledger = Ledger(tmp_path)
    stored = ledger.put(record(**changes), predictions())
    assert ledger.get(stored.key) is None
    ((name, value),) = changes.items()
    assert ledger.damaged[stored.key].startswith(f"ledger record has {name} {value!r}, which is no")


def test_a_failed_fit_may_have_an_empty_part(tmp_path):
    ledger = Ledger(tmp_path)
    stored = ledger.put(record(state="failed", n_train=0, n_test=0, reason="no samples"))
    assert ledger.get(stored.key) == stored


@pytest.mark.parametrize(
    "changes",
    [
        {"history": "abc"},
        {"history": [1, 2]},
        {"history": [{}]},
        {"cost": None},
        {"environment": []},
        {"environment": {"torch": 5}},
        {"folds": "x"},
        {"metrics": {"mcr": "<b>x"}},
    ],
)
def test_parts_of_another_kind_count_as_damage(tmp_path, changes):
    ledger = Ledger(tmp_path)
    stored = ledger.put(record(**changes), predictions())
    assert ledger.get(stored.key) is None
    assert ledger.damaged[stored.key] == f"ledger record has a {next(iter(changes))} that is none"
