"""What all figures share: a figure looks the same whatever matplotlib's user has set."""

import matplotlib

from analysis.figures.base import draw


def paint(figure):
    figure.add_subplot(title="a title").plot([0, 1], [1, 0])


def test_a_user_s_settings_of_matplotlib_change_no_figure():
    plain = draw("one", (3, 2), paint)
    with matplotlib.rc_context({"lines.linewidth": 9, "axes.facecolor": "red", "axes.grid": True, "figure.dpi": 37}):
        mine = dict(matplotlib.rcParams)
        assert draw("one", (3, 2), paint) == plain
        assert dict(matplotlib.rcParams) == mine
