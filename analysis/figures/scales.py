"""Logarithmic axes with their numbers as plain text; matplotlib's own are formulas, which our figures do not set."""

import math

from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
FEW_DECADES = 1.5
"""Below so many decades 2 and 5 are marked beside the powers of ten."""


def set_log(axes: Axes, low: float, high: float) -> None:
    """Make the horizontal axis logarithmic, with marks at powers of ten, and at 2 and 5 where it is short."""
    axes.set_xscale("log")
    short = math.log10(high / low) < FEW_DECADES
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5) if short else (1,), numticks=6))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: magnitude(value)))


def magnitude(value: float) -> str:
    """Return a positive number as `0.01`, `2,000`, `10⁻⁵`."""
    exponent = round(math.log10(value))
    if (value < 0.001 or value >= 1e6) and math.isclose(value, 10.0**exponent):
        return f"10{str(exponent).translate(SUPERSCRIPTS)}"
    return f"{value:,.0f}" if value >= 10 else f"{value:g}"
