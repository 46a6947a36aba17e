"""The base of all settings: frozen, keyword-only, no unknown keys."""

from typing import Any

from pydantic import BaseModel, ConfigDict, model_validator

from analysis.plain_types import refuse_truth_for_numbers


class Settings(BaseModel):
    """Frozen, validated settings; an unknown key or a wrong type is an error that names the field."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=False, allow_inf_nan=False)

    @model_validator(mode="before")
    @classmethod
    def _no_truth_for_numbers(cls, given: Any) -> Any:
        return refuse_truth_for_numbers(cls, given)
