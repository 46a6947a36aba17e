"""Class activation maps side by side: the image, where image only looked, where the fused network looked.

Rows are cases chosen by rule (`analysis.activation_cases`), one figure for cases that are right only with metadata and
one for those that are right only without. The figures hold images of the data set; they are all of the section `maps`,
so a report that must not show any leaves that section out.
"""

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from analysis.activation_cases import (
    GAINED,
    LOST,
    MOST_CASES,
    Case,
    Look,
    Rule,
    all_cases,
    best_pair,
    chosen_cases,
    read_stored,
)
from analysis.evaluation import ConfigurationResult
from analysis.figures.base import INK, Drawn, draw
from analysis.run import Part, Run
from analysis.tables.formatting import plural

WIDTH, TEXT_HEIGHT = 7.2, 0.36
"""Inches: of the figure, and of the words under a row."""
COLOURS, OPACITY = "inferno", 0.75
WORDS = {
    GAINED: ("right only with metadata", "image only was wrong and the fused network right", "gain"),
    LOST: ("right only without metadata", "image only was right and the fused network wrong", "loss"),
}


@dataclass(frozen=True)
class MapsInfo:
    """Cases of one rule. `n_following` of `n_stored` cases follow the rule, `n_mirror` its mirror.

    `fits` are the fold fits of the two configurations that have maps, of those done.
    """

    rule: Rule
    target: str
    images: tuple[str, ...]
    image_only: str
    fused: str
    cases: tuple[Case, ...]
    n_stored: int
    n_following: int
    n_mirror: int
    fits: tuple[int, int]


def maps_info(run: Run, part: Part) -> tuple[MapsInfo, ...]:
    """Return what there is to draw of one part: for each rule its cases, none of a rule that no stored case follows."""
    if run.ledger is None:
        return ()
    stored = read_stored(run.ledger, part.records.values())
    pair = best_pair(part.results, stored)
    if pair is None:
        return ()
    cases = all_cases(pair, stored)
    of_pair = {
        key: maps for key, maps in stored.items() if key[0] in (pair.image_only.identifier, pair.fused.identifier)
    }
    maps = next(iter(of_pair.values()))
    counts = {rule: sum(case.follows(rule) for case in cases) for rule in (GAINED, LOST)}
    found = []
    for rule, mirror in ((GAINED, LOST), (LOST, GAINED)):
        if counts[rule]:
            found.append(
                MapsInfo(
                    rule, maps.target, maps.images, pair.image_only.label, pair.fused.label, chosen_cases(cases, rule),
                    len(cases), counts[rule], counts[mirror], (len(of_pair), _done(pair.image_only, pair.fused)),
                )
            )  # fmt: skip
    return tuple(found)


def maps_missing(run: Run) -> str | None:
    """Return a sentence for the integrity section when maps were asked for and finished fold fits have none."""
    if not run.manifest.settings.get("maps") or run.ledger is None:
        return None
    stored = set(run.ledger.storage.names("maps", ".npz"))
    records = [record for part in run.parts for record in part.records.values()]
    wanted = [record.key for record in records if record.state == "done" and record.configuration.get("backbone")]
    missing = sum(key not in stored for key in wanted)
    if not missing:
        return None
    return (
        f"Activation maps were asked for, and {missing} of {len(wanted)} finished fold fits have none: they were in "
        "the ledger before, or the maps could not be written; maps are made at the end of a fold fit and never later."
    )


def overlay(picture: np.ndarray, activation: np.ndarray, largest: float) -> np.ndarray:
    """Return a grey copy of a picture (H, W, 3), uint8, with the evidence for the class in colour over it.

    Args:
        picture: uint8 (H, W, 3).
        activation: (h, w); only what is above 0 is shown (the rectification of Grad-CAM).
        largest: what is brightest; nothing is shown when it is not above 0.
    """
    grey = np.repeat(picture.astype(float) @ np.array([[0.299], [0.587], [0.114]]), 3, axis=2) / 255.0
    if largest <= 0:
        return np.rint(255.0 * grey).astype(np.uint8)
    share = np.clip(_enlarged(activation, picture.shape[:2]) / largest, 0.0, 1.0)
    colour = matplotlib.colormaps[COLOURS](share)[:, :, :3]
    opacity = OPACITY * share[:, :, None]
    return np.rint(255.0 * ((1.0 - opacity) * grey + opacity * colour)).astype(np.uint8)


def draw_maps(name: str, info: MapsInfo) -> tuple[bytes, bytes]:
    """Return SVG and PDF of the figure."""
    columns = 3 * len(info.images)
    height, width = info.cases[0].pictures.shape[1:3]
    row = WIDTH / columns * 0.92 * height / width + TEXT_HEIGHT * (1.0 if columns == 3 else 1.5)
    titles = 0.3 if columns == 3 else 0.45
    return draw(name, (WIDTH, titles + row * len(info.cases)), lambda figure: paint_maps(figure, info))


def paint_maps(figure: Figure, info: MapsInfo) -> None:
    """Paint one row per case: every image, its map by image only, its map by the fused network."""
    columns = 3 * len(info.images)
    grid = figure.subplots(len(info.cases), columns, squeeze=False)
    letters = 34 * 3 // columns
    for axes_of_case, case in zip(grid, info.cases, strict=True):
        largest = [max(0.0, float(look.activation.max())) for look in (case.image_only, case.fused)]
        for number in range(len(info.images)):
            picture = case.pictures[number]
            one, two, three = axes_of_case[3 * number : 3 * number + 3]
            _paint(one, picture, f"{case.label}\n{case.sample}", letters)
            for axes, look, peak in ((two, case.image_only, largest[0]), (three, case.fused, largest[1])):
                _paint(axes, overlay(picture, look.activation[number], peak), _words(look, case.label, peak), letters)
    for column, axes in enumerate(grid[0]):
        of_image = textwrap.shorten(info.images[column // 3], letters, placeholder="…") if column % 3 == 0 else ""
        above = "" if len(info.images) == 1 else f"{of_image}\n"
        axes.set_title(above + ("input", "image only", "fused")[column % 3], fontsize=9)


def build(run: Run) -> tuple[Drawn, ...]:
    """Return the figures of the first part that has stored maps of a pair: those right only with metadata first."""
    for number, part in enumerate(run.parts):
        if found := maps_info(run, part):
            stem = f"{number}_" if len(run.parts) > 1 else ""
            return tuple(_drawn(f"maps_{stem}{info.rule}", info) for info in found)
    return ()


def _drawn(name: str, info: MapsInfo) -> Drawn:
    svg, pdf = draw_maps(name, info)
    title = f"Class activation maps: {WORDS[info.rule][0]}"
    return Drawn(name, title, caption(info), alternative(info), "maps", svg, pdf)


def caption(info: MapsInfo) -> str:
    """Return what the marks are, how the cases were chosen, and what is not shown."""
    _, rule, change = WORDS[info.rule]
    several = "; the images of a sample share one scale" if len(info.images) > 1 else ""
    with_maps, done = info.fits
    return (
        "From left to right: the image, its map by image only, its map by the fused network. "
        f"Image only: {info.image_only}; fused: {info.fused}, the configuration of the highest MCR among those with an "
        "image-only counterpart that is equal in all else. "
        f"Maps are Grad-CAM (Selvaraju et al. 2017) of the true class of {info.target} at the last feature map; for "
        "average pooling and a linear head they are the class activation maps of Zhou et al. (2016). "
        "The brighter, the more evidence for the true class; each map is scaled to its own largest value"
        f"{several}; evidence against the class is not shown. "
        "Under a map stand the decision (✓ right, ✗ and the wrong class) and the probability of the true class, "
        f"P(true). Shown are cases in which {rule}: of each class the one with the largest {change} in P(true), at "
        f"most {MOST_CASES}; of {plural(info.n_stored, 'stored case')} this holds for {info.n_following}, "
        f"and the opposite for {info.n_mirror}. "
        "Stored are the first evaluated samples of each class in the order of a hash of their ids, "
        f"from {with_maps} of the {done} fold fits of the two. "
        "Cases illustrate and test nothing. The pictures are images of the data set."
    )


def alternative(info: MapsInfo) -> str:
    """Return the text for who cannot see the figure: class, decisions and probabilities of every case."""
    rows = [
        f"{case.label}: image only says {case.image_only.decision} with P(true) = {case.image_only.probability:.2f}, "
        f"fused {case.fused.decision} with P(true) = {case.fused.probability:.2f}"
        for case in info.cases
    ]
    return f"Activation maps over the images of {plural(len(rows), 'case')}. {'; '.join(rows)}."


def _done(*results: ConfigurationResult) -> int:
    return sum(len(result.metrics) for result in results)


def _words(look: Look, label: str, peak: float) -> str:
    verdict = "✓ right" if look.right else f"✗ {look.decision}"
    nothing = "" if peak > 0 else ", no evidence"
    return f"{verdict}\nP(true) = {look.probability:.2f}{nothing}"


def _paint(axes: Axes, picture: np.ndarray, words: str, letters: int) -> None:
    axes.imshow(picture, interpolation="none")
    axes.set_xticks([])
    axes.set_yticks([])
    axes.spines[:].set_visible(False)
    lines = [textwrap.shorten(line, letters, placeholder="…") for line in words.split("\n")]
    axes.set_xlabel("\n".join(lines), fontsize=8, color=INK, labelpad=2)


def _enlarged(values: np.ndarray, size: Sequence[int]) -> np.ndarray:
    """Return (h, w) values at another size, linearly between the centres of cells."""
    for axis, length in enumerate(size):
        cells = values.shape[axis]
        places = (np.arange(length) + 0.5) * cells / length - 0.5
        lines = np.moveaxis(values, axis, 1)
        values = np.moveaxis(np.array([np.interp(places, np.arange(cells), line) for line in lines]), 1, axis)
    return values
