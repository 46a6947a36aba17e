"""The error that a user's own input causes in the analysis, and the line for one that is a fault of the program."""


class AnalysisError(ValueError):
    """Predictions, a ledger or a table specification cannot be used; the message is one line that says what to do."""


class StorageError(AnalysisError):
    """A place cannot be read or written now (full, closed, cut off); what is asked of it may be sound."""


class VersionError(AnalysisError):
    """A file was written by another version in a form that this one does not read; the message says what to do."""


def fault_line(error: Exception) -> str:
    """Return the one line that a command prints for an error that is its own fault, not the user's."""
    said = " ".join(str(error).split())[:300]
    return f"fault of fusesearch, please report it: {type(error).__name__}: {said}"
