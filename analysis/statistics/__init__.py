"""Intervals, tests and verdicts: pure functions on scores, influences and predictions (`docs/statistics.md`)."""
