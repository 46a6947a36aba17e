"""Files of a report as `data:` URIs, so that the page alone is enough."""

import base64
from collections.abc import Mapping
from dataclasses import dataclass

TYPES = {
    ".csv": "text/csv;charset=utf-8",
    ".tex": "application/x-tex;charset=utf-8",
    ".md": "text/markdown;charset=utf-8",
    ".json": "application/json",
}
OFFERED = {".csv": "CSV", "_long.csv": "long CSV", ".tex": "LaTeX", ".json": "JSON"}
"""The endings that are offered, with what a reader sees."""
LARGEST = 1_000_000
"""Bytes above which a file stays beside the page."""


@dataclass(frozen=True)
class Download:
    """One link: `address` is a data URI, empty where the file is too large for the page."""

    label: str
    name: str
    address: str


def downloads(table: str, files: Mapping[str, bytes]) -> tuple[Download, ...]:
    """Return the links of one table, by its name; `files` are those of all tables (`render_all`)."""
    return tuple(
        Download(label, name, data_address(name, files[name]) if len(files[name]) <= LARGEST else "")
        for ending, label in OFFERED.items()
        if (name := f"{table}{ending}") in files
    )


def data_address(name: str, content: bytes) -> str:
    """Return a file as a data URI; its type goes by the ending of its name."""
    kind = TYPES[f".{name.rpartition('.')[2]}"]
    return f"data:{kind};base64,{base64.b64encode(content).decode('ascii')}"
