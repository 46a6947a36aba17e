"""The ledger: records under `fits/<key>.json`, predictions under `predictions/<key>.parquet`.

The predictions are written first and the record last, so a record stands for a complete fold fit. A record whose
checksum, or whose predictions' checksum, does not match counts as absent and is named in `Ledger.damaged`.
`pandas.read_parquet("<run>/ledger/predictions")` reads the predictions of all configurations at once.
"""

import dataclasses
import hashlib
import io
import json
from collections.abc import Iterable
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from analysis.errors import AnalysisError, StorageError, VersionError
from analysis.ledger.identity import canonical_json
from analysis.ledger.schema import FitRecord
from analysis.ledger.storage import Storage


class Ledger:
    """A ledger in a local folder or at a URI; opening it neither creates nor locks anything, and it can be pickled."""

    def __init__(self, location: str | Path | Storage) -> None:
        self.storage = location if isinstance(location, Storage) else Storage(location)
        self.damaged: dict[str, str] = {}

    def put(self, record: FitRecord, predictions: pd.DataFrame | None = None) -> FitRecord:
        """Store a fold fit and return its record with the checksum of its predictions filled in.

        Raises:
            AnalysisError: a `done` record without predictions, or predictions with another record.
        """
        if (record.state == "done") != (predictions is not None):
            raise AnalysisError(
                f"fold fit {record.key[:12]} is {record.state}: predictions belong to done fits, and only to them"
            )
        if predictions is not None:
            content = _to_parquet(predictions)
            record = _with_checksum(record, content)
            self.storage.write(f"predictions/{record.key}.parquet", content)
        self.storage.write(f"fits/{record.key}.json", canonical_json(record.to_json()).encode())
        return record

    def get(self, key: str) -> FitRecord | None:
        """Return the record of a fold fit, or None when there is none or it is damaged (then see `damaged`).

        Raises:
            VersionError: another version wrote it; it is not damaged, and not to be trained again or written over.
        """
        content = self.storage.read(f"fits/{key}.json")
        if content is None:
            return None
        try:
            record = FitRecord.from_json(json.loads(content))
            if record.key != key:
                raise AnalysisError("ledger record does not match its file name")
            if record.state == "done":
                self._checked_predictions(record)
        except VersionError as error:
            raise VersionError(f"{self.storage.location}: {error}") from error
        except StorageError:
            raise  # a place that cannot be read now says nothing about the record
        except (AnalysisError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            self.damaged[key] = str(error)
            return None
        self.damaged.pop(key, None)
        return record

    def records(self, keys: Iterable[str] | None = None) -> dict[str, FitRecord]:
        """Return the readable records by key: those of `keys`, or all of them."""
        wanted = self.keys() if keys is None else keys
        found = ((key, self.get(key)) for key in wanted)
        return {key: record for key, record in found if record is not None}

    def require_own_version(self) -> None:
        """Look at one record, before any work is done: the fold fits of another version have other keys.

        Raises:
            VersionError: this version does not read the records of this ledger.
        """
        for key in self.keys():
            if self.get(key) is not None:
                return

    def keys(self) -> list[str]:
        """List the keys of all records, readable or not."""
        return self.storage.names("fits", ".json")

    def predictions(self, record: FitRecord) -> pd.DataFrame:
        """Return the out-of-fold predictions of a done fold fit, columns as in `analysis.ledger.schema`.

        Raises:
            AnalysisError: the fit is not done, or its predictions are missing or damaged.
        """
        content = self._checked_predictions(record)
        try:
            return pq.read_table(io.BytesIO(content)).to_pandas()
        except (pa.ArrowException, OSError, ValueError) as error:
            reason = str(error).partition("\n")[0][:200]
            raise AnalysisError(f"predictions of fold fit {record.key[:12]} are no Parquet table: {reason}") from error

    def _checked_predictions(self, record: FitRecord) -> bytes:
        content = self.storage.read(f"predictions/{record.key}.parquet")
        if content is None:
            raise AnalysisError(f"predictions of fold fit {record.key[:12]} ({record.state}) are missing")
        if hashlib.sha256(content).hexdigest() != record.predictions_sha256:
            raise AnalysisError(f"predictions of fold fit {record.key[:12]} do not match their checksum")
        return content


def _with_checksum(record: FitRecord, content: bytes) -> FitRecord:
    return dataclasses.replace(record, predictions_sha256=hashlib.sha256(content).hexdigest())


def _to_parquet(predictions: pd.DataFrame) -> bytes:
    table = pa.Table.from_pandas(predictions, preserve_index=False).replace_schema_metadata(None)
    sink = io.BytesIO()
    pq.write_table(table, sink, compression="zstd")
    return sink.getvalue()
