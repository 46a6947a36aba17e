"""The record: what is written is read, whole or not at all, and damage is told."""

import pytest

from analysis.ledger.storage import Storage
from analysis.search_record import Entry, FoldEntry, SearchRecord


@pytest.fixture
def record(tmp_path):
    return SearchRecord(Storage(tmp_path))


def entry(number, **given):
    values = {"study": "s", "number": number, "state": "running", "asked": number, "asked_at": 0.5, **given}
    return Entry(**values)


def test_an_entry_survives_as_it_is(record):
    full = entry(
        0,
        state="pruned",
        parameters={"a": 0.1 + 0.2, "b": None, "c": "[1,2]"},
        distributions={"a": "{}"},
        attributes={"tpe:relative_params:0": "{}"},
        settings={"a.b": [1, 2]},
        configuration="abc",
        told=1,
        told_at=3.25,
        folds=(
            FoldEntry(repeat=0, fold=0, key="k", state="done", mcr=1 / 3, seconds=1.5),
            FoldEntry(repeat=0, fold=1, key="l", state="failed", mcr=None, seconds=0.0, reason="lost"),
        ),
        inner={9: 0.3, 10: 0.4},
        intermediate={1: 0.333},
        constraints={"seconds": -0.5},
        dropped={"rule": "racing", "evidence": {"folds": [[0, 0]]}},
    )
    record.write(full)
    record.write(entry(1))
    assert record.load() == [full, entry(1)]
    assert full.scores == {(0, 0): 1 / 3}
    assert full.feasible
    assert not entry(0, constraints={"seconds": 0.1}).feasible


def test_an_empty_folder_holds_no_search(record):
    assert record.load() == []


@pytest.mark.parametrize(
    "content", [None, b"", b"[]", b"{", b'{"checksum": "0", "entry": {}}', b'{"entry": 3}', b"[" * 100_000]
)
def test_a_damaged_or_missing_entry_is_told_and_the_others_are_read(record, content):
    for number in range(3):
        record.write(entry(number))
    record.storage.remove("search/000001.json")
    if content is not None:
        record.storage.write("search/000001.json", content)
    found = record.load()
    assert [one.state for one in found] == ["running", "damaged", "running"]
    assert found[1].reason.startswith("search/000001.json cannot be used: ")


def test_a_changed_number_does_not_pass(record):
    record.write(entry(0, value=0.5))
    text = record.storage.read("search/000000.json")
    record.storage.write("search/000000.json", text.replace(b"0.5", b"0.9"))
    assert record.load()[0].state == "damaged"
    record.storage.write("search/000001.json", text)  # another trial's entry under this name
    assert record.load()[1].state == "damaged"


def test_files_that_no_search_names_so_are_no_trials(record):
    record.write(entry(0))
    for name in ("00300000", "7", "٣٣٣٣٣٣", "notes"):
        record.storage.write(f"search/{name}.json", b"{}")
    assert record.load() == [entry(0)]


def test_a_folder_in_place_of_an_entry_is_a_damaged_trial(record):
    for number in (0, 2):
        record.write(entry(number))
    (record.storage.local / "search" / "000001.json").mkdir()
    assert [one.state for one in record.load()] == ["running", "damaged", "running"]
