"""Importances of a search's dimensions, as the search computed them at its end: `search/importances.json` of a run.

They come from Optuna, which the analysis does not import. Which dimension matters most depends on the evaluator: on one
and the same study two of them gave a learning rate 0.54 and 0.69. So each is stored with its name, settings and seed.
"""

import dataclasses
import json
from collections.abc import Iterable
from dataclasses import dataclass

from analysis.errors import AnalysisError
from analysis.ledger.identity import canonical_json, digest
from analysis.ledger.storage import Storage

FILE = "search/importances.json"


@dataclass(frozen=True, kw_only=True)
class Importances:
    """What one evaluator says: a share per dimension, by Optuna's name, adding up to 1.

    `settings` are those of the evaluator with its seed, in words, and `citation` a key of `CITATIONS`. `n_trials` were
    looked at, of which `n_estimated` were dropped by racing and stand by their estimate. `left_out` are dimensions that
    it cannot judge.
    """

    evaluator: str
    settings: str
    citation: str
    n_trials: int
    n_estimated: int
    shares: dict[str, float]
    left_out: tuple[str, ...] = ()


def write_importances(storage: Storage, importances: Iterable[Importances]) -> None:
    """Store the importances in a run folder; AnalysisError when they cannot be written."""
    body = [dataclasses.asdict(one) for one in importances]
    storage.write(FILE, canonical_json({"checksum": digest(body), "importances": body}).encode())


def read_importances(storage: Storage) -> tuple[Importances, ...]:
    """Return the importances of a run folder, none where there is no such file.

    Raises:
        AnalysisError: the file is unreadable, or does not match its checksum.
    """
    content = storage.read(FILE)
    if content is None:
        return ()
    try:
        document = json.loads(content)
        body = document["importances"]
        if digest(body) != document["checksum"]:
            raise ValueError("it does not match its checksum")
        return tuple(Importances(**one | {"left_out": tuple(one["left_out"])}) for one in body)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        where = f"{storage.location}/{FILE}"
        raise AnalysisError(f"{where} cannot be used ({error}); remove it, or run the search again") from error
