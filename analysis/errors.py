"""The error that a user's own input causes in the analysis, apart from a fault of the program."""


class AnalysisError(ValueError):
    """Predictions, a ledger or a table specification cannot be used; the message is one line that says what to do."""
