"""One trial: the fold fits of a configuration that the ledger does not have, one after the other.

Every executor runs this generator; it reads and writes the ledger, and yields events. A fold fit that fails is recorded
with its reason and the next one starts: a trial never raises for the sake of one fit. A fit whose process died goes on
from its last checkpoint, wherever it is taken up again.
"""

from collections.abc import Iterator, Sequence
from functools import partial

from analysis.ledger import FitRecord
from trainables.agreement import agreed
from trainables.attempts import Attempts
from trainables.checkpoints import Checkpoints
from trainables.data import Data, open_data
from trainables.environment import device_for
from trainables.events import Event, Judge
from trainables.faults import NodeLeaves, patiently
from trainables.fit_run import Circumstances, FitRun, Leaving, ended
from trainables.parallel import ALONE, Parallel
from trainables.planning import PlannedFit, Trial, TrialContext

SETTLED = ("done", "diverged")
"""States that are not tried again: a diverged fit would diverge in the same way."""


def run_trial(
    trial: Trial,
    context: TrialContext,
    *,
    workers: int,
    judge: Judge | None = None,
    fits: Sequence[PlannedFit] | None = None,
    parallel: Parallel = ALONE,
    expendable: bool = False,
    leaving: Leaving = lambda: False,
) -> Iterator[Event]:
    """Yield the events of a trial; after each `FitEnded` that fold fit is in the ledger.

    Args:
        trial: what to run.
        context: cohort, splits, ledger and cache.
        workers: threads that prepare images and features if this node has none.
        judge: asked after every event; when it drops the trial, its word is the last event.
        fits: some of the trial's fold fits; all of them unless given.
        parallel: this process's share when several train each fold fit together; rank 0 alone writes.
        expendable: whether another process takes over when this one is ended, as it is when a fold fit hangs.
        leaving: tells whether this machine is about to be taken away.

    Raises:
        NodeLeaves: it is; what was trained is saved, and another machine may run the trial on.
        StorageError, NodeFault: the ledger or this machine's cache cannot be used; nothing is half-written.
    """

    def load() -> Data:
        source, device = context.features_of(trial.configuration), device_for(context.on_gpu(trial.configuration))
        return open_data(source, trial.configuration, context.cache, workers=workers, device=device)

    where = Circumstances(parallel, expendable, leaving)
    for planned in trial.fits if fits is None else fits:
        known = agreed(parallel, partial(_known, planned, context, expendable=expendable))
        if known is None and parallel.world == 1 and leaving():
            raise NodeLeaves
        events = FitRun(trial, planned, context, load, where).events() if known is None else [ended(known, reused=True)]
        for event in events:
            yield event
            dropped = judge(trial.identifier, event) if judge else None
            if dropped is not None:
                forget(planned, context)
                yield dropped
                return


def forget(planned: PlannedFit, context: TrialContext) -> None:
    """Remove the checkpoint of a fold fit that nobody will finish, and the note that it was begun."""
    Checkpoints(context.ledger.storage).remove(planned.key)
    Attempts(context.ledger.storage, context.session).end(planned.key)


def _known(planned: PlannedFit, context: TrialContext, *, expendable: bool) -> FitRecord | None:
    """Return the record of a fold fit that is not to be trained: settled, or failed already in this run."""
    record = patiently(lambda: context.ledger.get(planned.key))
    if record is None or record.state in SETTLED:
        return record
    attempts = Attempts(context.ledger.storage, context.session)
    return record if expendable and patiently(lambda: attempts.failed(planned.key)) else None
