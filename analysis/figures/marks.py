"""How figures of results write and colour things: names from data made legible, numbers as tables print them, series.

Class names, labels and settings come from data sets and studies; a figure shows them as they are, on one line or two,
with what cannot be printed (control characters, which XML does not allow) as a space.
"""

import textwrap
from collections.abc import Sequence

import matplotlib
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from analysis.tables.formatting import MINUS

SERIES = (
    ("#1f4e79", "o"),
    ("#c46210", "s"),
    ("#1b7837", "D"),
    ("#762a83", "^"),
    ("#5b5b5b", "v"),
    ("#a6761d", "P"),
    ("#b2182b", "X"),
    ("#2c9c9c", "h"),
)
"""Colour and marker of each series, so that none is told by colour alone."""

LIGHT, DARK = "#ffffff", "#000000"


def legible(text: str) -> str:
    """Return a name on one line, with what cannot be printed as a space."""
    return " ".join("".join(sign if sign.isprintable() else " " for sign in text).split())


def wrapped(text: str, width: int = 34, lines: int = 2) -> str:
    """Return a name in at most so many lines of so many letters; of what does not fit the middle is cut out.

    Labels of configurations often differ in their last words only, so both ends stay.
    """
    text = legible(text)
    found, kept = textwrap.wrap(text, width), lines * width
    while len(found) > lines:
        kept -= 1
        head = kept * 3 // 5
        found = textwrap.wrap(f"{_until_word(text[:head])} … {_from_word(text[len(text) - kept + head :])}", width)
    return "\n".join(found)


def brief(text: str) -> str:
    """Return a name as captions say it: on one line, and not longer than a sentence bears."""
    return wrapped(text, 100, 1)


def capital(text: str) -> str:
    """Return a text with a capital first letter."""
    return text[:1].upper() + text[1:]


def points(value: float, *, signed: bool = False, digits: int = 1) -> str:
    """Return a number in percent or percentage points as tables print it: `58.1`, `+2.4`, a real minus."""
    rounded = round(value, digits) + 0.0  # no negative zero
    text = f"{rounded:+.{digits}f}" if signed and rounded else f"{rounded:.{digits}f}"
    return text.replace("-", MINUS)


def span(bounds: tuple[float, float], *, digits: int = 1) -> str:
    """Return an interval as `[55.7, 60.5]`."""
    return f"[{points(bounds[0], digits=digits)}, {points(bounds[1], digits=digits)}]"


def text_colour(background: str | tuple[float, ...]) -> str:
    """Return black or white, whichever contrasts more with a background (WCAG 2.2: at least 4.5 to 1 for either)."""
    on_white = 1.05 / (luminance(background) + 0.05)
    on_black = (luminance(background) + 0.05) / 0.05
    return LIGHT if on_white > on_black else DARK


def luminance(colour: str | tuple[float, ...]) -> float:
    """Return the relative luminance of a colour, 0 to 1 (WCAG 2.2)."""
    parts = [
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4
        for part in matplotlib.colors.to_rgb(colour)
    ]
    return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]


def series_key(axes: Axes, names: list[str], *, columns: int = 2, styles: Sequence[int] = ()) -> None:
    """Write below the axes which colour and marker is which series; `styles` are places in `SERIES`, or in order."""
    shown = [SERIES[number % len(SERIES)] for number in styles or range(len(names))]
    handles = [Line2D([], [], color=colour, marker=marker, linestyle="none") for colour, marker in shown]
    assert axes.figure is not None
    axes.figure.legend(
        handles,
        [wrapped(name, 44) for name in names],
        loc="outside lower center",
        ncols=columns,
        frameon=False,
        fontsize=8,
        handletextpad=0.3,
    )


def bare(axes: Axes, *sides: str) -> None:
    """Hide the frame of the axes except for the sides that are named."""
    for side, spine in axes.spines.items():
        spine.set_visible(side in sides)


def _until_word(text: str) -> str:
    whole = text.rsplit(" ", 1)[0]
    return whole if len(whole) > len(text) - 10 else text


def _from_word(text: str) -> str:
    whole = text.split(" ", 1)[-1]
    return whole if len(whole) > len(text) - 10 else text
