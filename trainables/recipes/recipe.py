"""What a recipe is: the settings of a published training procedure, by value, with what they depend on."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import Field, model_validator

from models.names import timm_name
from models.registry import did_you_mean
from trainables.configuration import Configuration
from trainables.settings import Settings

DottedSettings = dict[str, Any]
"""Values by dotted setting, for example {"image.size": [441, 441]}."""


class Adjustment(Settings):
    """Settings that hold only together with others: where every setting of `when` has one of its values, `set` holds.

    A value of `when` is a list of accepted values, or a single one.
    """

    when: DottedSettings = Field(min_length=1)
    set: DottedSettings = Field(min_length=1)

    @model_validator(mode="after")
    def _names_are_settings(self) -> "Adjustment":
        for name in (*self.when, *self.set):
            if name not in _SETTINGS:
                raise ValueError(f"adjust: {name!r} is no setting{did_you_mean(name, _SETTINGS)}")
        return self

    def applies(self, known: Mapping[str, Any]) -> bool:
        """Tell whether these dotted settings ask for the adjustment; one that is not among them does not."""
        return all(
            name in known
            and as_configured(name, known[name])
            in as_configured(name, wanted if isinstance(wanted, list) else [wanted])
            for name, wanted in self.when.items()
        )


def as_configured(name: str, value: Any) -> Any:
    """Return a value of a dotted setting, or a list of values, as configurations have it: backbones by timm's names."""
    if name == "backbone.name" and isinstance(value, list):
        return [as_configured(name, each) for each in value]
    return timm_name(value) if name == "backbone.name" and isinstance(value, str) else value


@dataclass(frozen=True)
class Recipe:
    """A published procedure: `sections` of a configuration, adjusted by the settings they depend on.

    `source` cites it, `note` says what is inferred, because the source does not state it, and what is not reproduced.
    """

    name: str
    source: str
    sections: dict[str, dict[str, Any]]
    note: str
    adjust: tuple[Adjustment, ...] = ()


_SETTINGS = frozenset(
    f"{section}.{name}"
    for section, field in Configuration.model_fields.items()
    for name in field.annotation.model_fields  # type: ignore[union-attr]
)
