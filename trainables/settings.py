"""The base of all settings: frozen, keyword-only, no unknown keys."""

from pydantic import BaseModel, ConfigDict


class Settings(BaseModel):
    """Frozen, validated settings; an unknown key or a wrong type is an error that names the field."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=False, allow_inf_nan=False)
