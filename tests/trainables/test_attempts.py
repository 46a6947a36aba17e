"""Notes about fold fits that were begun: counted while they get no further, of this run alone."""

import pytest

from analysis.ledger import Ledger
from analysis.ledger.storage import Storage
from trainables.attempts import MOST, Attempts


def test_attempts_are_counted_while_the_fold_fit_gets_no_further(tmp_path):
    attempts = Attempts(Storage(tmp_path), "run")
    assert [attempts.begin("k", 0) for _ in range(3)] == [0, 1, 2]
    assert attempts.begin("k", 4) == 0
    assert attempts.begin("k", 4) == 1
    attempts.end("k")
    assert attempts.begin("k", 4) == 0


def test_notes_of_another_run_count_for_nothing(tmp_path):
    Attempts(Storage(tmp_path), "earlier").begin("k", 0)
    Attempts(Storage(tmp_path), "earlier").fail("other")
    now = Attempts(Storage(tmp_path), "now")
    assert now.begin("k", 0) == 0
    assert not now.failed("other")
    assert Attempts(Storage(tmp_path), "earlier").failed("other")


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"7", b"\xff"])
def test_a_damaged_note_counts_for_nothing(tmp_path, content):
    storage = Storage(tmp_path)
    storage.write("attempts/k.json", content)
    attempts = Attempts(storage, "run")
    assert not attempts.failed("k")
    assert attempts.begin("k", 0) == 0


def test_notes_are_no_records(tmp_path):
    ledger = Ledger(tmp_path)
    Attempts(ledger.storage, "run").begin("k", 0)
    assert ledger.keys() == []
    assert MOST > 1
