"""The long CSV: the results behind a table in full precision, as fractions; an empty field does not apply."""

import csv
import io
from typing import Any

from analysis.tables.renderers.wide import plain
from analysis.tables.table import Table


def render(table: Table) -> str:
    """Return the records as CSV with one header line; numbers keep every digit (repr)."""
    names = list(dict.fromkeys(name for record in table.records for name in record))
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(names)
    writer.writerows([[_field(record.get(name)) for name in names] for record in table.records])
    return stream.getvalue()


def _field(value: Any) -> str:
    if value is None or value != value:  # NaN: undefined, as an absent class
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return repr(value) if isinstance(value, float) else plain(str(value))
