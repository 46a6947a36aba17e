"""Folds: which samples a fold fit trains on, watches (the inner part) and is evaluated on."""

from trainables.folds import fixed, from_file, plans
from trainables.folds.plan import FOLD_PLANS, FoldSettings
from trainables.folds.split import Split, describe, make_splits

__all__ = ["FOLD_PLANS", "FoldSettings", "Split", "describe", "fixed", "from_file", "make_splits", "plans"]
