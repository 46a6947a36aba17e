"""How a space is searched: the sampler, its budget, its starting points, and what ends a trial early.

strategy: {name: tpe, trials: 60, constraints: {parameters: 5000000}, halving: {reduction: 3, minimum_epochs: 1}}
"""

from typing import Annotated, Any, Literal

from pydantic import Field, field_validator, model_validator

from trainables.settings import Settings


class Constraints(Settings):
    """Limits that a good configuration keeps: model parameters, and mean seconds of a fold fit."""

    parameters: int | None = Field(default=None, ge=1)
    seconds: float | None = Field(default=None, gt=0.0)

    def excess(self, *, parameters: float | None, seconds: float | None) -> dict[str, float]:
        """Return by how much, as a share of the limit, each limit that is set is exceeded; 0 or less keeps it."""
        limits = (("parameters", parameters, self.parameters), ("seconds", seconds, self.seconds))
        return {name: found / limit - 1.0 for name, found, limit in limits if found is not None and limit is not None}


class HalvingSettings(Settings):
    """Successive halving by epoch: judged at epoch `minimum_epochs` times 1, `reduction`, `reduction` squared, ..."""

    reduction: int = Field(default=3, ge=2, le=100)
    minimum_epochs: int = Field(default=1, ge=1, le=10_000)


class SearchSettings(Settings):
    """What all samplers share.

    `trials`, `fold_fits` and `hours` limit the search, whichever is reached first: a trial is started only while all of
    its fold fits are within the budget, and what has started is ended. At most `at_once` trials run at the same time,
    as far as there is room: fewer leave the sampler better informed. `start` are the first trials, each as dotted
    settings of the space; what one leaves out is sampled. `racing` is the margin, in standard errors of a paired
    difference, by which a configuration may be behind the best before it is dropped between folds (null or false: off).
    """

    trials: int | None = Field(default=None, ge=1, le=1_000_000)
    fold_fits: int | None = Field(default=None, ge=1)
    hours: float | None = Field(default=None, gt=0.0)
    at_once: int | None = Field(default=None, ge=1, le=10_000)
    seed: int = Field(default=0, ge=0)
    start: tuple[dict[str, Any], ...] = ()
    constraints: Constraints = Constraints()
    racing: float | None = Field(default=1.0, gt=0.0, le=10.0)
    confirm: int = Field(default=3, ge=0, le=100)
    halving: HalvingSettings | None = None

    @field_validator("racing", "halving", mode="before")
    @classmethod
    def _false_is_off(cls, value: Any) -> Any:
        return None if value is False else value

    @model_validator(mode="after")
    def _has_a_budget(self) -> "SearchSettings":
        if self.trials is None and self.fold_fits is None and self.hours is None:
            raise ValueError("a search needs a budget; set one of trials, fold_fits and hours, for example trials: 50")
        return self


class RandomSearch(SearchSettings):
    """Independent uniform (or log-uniform) draws."""

    name: Literal["random"] = "random"


class TreeParzenSearch(SearchSettings):
    """Tree-structured Parzen estimator (Optuna's, multivariate, one model per branch of a conditional space).

    The first `startup_trials` that end with a score are drawn at random.
    """

    name: Literal["tpe"] = "tpe"
    startup_trials: int = Field(default=10, ge=1, le=100_000)


Search = Annotated[TreeParzenSearch | RandomSearch, Field(discriminator="name")]
