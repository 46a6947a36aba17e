"""What pydantic takes for a number and a user never meant as one: `true`, which would count as 1."""

import typing
from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel
from pydantic_core import PydanticCustomError

TRUTH_FOR_NUMBER = "truth_for_number"
"""The type of the finding; its context names the `field` and the `value`."""


def refuse_truth_for_numbers(model: type[BaseModel], given: Any) -> Any:
    """Return the settings as they are given, unless a truth value stands in one that takes none.

    Args:
        model: whose settings they are.
        given: what is validated; anything but a mapping is left to pydantic.

    Raises:
        PydanticCustomError: `true` or `false` where a number or a text is wanted.
    """
    for name, value in given.items() if isinstance(given, dict) else ():
        field = model.model_fields.get(name) if isinstance(name, str) and name not in _looked_at(model) else None
        if field is not None and _holds_truth(value) and not any(map(_takes_truth, _leaves(field.annotation))):
            raise PydanticCustomError(
                TRUTH_FOR_NUMBER,
                "{field}={value}: true and false are no numbers, and texts only in quotation marks",
                {"field": name, "value": repr(value)[:80]},
            )
    return given


def _looked_at(model: type[BaseModel]) -> set[str]:
    """Return the settings whose values are looked at by their own validators before pydantic does."""
    validators = model.__pydantic_decorators__.field_validators.values()
    return {name for one in validators if one.info.mode == "before" for name in one.info.fields}


def _holds_truth(value: Any) -> bool:
    items = value if isinstance(value, list | tuple) else value.values() if isinstance(value, dict) else (value,)
    return any(isinstance(item, bool) for item in items)


def _takes_truth(leaf: Any) -> bool:
    if leaf in (bool, Any, object) or isinstance(leaf, bool):
        return True
    return isinstance(leaf, type) and issubclass(leaf, BaseModel)  # which checks what it holds itself


def _leaves(annotation: Any) -> Iterator[Any]:
    arguments = typing.get_args(annotation)
    if not arguments:
        yield annotation
    for argument in arguments:
        yield from _leaves(argument)
