"""Files of another version: every document of a run names the version of its form, and only the own one is read.

A form that is not known can neither be read safely nor written over: whoever meets one stops and says what reads it.
"""

import json

from analysis.errors import AnalysisError, VersionError


def check_version(found: object, known: int, what: str) -> None:
    """Refuse a document whose form is not the one that this version reads and writes.

    Args:
        found: what the document says.
        known: the number of the form that is read here.
        what: names the document in errors.

    Raises:
        VersionError: another whole number.
        AnalysisError: no whole number at all; the document is damaged.
    """
    if not isinstance(found, int) or isinstance(found, bool):
        raise AnalysisError(f"{what} names no version ({str(found)[:40]!r})")
    if found != known:
        reader = "a newer fusesearch" if found > known else "an older fusesearch"
        raise VersionError(
            f"{what} has schema version {str(found)[:20]}, this one reads {known}: {reader} wrote it and reads it; "
            "use that one, or another folder"
        )


def require_own_version(content: bytes | None, known: int, what: str) -> None:
    """Refuse to write over a JSON document of another version; one that is absent or damaged is no reason.

    Args:
        content: of its file, None where there is none.
        known: the number of the form that is read here.
        what: names the document in errors.

    Raises:
        VersionError: it names another version.
    """
    try:
        document = json.loads(content or b"{}")
        check_version(document.get("version", known), known, what)
    except VersionError:
        raise
    except (ValueError, AttributeError, RecursionError):
        return
