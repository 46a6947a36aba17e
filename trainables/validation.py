"""Turns pydantic's findings into one line that names the field, the value and the choices."""

import difflib
import types
import typing
from typing import Any

from pydantic import BaseModel, ValidationError


def explain(error: ValidationError, model: type[BaseModel], prefix: str = "") -> str:
    """Return one line for the first finding, and how many more there are.

    Args:
        error: what pydantic raised.
        model: the settings class that was validated, for the names of its fields.
        prefix: where the settings stand, for example `scientific.`.
    """
    findings = error.errors(include_url=False)
    first = findings[0]
    more = f" (and {len(findings) - 1} more)" if len(findings) > 1 else ""
    return f"{_sentence(first, model, prefix)}{more}"


def _sentence(finding: Any, model: type[BaseModel], prefix: str) -> str:
    location = [part for part in finding["loc"] if not _is_union_branch(part, model)]
    name = prefix + ".".join(str(part) for part in location)
    value = finding.get("input")
    if finding["type"] == "extra_forbidden":
        fields = sorted(_fields_at(model, location[:-1]))
        close = difflib.get_close_matches(str(location[-1]), fields, n=1)
        hint = f"; did you mean {close[0]!r}?" if close else ""
        return f"{name} is not a known setting{hint} (known: {', '.join(fields)})"
    if finding["type"] == "missing":
        return f"{name} is missing"
    message = finding["msg"].removeprefix("Value error, ")
    message = message[:1].lower() + message[1:] if message[:5] == "Input" else message
    if not name:
        return message
    return f"{name}={value!r}: {message}" if not isinstance(value, dict) else f"{name}: {message}"


def _is_union_branch(part: Any, model: type[BaseModel]) -> bool:
    """Pydantic adds the tag of a union to a location; a user never wrote it."""
    return isinstance(part, str) and part.startswith(("function-", "tagged-", "list[", "tuple[", "dict["))


def _fields_at(model: type[BaseModel], location: list[Any]) -> set[str]:
    current: Any = model
    for part in location:
        if not (isinstance(current, type) and issubclass(current, BaseModel)) or part not in current.model_fields:
            break
        current = _settings_in(current.model_fields[part].annotation)
    return set(current.model_fields) if isinstance(current, type) and issubclass(current, BaseModel) else set()


def _settings_in(annotation: Any) -> Any:
    if typing.get_origin(annotation) in (typing.Union, types.UnionType):
        options = [option for option in typing.get_args(annotation) if isinstance(option, type) and issubclass(option, BaseModel)]
        return options[0] if options else annotation
    return annotation
