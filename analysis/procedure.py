"""How fold fits were trained, as far as a table must tell it: gradient accumulation, processes and precision.

Read from the records: `cost["micro_batches"]` (parts of a batch whose gradients were added up after memory ran out),
`identity["world_size"]` (processes that trained one fold fit together) and `identity["precision"]`. What a record does
not say is the plain way: one part, one process, float32.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from analysis.ledger.schema import FitRecord

PLAIN = ("float32", 1)
"""Precision and processes of which no table speaks."""


@dataclass(frozen=True)
class Procedure:
    """`micro_batches` of each accumulated fold fit (above 1 all), and the distinct process counts and precisions."""

    micro_batches: tuple[int, ...] = ()
    world_sizes: tuple[int, ...] = ()
    precisions: tuple[str, ...] = ()


def procedure_of(records: Iterable[FitRecord]) -> Procedure:
    """Return how the done fold fits among `records` were trained."""
    done = [record for record in records if record.state == "done"]
    parts = [int(record.cost.get("micro_batches") or 1) for record in done]
    return Procedure(
        micro_batches=tuple(count for count in parts if count > 1),
        world_sizes=tuple(sorted({int(record.identity.get("world_size", PLAIN[1])) for record in done})),
        precisions=tuple(sorted({str(record.identity.get("precision", PLAIN[0])) for record in done})),
    )


def accumulated_fits(procedures: Iterable[Procedure]) -> int:
    """Return how many fold fits of all these configurations were accumulated."""
    return sum(len(procedure.micro_batches) for procedure in procedures)


def procedure_notes(procedures: Sequence[tuple[str, Procedure]]) -> tuple[str, ...]:
    """Return one note for each thing that was not done in the plain way; `procedures` go with configuration labels."""
    return (*_accumulation(procedures), *_processes(procedures), *_precision(procedures))


def _accumulation(procedures: Sequence[tuple[str, Procedure]]) -> tuple[str, ...]:
    affected = [label for label, procedure in procedures if procedure.micro_batches]
    if not affected:
        return ()
    count = accumulated_fits(procedure for _, procedure in procedures)
    most = max(parts for _, procedure in procedures for parts in procedure.micro_batches)
    return (
        f"Accumulated: in {count} fold {'fit' if count == 1 else 'fits'} ({', '.join(affected)}) a batch did not fit "
        f"into memory and its gradients were added up over up to {most} parts. The effective batch is the same; batch "
        "normalisation saw the parts.",
    )


def _processes(procedures: Sequence[tuple[str, Procedure]]) -> tuple[str, ...]:
    counts = sorted({count for _, procedure in procedures for count in procedure.world_sizes} - {PLAIN[1]})
    return tuple(
        f"Data-parallel: {_whose(procedures, count, 'world_sizes')} trained by {count} processes together, with the "
        "same effective batch and synchronised batch normalisation."
        for count in counts
    )


def _precision(procedures: Sequence[tuple[str, Procedure]]) -> tuple[str, ...]:
    names = sorted({name for _, procedure in procedures for name in procedure.precisions} - {PLAIN[0]})
    return tuple(
        f"Precision: {_whose(procedures, name, 'precisions')} trained with a {name} forward pass." for name in names
    )


def _whose(procedures: Sequence[tuple[str, Procedure]], value: object, field: str) -> str:
    trained = [(label, getattr(procedure, field)) for label, procedure in procedures if getattr(procedure, field)]
    if all(values == (value,) for _, values in trained):
        return "every fold fit was"
    labels = [label for label, values in trained if value in values]
    return f"the fold fits of {', '.join(labels)} were"
