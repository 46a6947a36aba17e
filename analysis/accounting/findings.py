"""What an account is made of: the state of one planned fold fit, and one thing that should not be."""

from dataclasses import dataclass
from typing import Literal

from analysis.ledger import FitRecord
from analysis.manifest import PlannedConfiguration, PlannedFold, PlannedPart

State = Literal["done", "diverged", "failed", "pruned", "open"]
STATES: tuple[State, ...] = ("done", "diverged", "failed", "pruned", "open")

Kind = Literal["lost", "unreadable", "foreign", "unexplained", "twice", "predictions", "search", "remains"]


@dataclass(frozen=True, kw_only=True)
class FitAccount:
    """One planned fold fit: `reason` says why it is not done, with the evidence of a search that dropped its trial.

    `key` is empty where a search spared the fold fit and only its place is known.
    """

    part: str
    configuration: str
    label: str
    repeat: int
    fold: int
    key: str
    state: State
    reason: str | None = None

    @property
    def settled(self) -> bool:
        """Whether nothing more is to come."""
        return self.state != "open"

    def __str__(self) -> str:
        part = f"{self.part}: " if self.part else ""
        return f"{part}{self.label}, repeat {self.repeat}, fold {self.fold}"


@dataclass(frozen=True, kw_only=True)
class Violation:
    """One thing that must not be, in words.

    `lost`: a fold fit without a record though the run has ended, or the search counts it; `unreadable`: a record, its
    predictions or a trial cannot be read; `foreign`: a record is of another fold fit than planned; `unexplained`: no
    reason, or no evidence; `twice`: counted more than once; `predictions`: rows that are not those of the fold;
    `search`: the record of the search says otherwise than the ledger; `remains`: what a crashed process left.
    """

    kind: Kind
    text: str


def fit_account(
    part: PlannedPart, one: PlannedConfiguration, fit: PlannedFold, state: State, reason: str | None
) -> FitAccount:
    """Return the account of a planned fold fit."""
    return FitAccount(
        part=part.name or ("" if part.role == "grid" else part.role),
        configuration=one.identifier,
        label=one.label,
        repeat=fit.repeat,
        fold=fit.fold,
        key=fit.key,
        state=state,
        reason=reason,
    )


def other_fit(part: PlannedPart, one: PlannedConfiguration, fit: PlannedFold, record: FitRecord) -> str | None:
    """Say of what a record is when that is not the fold fit that is planned under its key, else None."""
    if record.configuration_id != one.identifier:
        return f"configuration {record.configuration_id}"
    if (record.repeat, record.fold) != (fit.repeat, fit.fold):
        return f"repeat {record.repeat}, fold {record.fold}"
    if record.cohort.fingerprint != part.fingerprint:
        return "another cohort"
    return None if record.folds == part.folds else "another fold plan"
