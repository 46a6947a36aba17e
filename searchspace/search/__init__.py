"""The search: Optuna by ask and tell, a durable record of it, and the rules that drop what cannot win."""

from analysis.search_record import Entry, SearchRecord
from searchspace.search.importances import importances
from searchspace.search.proposer import Proposal, Proposer
from searchspace.search.referee import Referee
from searchspace.search.replay import verify
from searchspace.search.settings import (
    Constraints,
    HalvingSettings,
    RandomSearch,
    Search,
    SearchSettings,
    TreeParzenSearch,
)
from searchspace.search.space import AbstractSpace, open_space

__all__ = [
    "AbstractSpace",
    "Constraints",
    "Entry",
    "HalvingSettings",
    "Proposal",
    "Proposer",
    "RandomSearch",
    "Referee",
    "Search",
    "SearchRecord",
    "SearchSettings",
    "TreeParzenSearch",
    "importances",
    "open_space",
    "verify",
]
