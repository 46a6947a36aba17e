"""Figures: each an info function, pure and tested, and a draw function that gives the bytes of an SVG."""

from analysis.figures.forest import ForestRow, draw_forest, forest_rows

__all__ = ["ForestRow", "draw_forest", "forest_rows"]
