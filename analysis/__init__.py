"""From out-of-fold predictions to metrics, intervals, comparisons and tables."""
