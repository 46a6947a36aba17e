"""A planned study: its trials with what they share, and what the ledger held when it was planned."""

from dataclasses import dataclass, field

from analysis.ledger import FitRecord
from searchspace.search import AbstractSpace
from searchspace.study import Study
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

    def open_fits(self, trial: Trial) -> list[PlannedFit]:
        """The fold fits of a trial that have to be trained."""
        return [fit for fit in trial.fits if fit.key not in self.known or self.known[fit.key].state not in SETTLED]

    @property
    def open_trials(self) -> list[Trial]:
        """The trials with anything left to train."""
        return [trial for trial in self.trials if self.open_fits(trial)]

    @property
    def to_prepare(self) -> list[Configuration]:
        """The configurations whose inputs this node should have before anything is trained."""
        return [trial.configuration for trial in self.open_trials] if self.space is None else list(self.candidates)

    @property
    def fine_tuned(self) -> bool:
        """Whether any trial trains its backbone."""
        return any(configuration.fine_tuned for configuration in self.candidates)
