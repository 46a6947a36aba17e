"""The durable record of finished fold fits: every number that is reported comes from here."""

from analysis.ledger.identity import canonical_json, digest
from analysis.ledger.schema import SCHEMA_VERSION, CohortSummary, FitRecord, probability_column, target_column
from analysis.ledger.store import Ledger

__all__ = [
    "SCHEMA_VERSION",
    "CohortSummary",
    "FitRecord",
    "Ledger",
    "canonical_json",
    "digest",
    "probability_column",
    "target_column",
]
