"""What all figures share: how one is drawn to bytes, and what the report is told of it.

A figure is an info function (pure: numbers to draw, tested) and a draw function (matplotlib). `build(run)` of its
module picks what a run has of it. The same run gives the same bytes: ids come from the figure's name, no dates.
"""

import io
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import matplotlib
from matplotlib.figure import Figure

Section = Literal["results", "comparisons", "classes", "training", "search", "cost", "maps"]

FONTS = ["DejaVu Sans", "Verdana", "Arial", "sans-serif"]
INK, MAIN, SECOND, RULE, GOOD, BAD = "#222222", "#1f4e79", "#c46210", "#9a9a9a", "#1b7837", "#b2182b"
"""Text, the main colour, the one beside it, rules and the reference, and for better and worse (never colour alone)."""

NO_STYLE = frozenset({"backend", "backend_fallback", "interactive", "toolbar", "webagg.port", "webagg.address"})
"""Settings of matplotlib that change no figure; setting the backend would close those of a notebook."""


@dataclass(frozen=True)
class Drawn:
    """A finished figure. `name` is the stem of its files, `caption` says what marks and bars are, in whole sentences.

    `alternative` is the text for who cannot see it: what it shows and its main numbers.
    """

    name: str
    title: str
    caption: str
    alternative: str
    section: Section
    svg: bytes
    pdf: bytes


def draw(name: str, size: tuple[float, float], paint: Callable[[Figure], None]) -> tuple[bytes, bytes]:
    """Return SVG and PDF of a figure of `size` (inches) that `paint` fills; same input, same bytes.

    The SVG holds text as text; `name` makes its ids unique in a page with others.
    """
    settings = {
        "svg.hashsalt": name,
        "svg.fonttype": "none",
        "pdf.fonttype": 42,
        "font.family": "sans-serif",
        "font.sans-serif": FONTS,
        "font.size": 9,
        "text.color": INK,
        "axes.labelcolor": INK,
        "text.parse_math": False,  # a dollar sign in a class name is a dollar sign
    }
    found = []
    for form, metadata in (("svg", {"Date": None, "Creator": None}), ("pdf", {"CreationDate": None, "Producer": None})):
        with matplotlib.rc_context(_defaults() | settings), warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Glyph .* missing")  # the SVG keeps the letters, the reader has the font
            figure = Figure(figsize=size, layout="constrained")
            paint(figure)
            _settle(figure)
            image = io.BytesIO()
            figure.savefig(image, format=form, metadata=metadata)
            found.append(image.getvalue())
    return found[0], found[1]


def _defaults() -> dict[str, Any]:
    """Return matplotlib's own settings, so that no `matplotlibrc` of a user changes a figure; the backend stays."""
    return {name: value for name, value in matplotlib.rcParamsDefault.items() if name not in NO_STYLE}


def _settle(figure: Figure) -> None:
    """Lay a figure out and round where its axes stand: the layout solver's last bits vary, and SVG ids hold them."""
    figure.draw_without_rendering()
    figure.set_layout_engine("none")
    for axes in figure.axes:
        left, bottom, width, height = (round(float(part), 6) for part in axes.get_position(original=True).bounds)
        axes.set_position((left, bottom, width, height))
