"""Turns pydantic's findings into one line that names the field, the value and the choices."""

import types
import typing
from typing import Annotated, Any

from pydantic import BaseModel, ValidationError

from analysis.plain_types import TRUTH_FOR_NUMBER
from models.registry import did_you_mean

LONGEST = 200
"""Characters of a name or a value that a message shows."""


def explain(error: ValidationError, model: type[BaseModel]) -> str:
    """Return one line for the first finding, and how many more there are; `model` is the class that was validated."""
    findings = error.errors(include_url=False)
    top = findings[0]["loc"][:1]
    of_top = [finding for finding in findings if finding["loc"][:1] == top]
    others = len({finding["loc"][:1] for finding in findings}) - 1
    more = f" (and {others} more)" if others else ""
    # Of the members of a union, the one that got furthest is the one that was meant.
    return f"{_sentence(max(of_top, key=lambda finding: len(finding['loc'])), model)}{more}"


def _sentence(finding: Any, model: type[BaseModel]) -> str:
    path, owner = _follow(finding["loc"], model)
    name, value = _shown(".".join(path)), finding.get("input")
    if finding["type"] == TRUTH_FOR_NUMBER:
        return ".".join(filter(None, (name, finding["msg"])))
    if finding["type"] == "extra_forbidden":
        return _unknown(name, sorted(owner.model_fields) if owner else [])
    if finding["type"].startswith("union_tag"):
        tags = str(finding.get("ctx", {}).get("expected_tags") or _tags(model, path)).replace("'", "")
        known = tags.split(", ")
        given = (
            f"name={value['name']!r} is not known{did_you_mean(str(value['name']), known)}"
            if "name" in (value or ())
            else "name is missing"
        )
        return f"{name}.{given} (choices: {tags})"
    if finding["type"] == "missing":
        return f"{name} is missing"
    message = " ".join(finding["msg"].removeprefix("Value error, ").split())
    message = message[:1].lower() + message[1:] if message.startswith("Input") else message
    if finding["type"] in ("tuple_type", "list_type"):
        message = "must be a list, such as [a, b]"
    if not name or message.startswith(name):
        return message
    return f"{name}: {message}" if isinstance(value, dict) else f"{name}={_shown(repr(value))}: {message}"


def _shown(text: str) -> str:
    """Return a text that fits on a line."""
    text = text if text.isprintable() else ascii(text)
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}..."


def _unknown(name: str, fields: list[str]) -> str:
    return f"{name} is not a known setting{did_you_mean(name.rpartition('.')[2], fields)} (known: {', '.join(fields)})"


def _follow(location: tuple[Any, ...], model: type[BaseModel]) -> tuple[list[str], type[BaseModel] | None]:
    """Return the names a user wrote on the way to a finding, and the settings class that the last one belongs to."""
    path: list[str] = []
    owner: type[BaseModel] | None = model
    current: Any = model
    for part in location:
        current = _plain(current)
        if _is_model(current):
            owner = current
            path.append(str(part))
            field = current.model_fields.get(part)
            current = field.annotation if field else None
        elif _is_union(current):
            current = _member(current, part)  # pydantic names the member that it tried; the user never wrote that
        else:
            path.append(str(part))
            arguments = typing.get_args(current)
            current = arguments[-1 if typing.get_origin(current) is dict else 0] if arguments else None
    return path, owner


def _plain(annotation: Any) -> Any:
    """Strip `Annotated` and the None of an optional setting."""
    if typing.get_origin(annotation) is Annotated:
        return _plain(typing.get_args(annotation)[0])
    if _is_union(annotation):
        options = [option for option in typing.get_args(annotation) if option is not type(None)]
        return _plain(options[0]) if len(options) == 1 else annotation
    return annotation


def _member(union: Any, tag: Any) -> Any:
    for option in typing.get_args(union):
        plain = _plain(option)
        if _is_model(plain):
            named = plain.model_fields.get("name")
            if plain.__name__ == tag or (named is not None and named.default == tag):
                return plain
        elif str(getattr(typing.get_origin(plain) or plain, "__name__", "")) in str(tag):
            return plain
    return None


def _tags(model: type[BaseModel], path: list[str]) -> str:
    union = _plain(model.model_fields[path[0]].annotation) if path[:1] and path[0] in model.model_fields else None
    members = (_plain(option) for option in typing.get_args(union))
    return ", ".join(str(member.model_fields["name"].default) for member in members if _is_model(member))


def _is_union(annotation: Any) -> bool:
    return typing.get_origin(annotation) in (typing.Union, types.UnionType)


def _is_model(annotation: Any) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)
