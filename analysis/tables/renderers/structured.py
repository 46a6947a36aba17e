"""JSON: the whole table, cells as numbers (fractions) and the records of the long CSV; what does not apply is null."""

import dataclasses
import json
import math
from collections.abc import Mapping
from typing import Any

from analysis.tables.table import Cell, Table


def render(table: Table) -> str:
    """Return the table as an indented JSON object, ending in a newline; NaN and infinity become null."""
    document = {
        "name": table.name,
        "title": table.title,
        "stamps": table.stamps,
        "caption": table.caption,
        "columns": [dataclasses.asdict(column) for column in table.columns],
        "rows": [[_cell(cell) for cell in row] for row in table.rows],
        "notes": table.notes,
        "records": table.records,
    }
    return json.dumps(_plain(document), indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def _cell(cell: Cell) -> dict[str, Any]:
    """Return what a cell has; fields left at their default are left out."""
    fields = {field.name: (getattr(cell, field.name), field.default) for field in dataclasses.fields(cell)}
    return {name: value for name, (value, default) in fields.items() if value != default}


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(name): _plain(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    if value is None or isinstance(value, bool | str):
        return value
    if isinstance(value, float) or hasattr(value, "item"):
        number = value.item() if hasattr(value, "item") else value
        return number if not isinstance(number, float) or math.isfinite(number) else None
    return value if isinstance(value, int) else str(value)
