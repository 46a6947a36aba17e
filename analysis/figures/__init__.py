"""Figures: each an info function (pure, tested), a function that paints it, and `build(run)`, all it draws of a run.

`FIGURES` lists them by name in the order of the report.
"""

from collections.abc import Callable

from analysis.figures import (
    activation_maps,
    class_recall,
    confusion,
    cost,
    critical_difference,
    differences,
    forest,
    heat_map,
    history,
    importance,
    interaction,
    intermediate,
    isolation,
    ladder,
    leak,
    learning,
    reliability,
    roc,
    rope,
    slices,
    slopes,
    timeline,
)
from analysis.figures.base import Drawn
from analysis.run import Run

FIGURES: dict[str, Callable[[Run], tuple[Drawn, ...]]] = {
    "leak": leak.build,
    "forest": forest.build,
    "heat_map": heat_map.build,
    "ladder": ladder.build,
    "differences": differences.build,
    "interaction": interaction.build,
    "slopes": slopes.build,
    "rope": rope.build,
    "critical_difference": critical_difference.build,
    "class_recall": class_recall.build,
    "confusion": confusion.build,
    "roc": roc.build,
    "reliability": reliability.build,
    "learning": learning.build,
    "history": history.build,
    "isolation": isolation.build,
    "importance": importance.build,
    "slices": slices.build,
    "intermediate": intermediate.build,
    "timeline": timeline.build,
    "cost": cost.build,
    "activation_maps": activation_maps.build,
}
"""What each figure draws of a run: none, one, or several where it has several parts or tables."""

__all__ = ["FIGURES", "Drawn"]
