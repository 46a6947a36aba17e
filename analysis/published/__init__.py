"""Figures that papers printed, as data: one YAML file per table, looked up by the settings of a configuration."""

from analysis.published.cells import (
    CLASS,
    COSTS,
    MEAN,
    TARGET,
    PublishedCell,
    PublishedRow,
    PublishedTable,
    published_names,
    published_table,
)

__all__ = [
    "CLASS",
    "COSTS",
    "MEAN",
    "TARGET",
    "PublishedCell",
    "PublishedRow",
    "PublishedTable",
    "published_names",
    "published_table",
]
