"""From out-of-fold predictions to metrics, intervals, comparisons and tables.

In a notebook: `analysis.load(folder)`, `analysis.compare(run, reference)`, `analysis.table(run, ...)`
(`analysis.notebook`). They are imported when first used: training imports this package for its metrics alone.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from analysis.notebook import compare, load, table

__all__ = ["compare", "load", "table"]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'analysis' has no attribute {name!r}")
    from analysis import notebook

    return getattr(notebook, name)


def __dir__() -> list[str]:
    """Name what is imported late too, for completion in a notebook."""
    return sorted({*globals(), *__all__})
