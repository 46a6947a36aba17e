"""The file of importances: as it was written, none where there is none, refused when damaged."""

import json

import pytest

from analysis.citations import CITATIONS
from analysis.errors import AnalysisError
from analysis.importances import FILE, Importances, read_importances, write_importances
from analysis.ledger.storage import Storage

ONE = Importances(
    evaluator="fANOVA", settings="64 trees, seed 0", citation="hutter2014", n_trials=20, n_estimated=3,
    shares={"fusion.name": 0.75, "training.learning_rate": 0.25}, left_out=("fusion.depth",),
)  # fmt: skip


def test_what_is_written_is_read_and_replaced(tmp_path):
    storage = Storage(tmp_path)
    assert read_importances(storage) == ()
    write_importances(storage, [ONE])
    assert read_importances(storage) == (ONE,)
    write_importances(storage, [])
    assert read_importances(storage) == ()
    assert ONE.citation in CITATIONS


@pytest.mark.parametrize(
    "spoil",
    [lambda text: text[:40], lambda text: text.replace("0.75", "0.95"), lambda text: "[]", lambda text: "[" * 100_000],
)
def test_a_damaged_file_is_named(tmp_path, spoil):
    storage = Storage(tmp_path)
    write_importances(storage, [ONE])
    path = tmp_path / FILE
    path.write_text(spoil(path.read_text()))
    with pytest.raises(AnalysisError, match=r"search/importances\.json cannot be used"):
        read_importances(storage)


def test_another_schema_is_refused(tmp_path):
    storage = Storage(tmp_path)
    write_importances(storage, [ONE])
    document = json.loads((tmp_path / FILE).read_text())
    document["importances"][0]["more"] = 1
    (tmp_path / FILE).write_text(json.dumps(document))
    with pytest.raises(AnalysisError, match="does not match its checksum"):
        read_importances(storage)
