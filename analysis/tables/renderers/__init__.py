"""The renderers, by the ending of the file they write: each turns one `Table` into text."""

from collections.abc import Callable

from analysis.tables.renderers import html, latex, long, markdown, structured, wide
from analysis.tables.table import Table

RENDERERS: dict[str, Callable[[Table], str]] = {
    ".md": markdown.render,
    ".tex": latex.render,
    ".csv": wide.render,
    "_long.csv": long.render,
    ".html": html.render,
    ".json": structured.render,
}
