"""What a search may still spend: trials, fold fits and hours."""

from collections.abc import Sequence

from analysis.search_record import Entry
from models.errors import InputError
from searchspace.search.settings import SearchSettings

SECONDS_PER_HOUR = 3600.0


class Budget:
    """The limits of a search against its record.

    Args:
        settings: the limits.
        folds: fold fits of a complete trial.

    Raises:
        InputError: the fold fits allowed are not enough for one trial.
    """

    def __init__(self, settings: SearchSettings, folds: int) -> None:
        if settings.fold_fits is not None and settings.fold_fits < folds:
            raise InputError(
                f"strategy.fold_fits={settings.fold_fits} is less than one trial takes, {folds}; raise it, "
                "or lower folds.folds"
            )
        self._settings, self._folds = settings, folds

    def spent(self, entries: Sequence[Entry], seconds: float) -> str | None:
        """Return which limit forbids another trial, or None.

        A running trial counts with all of its fold fits, because it may need them; every fold fit that a trial ended
        with counts, trained or found in the ledger, so that a resumed search spends what an uninterrupted one would. A
        trial that ended without any counts as one, or a space of failures would never be given up.
        """
        settings = self._settings
        trials = [entry for entry in entries if entry.handed_out]
        if settings.trials is not None and len(trials) >= settings.trials:
            return f"strategy.trials={settings.trials} are spent"
        fits = sum(self._folds if entry.state == "running" else max(1, len(entry.folds)) for entry in trials)
        if settings.fold_fits is not None and fits + self._folds > settings.fold_fits:
            return f"strategy.fold_fits={settings.fold_fits} are spent"
        if settings.hours is not None and seconds >= settings.hours * SECONDS_PER_HOUR:
            return f"strategy.hours={settings.hours:g} are over"
        return None
