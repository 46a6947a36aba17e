"""Warnings that a search may have stopped at the edge of its space: the best trials lie at the end of a range.

After the search-space boundary check of Godbole et al., Deep Learning Tuning Playbook, 2023; the limits below are ours.
"""

import math
from collections.abc import Sequence

from analysis.search_record import Entry
from analysis.search_space import Axis, search_axes

FEWEST = 10
"""Complete trials below which nothing is said."""

BEST_SHARE, FEWEST_BEST = 0.1, 3
"""What counts as the best: a tenth of the complete trials, at least three."""

EDGE = 0.1
"""What counts as the edge: the outer tenth of a range, on the scale that is searched."""


def boundary_warnings(entries: Sequence[Entry]) -> tuple[str, ...]:
    """Return one sentence for each range at an end of which more than half of the best complete trials lie.

    Args:
        entries: the record of a search; categories have no ends, and whole numbers count where the range has over ten.
    """
    complete = [entry for entry in entries if entry.state == "complete" and entry.feasible and entry.value is not None]
    if len(complete) < FEWEST:
        return ()
    complete.sort(key=lambda entry: (-(entry.value or 0.0), entry.number))
    best = complete[: max(FEWEST_BEST, math.ceil(BEST_SHARE * len(complete)))]
    ranges = [axis for axis in search_axes(entries) if not axis.levels]
    wide = [axis for axis in ranges if not axis.whole or axis.high - axis.low > 1 / EDGE]
    return tuple(line for axis in wide for line in _warned(axis, best))


def _warned(axis: Axis, best: Sequence[Entry]) -> list[str]:
    shares = [axis.share(float(entry.parameters[axis.name])) for entry in best if axis.name in entry.parameters]
    ends = {
        "lowest": sum(share <= EDGE for share in shares),
        "highest": sum(share >= 1 - EDGE for share in shares),
    }
    return [
        f"{axis.name}: {count} of the best {len(best)} complete trials lie in the {end} tenth of {axis.low:g} to "
        f"{axis.high:g}{' (log scale)' if axis.log else ''}; a better value may lie outside, so search a wider range."
        for end, count in ends.items()
        if 2 * count > len(best)
    ]
