"""A planned study: its trials with what they share, and what the ledger held when it was planned."""

from dataclasses import dataclass, field

from analysis.ledger import FitRecord
from searchspace.search import AbstractSpace
from searchspace.study import Resources, Study
from trainables.configuration import Configuration
from trainables.planning import PlannedFit, Trial, TrialContext
from trainables.trial import SETTLED


@dataclass(frozen=True)
class Plan:
    """All trials of a study with what they share, and the records that the ledger held when it was made.

    A search has a `space`, and no trials until it suggests them; `candidates` are configurations that its trials may
    have (of a grid, exactly those), by which everything is checked and this node prepared. `dropped` names the rule by
    which a search dropped a configuration. `arm`: which arm of the study it is, empty without arms. `declarations`
    are warnings about the inputs, said when the run starts and repeated by every table.
    """

    study: Study
    context: TrialContext
    candidates: tuple[Configuration, ...]
    trials: tuple[Trial, ...]
    known: dict[str, FitRecord]
    space: AbstractSpace | None = None
    dropped: dict[str, str] = field(default_factory=dict)
    arm: str = ""
    declarations: tuple[str, ...] = ()

    @property
    def factors(self) -> list[str]:
        """The dotted settings that vary, in the order in which the study names them."""
        return self.study.factors if self.space is None else list(self.space.factors)

    @property
    def fits(self) -> list[PlannedFit]:
        """Every planned fold fit."""
        return [fit for trial in self.trials for fit in trial.fits]

    @property
    def wanted(self) -> list[PlannedFit]:
        """The planned fold fits without those that a search saved by dropping their trial."""
        saved = {fit.key for trial in self.trials if trial.identifier in self.dropped for fit in self.open_fits(trial)}
        return [fit for fit in self.fits if fit.key not in saved]

    def open_positions(self, trial: Trial) -> list[int]:
        """The positions of the fold fits of a trial that have to be trained."""
        settled = {key for key, record in self.known.items() if record.state in SETTLED}
        return [position for position, fit in enumerate(trial.fits) if fit.key not in settled]

    def open_fits(self, trial: Trial) -> list[PlannedFit]:
        """The fold fits of a trial that have to be trained."""
        return [trial.fits[position] for position in self.open_positions(trial)]

    def settled_fits(self, trial: Trial) -> list[PlannedFit]:
        """The fold fits of a trial that the ledger has."""
        left = set(self.open_positions(trial))
        return [fit for position, fit in enumerate(trial.fits) if position not in left]

    @property
    def open_trials(self) -> list[Trial]:
        """The trials with anything left to train."""
        return [trial for trial in self.trials if self.open_fits(trial)]

    @property
    def to_prepare(self) -> list[Configuration]:
        """The configurations whose inputs this node should have before anything is trained."""
        return [trial.configuration for trial in self.open_trials] if self.space is None else list(self.candidates)

    @property
    def hungriest(self) -> Resources:
        """What the process of the plan takes that wants most: no GPU where nothing trains on one."""
        resources, context = self.study.resources, self.context
        gpu = any(context.on_gpu(configuration) for configuration in self.candidates)
        together = max((context.ranks_of(configuration) for configuration in self.candidates), default=1)
        return resources.model_copy(update={"gpu": resources.gpu if gpu else 0.0, "ranks_per_fit": together})

    @property
    def fine_tuned(self) -> bool:
        """Whether any trial trains its backbone."""
        return any(configuration.fine_tuned for configuration in self.candidates)
