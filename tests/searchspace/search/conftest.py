"""A small world to search: five folds, scores that follow from the configuration, and a process that can be killed."""

import dataclasses
import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd
import pytest

from analysis.ledger import CohortSummary, FitRecord, Ledger
from analysis.ledger.storage import Storage
from searchspace.search import Proposal, Proposer, Referee, SearchRecord, open_space
from trainables.configuration import Configuration
from trainables.events import EpochEnded, Event, FitEnded
from trainables.planning import PlannedFit, Trial

SPACE = {
    "training.learning_rate": {"low": 1e-4, "high": 1e-1, "log": True},
    "fusion.name": ["none", "concat", "multiply"],
    "metadata.fields": {"subsets": ["age", "sex"], "when": {"fusion.name": {"not": ["none"]}}},
    "fusion.depth": {
        "values": [1, 2, 3],
        "when": {"fusion.name": ["multiply"], "metadata.fields": {"not": [[]]}},
    },
}
COHORT = CohortSummary("array", "f" * 8, 100, 50, "lesion", {"diagnosis": ("a", "b")})


class Killed(BaseException):
    """The process ends here, at any event."""


@dataclass
class World:
    """Runs a search in `folder`; `spoil` says how a fold fit of some settings ends otherwise than well."""

    folder: Path
    settings: object
    space: dict = field(default_factory=lambda: SPACE)
    folds: int = 5
    epochs: int = 4
    spoil: Callable[[dict, int], dict] = lambda settings, fold: {}
    database: bool = False
    trained: list[str] = field(default_factory=list)

    @property
    def ledger(self) -> Ledger:
        return Ledger(self.folder / "ledger")

    @property
    def record(self) -> SearchRecord:
        return SearchRecord(Storage(self.folder))

    def proposer(self, **given) -> Proposer:
        url = f"sqlite:///{self.folder}/optuna.db" if self.database else None
        arguments = {"folds": self.folds, "ledger": self.ledger, "storage_url": url, **given}
        return Proposer("small", open_space(self.space), self.settings, self.record, self.plan, **arguments)

    def referee(self) -> Referee:
        folds = {(0, fold): 400 for fold in range(self.folds)}
        referee = Referee(self.settings, folds, self.ledger)
        referee.restore(self.record.load())
        return referee

    def plan(self, settings: dict) -> Trial:
        sections: dict = {}
        for name, value in settings.items():
            section, _, key = name.partition(".")
            sections.setdefault(section, {})[key] = value
        configuration = Configuration.of(sections)
        identity = {"configuration": configuration.canonical()}
        fits = tuple(PlannedFit({**identity, "repeat": 0, "fold": fold}, fold) for fold in range(self.folds))
        return Trial(configuration.identifier, configuration, fits)

    def score(self, proposal: Proposal, fold: int) -> float:
        identity = proposal.trial.fits[fold].key
        noise = int(hashlib.sha256(identity.encode()).hexdigest()[:8], 16) / 2**32
        rate = float(proposal.settings.get("training.learning_rate", 1e-3))
        return 0.7 - 4 * abs(rate - 0.01) - 0.02 * fold + 0.02 * noise

    def events(self, proposal: Proposal, judge) -> Iterator[Event]:
        for event in self._events(proposal):
            yield event
            dropped = judge(proposal.trial.identifier, event)
            if dropped is not None:
                yield dropped
                return

    def _events(self, proposal: Proposal) -> Iterator[Event]:
        for fold, fit in enumerate(proposal.trial.fits):
            known = self.ledger.get(fit.key)
            if known is None:
                for epoch in range(1, self.epochs + 1):
                    inner = {"mcr": self.score(proposal, fold) * epoch / self.epochs}
                    yield EpochEnded(
                        repeat=0, fold=fold, epoch=epoch, epochs=self.epochs, loss=1.0, learning_rate=0.1, inner=inner
                    )
                self.trained.append(fit.key)
            ended = {"state": "done", "metrics": {"mcr": self.score(proposal, fold)}, "seconds": 10.0}
            ended |= self.spoil(proposal.settings, fold)
            self._store(proposal, fold, ended)
            yield FitEnded(repeat=0, fold=fold, key=fit.key, reused=known is not None, **ended)

    def _store(self, proposal: Proposal, fold: int, ended: dict) -> None:
        fit = proposal.trial.fits[fold]
        done = ended["state"] == "done"
        record = FitRecord(
            identity=fit.identity, state=ended["state"], configuration_id=proposal.trial.identifier, cohort=COHORT,
            folds={}, repeat=0, fold=fold, n_train=80, n_inner=0, n_test=20, leak_share=0.0,
            cost={"parameters": 1000 + 1000 * int(proposal.settings.get("fusion.depth", 0)), "seconds": 10.0},
        )  # fmt: skip
        self.ledger.put(record, pd.DataFrame({"x": [1.0]}) if done else None)

    def run(self, *, kill_after: int | None = None, kill_on: type | None = None, **given) -> Proposer:
        """Search to the end, one trial after the other; it dies after that many events, or on one of a kind."""
        proposer, referee, events = self.proposer(**given), self.referee(), 0
        while (proposal := proposer.ask()) is not None:
            for event in self.events(proposal, referee.judge):
                proposer.hear(proposal.number, event)
                events += 1
                if events == kill_after or (kill_on and isinstance(event, kill_on)):
                    raise Killed
            proposer.tell(proposal.number)
        return proposer


def essence(entries) -> list[dict]:
    """What must not depend on interruptions: everything but the time."""
    kept = [dataclasses.asdict(entry) for entry in entries]
    return [{name: value for name, value in entry.items() if not name.endswith("_at")} for entry in kept]


@pytest.fixture
def world(tmp_path):
    """Make a world from settings of the search."""

    def make(settings, *, name: str = "run", **given) -> World:
        return World(tmp_path / name, settings, **given)

    (tmp_path / "run").mkdir()
    return make


@pytest.fixture
def compare_essence():
    return essence


@pytest.fixture
def killed():
    return Killed


@pytest.fixture
def space_settings():
    return SPACE
