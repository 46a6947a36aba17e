"""How fold fits were trained: read from the records, told in notes, and stamped where memory ran out."""

import dataclasses

from analysis.procedure import Procedure, procedure_notes, procedure_of
from analysis.tables import TableSpecification, build_tables

SPECIFICATION = TableSpecification(
    name="subsets", title="Subsets", rows="metadata.fields", columns="fusion.name", reference={"fusion.name": "none"}
)


def test_records_that_say_nothing_were_trained_the_plain_way(make_study):
    study = make_study()
    record = study.record("one", {}, 0, 0)
    assert procedure_of([record]) == Procedure((), (1,), ("float32",))
    assert procedure_notes([("one", procedure_of([record])), ("not begun", procedure_of([]))]) == ()


def test_only_done_fold_fits_count(make_study):
    study = make_study()
    done = study.record("one", {}, 0, 0, cost={"micro_batches": 4})
    failed = study.record("one", {}, 0, 1, state="failed", reason="out of memory", cost={"micro_batches": 16})
    whole = study.record("one", {}, 0, 2, cost={"micro_batches": 1})
    assert procedure_of([done, failed, whole]).micro_batches == (4,)


def test_processes_and_precision_are_told_for_all_or_by_name(make_study):
    study = make_study()
    plain = procedure_of([study.record("one", {}, 0, 0)])
    record = study.record("two", {}, 0, 0)
    identity = record.identity | {"world_size": 2, "precision": "bfloat16"}
    parallel = procedure_of([dataclasses.replace(record, identity=identity)])
    both = procedure_notes([("one", parallel), ("two", parallel), ("not begun", Procedure())])
    assert both == (
        "Data-parallel: every fold fit was trained by 2 processes together, with the same effective batch and "
        "synchronised batch normalisation.",
        "Precision: every fold fit was trained with a bfloat16 forward pass.",
    )
    some = procedure_notes([("one", plain), ("two", parallel)])
    assert some[0].startswith("Data-parallel: the fold fits of two were trained by 2 processes")
    assert some[1] == "Precision: the fold fits of two were trained with a bfloat16 forward pass."


def test_accumulated_fold_fits_stamp_every_table_they_stand_in(make_study, configure):
    study = make_study()
    results = [
        study.result(configure("none"), 0.5, label="image only"),
        study.result(configure("concat", "age"), 1.0, label="concat age", cost={"micro_batches": 2}),
    ]
    (table,) = build_tables([SPECIFICATION], results, study.context(results))
    assert table.stamps == ("ACCUMULATED (5 fold fits)",)
    assert any(
        note.startswith("Accumulated: in 5 fold fits (concat age) a batch did not fit into memory")
        for note in table.notes
    )
    comparisons = TableSpecification(name="c", title="C", kind="comparisons", reference={"fusion.name": "none"})
    recall = TableSpecification(name="r", title="R", kind="per-class-recall", where={"fusion.name": "none"})
    tables = build_tables([comparisons, recall], results, study.context(results))
    assert [table.stamps for table in tables] == [("ACCUMULATED (5 fold fits)",), ()]


def test_both_stamps_can_stand_together(make_study, configure):
    study = make_study()
    results = [
        study.result(configure("none"), 0.5, label="image only", missing=[(0, 1)], cost={"micro_batches": 2}),
        study.result(configure("concat", "age"), 1.0, procedure={"precision": "bfloat16"}),
    ]
    (table,) = build_tables([SPECIFICATION], results, study.context(results))
    assert table.stamps == ("INCOMPLETE (1 of 2 configurations; 4/5 folds)", "ACCUMULATED (4 fold fits)")
