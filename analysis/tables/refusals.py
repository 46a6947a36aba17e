"""A table specification that cannot be used, in one line: the setting, its value, the nearest choice, all choices."""

import re
from typing import Any

from pydantic import ValidationError

from analysis.tables.dimensions import did_you_mean
from analysis.tables.specification import TableSpecification


def refusal(error: ValidationError) -> str:
    """Return what is wrong with the settings of a table: the first finding, and how many more settings have some."""
    findings = error.errors(include_url=False)
    others = len({finding["loc"][:1] for finding in findings}) - 1
    more = f" (and {others} more)" if others else ""
    return f"{_sentence(findings[0])}{more}"


def _sentence(finding: Any) -> str:
    name, value = ".".join(str(part) for part in finding["loc"] if isinstance(part, str)), finding["input"]
    if finding["type"] == "extra_forbidden":
        known = list(TableSpecification.model_fields)
        return f"{name} is not a known setting{did_you_mean(name, known)} (known: {', '.join(known)})"
    if finding["type"] == "missing":
        return f"{name} is missing"
    if finding["type"] == "literal_error":
        choices = re.findall(r"'([^']*)'", finding["ctx"]["expected"])
        return f"{name}={value!r} is not known{did_you_mean(str(value), choices)} (choices: {', '.join(choices)})"
    message = finding["msg"].removeprefix("Value error, ")
    if finding["type"] in ("tuple_type", "list_type"):
        message = "must be a list, such as [a, b]"
    if not name or message.startswith(repr(value)):  # it names the value itself
        return f"{name}={message}" if name else message
    return f"{name}={value!r}: {message[:1].lower()}{message[1:]}"
