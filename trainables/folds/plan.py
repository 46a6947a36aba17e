"""What a fold plan is: a function that gives every sample its fold number, per repeat."""

from collections.abc import Callable
from typing import Any

import numpy as np
from pydantic import Field, field_validator, model_validator

from models.registry import Registry
from trainables.cohorts import Cohort
from trainables.settings import Settings

TRAIN_ONLY, LEFT_OUT, WATCHED = -1, -2, -3
"""Fold numbers of samples that are never evaluated, of samples that take no part at all, and of training samples that
are the inner validation part where one is asked for."""


class FoldSettings(Settings):
    """How the cohort is split; `file` belongs to the plan from-file, `test_share` to holdout.

    Plan `paper` is what the papers of HAM10000 did: from-file where their fold file is given, else image-level.
    """

    plan: str = "grouped"
    folds: int = Field(default=5, ge=2, le=100)
    repeats: int = Field(default=1, ge=1, le=100)
    seed: int = Field(default=0, ge=0)
    file: str | None = None
    test_share: float = Field(default=0.2, gt=0.0, lt=1.0)

    @model_validator(mode="before")
    @classmethod
    def _paper(cls, given: Any) -> Any:
        if isinstance(given, dict) and given.get("plan") == "paper":
            return {**given, "plan": "from-file" if given.get("file") else "image-level"}
        return given

    @field_validator("plan")
    @classmethod
    def _known(cls, name: str) -> str:
        FOLD_PLANS.get(name)
        return name

    @model_validator(mode="after")
    def _no_setting_without_effect(self) -> "FoldSettings":
        for name, plan in (("file", "from-file"), ("test_share", "holdout")):
            if getattr(self, name) != type(self).model_fields[name].default and self.plan != plan:
                raise ValueError(f"folds.{name} belongs to folds.plan={plan}, not to {self.plan}")
        return self


Plan = Callable[[Cohort, FoldSettings, int], np.ndarray]
"""(cohort, settings, repeat) -> fold number of every sample, int (sample,)."""

FOLD_PLANS: Registry[Plan] = Registry("fold plan")
