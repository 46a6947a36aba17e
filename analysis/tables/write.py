"""All files of all tables, as bytes; writing them is the caller's."""

from collections.abc import Iterable

from analysis.errors import AnalysisError
from analysis.tables.renderers import RENDERERS
from analysis.tables.table import Table


def render_all(tables: Iterable[Table]) -> dict[str, bytes]:
    """Return every file of every table by name: `<table>.md`, `.tex`, `.csv` and `_long.csv`. Same tables, same bytes.

    Raises:
        AnalysisError: two tables would write the same file.
    """
    files: dict[str, bytes] = {}
    for table in tables:
        for ending, render in RENDERERS.items():
            name = f"{table.name}{ending}"
            if name in files:
                raise AnalysisError(f"two tables write {name}: give each table of the study a name of its own")
            files[name] = render(table).encode("utf-8", "replace")  # a name may hold half a surrogate pair
    return files
