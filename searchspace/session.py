"""A planned study being trained: by the executor that was asked for, with what is done already shown first."""

from dataclasses import dataclass

from analysis.errors import StorageError
from analysis.manifest import Manifest
from models.errors import InputError
from searchspace.capacity import lacking_here, usable_cores
from searchspace.exploration import Exploration
from searchspace.launch import Launcher
from searchspace.node import prepare_node
from searchspace.options import Options
from searchspace.plan import Plan
from searchspace.progress import Display
from searchspace.tensorboard import TensorBoardLog
from searchspace.workspace import Workspace
from trainables.events import Event
from trainables.executors.inline import run_inline
from trainables.faults import NodeFault
from trainables.planning import Trial
from trainables.trial import run_trial


@dataclass(frozen=True)
class Session:
    """A planned study with a run folder, a display and a TensorBoard log, ready to execute.

    `exploration` is the search of a study that searches, None for a grid. `manifest` is of the whole run.
    """

    plan: Plan
    exploration: Exploration | None
    manifest: Manifest
    options: Options
    workspace: Workspace
    display: Display
    log: TensorBoardLog

    def execute(self) -> None:
        """Train what the ledger does not have.

        Raises:
            InputError: not even one trial fits the machine or the cluster; nothing was started.
        """
        if self.exploration is None and not self.plan.open_trials:
            self._begin()
        elif self.options.executor_for(self.plan) == "inline":
            self._run_inline()
        else:
            Launcher(self.options, self.display.say, self.display.warn).run(
                self.plan, self.exploration, self.listen, self._begin
            )

    def listen(self, trial: Trial, event: Event) -> None:
        """Follow one event of a trial."""
        self.log.handle(trial, event, self.plan.context.ledger)
        self.display.handle(trial, event)

    def _run_inline(self) -> None:
        cores = usable_cores()
        if lacking := lacking_here(self.plan.hungriest):
            raise InputError(lacking)
        self._begin()
        if self.exploration is None:
            work = [(trial, self.plan.open_fits(trial)) for trial in self.plan.open_trials]
            run_inline(work, self.plan.context, self.listen, workers=cores)
        else:
            self._explore_inline(self.exploration, cores)

    def _explore_inline(self, exploration: Exploration, cores: int) -> None:
        proposer, judge = exploration.proposer, exploration.judge
        while (proposal := proposer.ask()) is not None:
            for event in run_trial(proposal.trial, self.plan.context, workers=cores, judge=judge):
                proposer.hear(proposal.number, event)
                self.listen(proposal.trial, event)
            proposer.tell(proposal.number)

    def _begin(self) -> None:
        """All is checked and there is room: record the request, show what is done, prepare this node."""
        try:
            self.plan.context.ledger.storage.require_writable()
        except StorageError as error:
            raise InputError(str(error)) from error
        self.workspace.write_request(self.options.as_request())
        if self.exploration is not None or self.plan.open_trials:
            self.workspace.write_manifest(self.manifest, self.plan.context.ledger)
        self.log.start()
        left, fits = self._show_what_is_done()
        stages = {name: self.display.stage(name) for name in ("images", "features")}
        if self.plan.to_prepare and left:
            try:
                prepare_node(self.plan.context, self.plan.to_prepare, usable_cores(), stages)
            except NodeFault as error:
                raise InputError(str(error)) from error
        self.display.fits(fits)

    def _show_what_is_done(self) -> tuple[bool, int]:
        """Show what needs no training; return whether any is left, and its fold fits (0: nobody knows)."""
        if self.exploration is None:
            done = [(trial, self.plan.settled_fits(trial)) for trial in self.plan.trials]
            run_inline(done, self.plan.context, self.listen, workers=1)
            fits = sum(len(self.plan.open_fits(trial)) for trial in self.plan.trials)
            if 0 < fits < len(self.plan.fits):
                self.display.say(f"in the ledger: {len(self.plan.fits) - fits} of {len(self.plan.fits)} fold fits")
            return fits > 0, fits
        told = self.exploration.told()
        for trial, events in told:
            for event in events:
                self.listen(trial, event)
        most = self.exploration.most_trials
        return True, self.exploration.folds * max(1, most - len(told)) if most else 0
