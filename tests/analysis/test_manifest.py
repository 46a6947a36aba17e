"""The manifest: what is written is read, and damage is named."""

import json
from dataclasses import replace

import pytest

from analysis.errors import AnalysisError
from analysis.ledger import canonical_json, digest
from analysis.ledger.storage import Storage
from analysis.manifest import (
    IN_RUN,
    Manifest,
    PlannedConfiguration,
    PlannedFold,
    PlannedPart,
    read_manifest,
)

FITS = (PlannedFold(repeat=0, fold=0, key="a"), PlannedFold(repeat=0, fold=1, key="b"))
PART = PlannedPart(
    name="grouped",
    role="grid",
    fingerprint="f" * 64,
    folds={"plan": "grouped", "folds": 2},
    sample="image",
    trained_on="heads on frozen features",
    factors=("fusion.name",),
    tables=({"name": "scores", "title": "Scores", "kind": "scores"},),
    configurations=(
        PlannedConfiguration(identifier="one", label="none", configuration={"fusion": {"name": "none"}}, fits=FITS),
        PlannedConfiguration(identifier="two", label="é", configuration={}, fits=FITS, dropped="racing"),
    ),
    left_out=(("image1", "no such file"),),
)
MANIFEST = Manifest(study="s", question="Which?", parts=(PART,), settings={"fixed": {"training.epochs": 3}})


def test_a_manifest_survives_as_it_is():
    assert Manifest.from_json(MANIFEST.to_json(), "study.json") == MANIFEST
    assert MANIFEST.to_json() == Manifest.from_json(MANIFEST.to_json(), "study.json").to_json()


def test_absent_is_none_and_damage_is_told(tmp_path):
    storage = Storage(tmp_path)
    assert read_manifest(storage, IN_RUN) is None
    whole = MANIFEST.to_json()
    other = json.dumps(json.loads(whole) | {"version": 99}).encode()
    changed = whole.replace(b'"study":"s"', b'"study":"t"')
    for content, message in (
        (whole[:50], "is no manifest"),
        (b"[]", "is no manifest"),
        (b'{"version": 1}', "is no manifest"),
        (b"[" * 100_000, "is no manifest"),
        (canonical_json({"version": 1, "manifest": [], "checksum": digest([])}).encode(), "is no manifest"),
        (other, "version 99, this one reads 1"),
        (changed, "does not match its checksum"),
    ):
        storage.write(IN_RUN, content)
        with pytest.raises(AnalysisError, match=message) as error:
            read_manifest(storage, IN_RUN)
        assert str(error.value).count("\n") == 0
        assert IN_RUN in str(error.value)


def test_a_manifest_of_unknown_fields_is_refused():
    document = json.loads(replace(MANIFEST, parts=()).to_json())
    from analysis.ledger.identity import digest

    document["manifest"]["extra"] = 1
    document["checksum"] = digest(document["manifest"])
    with pytest.raises(AnalysisError, match="is no manifest"):
        Manifest.from_json(json.dumps(document).encode(), "study.json")
