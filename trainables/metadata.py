"""Metadata encodings: from raw fields to the vector that a fusion sees.

`impute` (MetaNet): numbers by the training mean, categories by the training mode, one-hot; 17-d on HAM10000 (sex 2,
site 14, age/85). `keep-unknown`: a missing category is a category of its own, a missing number has a flag.
`out-of-vocabulary` (Soft-Attention): as its Keras layers, 21-d on HAM10000 (sex 4, site 16, z-scored age). `zero-fill`
(Gessert et al.): numbers z-scored, a missing field all zeros, and whole fields dropped at random in training. Values
are fitted on the training rows; vocabularies are declared by the cohort, so the width never depends on a fold.
"""

from abc import ABC, abstractmethod
from typing import Any, ClassVar

import numpy as np
import pandas as pd
from pydantic import Field as Setting
from pydantic import field_validator, model_validator

from models.errors import InputError
from models.registry import Registry, did_you_mean
from trainables.cohorts import Cohort, Field
from trainables.cohorts.terms import plain
from trainables.settings import Settings


class MetadataSettings(Settings):
    """Which fields a model sees and how they are encoded; `drop_probability` belongs to zero-fill."""

    fields: tuple[str, ...] = ()
    encoding: str = "impute"
    drop_probability: float | None = Setting(default=None, ge=0.0, lt=1.0)

    @field_validator("encoding")
    @classmethod
    def _known(cls, name: str) -> str:
        ENCODINGS.get(name)
        return name

    @model_validator(mode="after")
    def _consistent(self) -> "MetadataSettings":
        if len(set(self.fields)) != len(self.fields):
            raise ValueError(f"metadata.fields={list(self.fields)} names a field twice")
        if self.drop_probability is not None and not ENCODINGS.get(self.encoding).drops:
            raise ValueError(f"metadata.drop_probability belongs to encoding zero-fill, not to {self.encoding!r}")
        return self

    @property
    def drop(self) -> float:
        """Chance of a field to be dropped in training: 0.1 for zero-fill unless set (Gessert et al. 2020), else 0."""
        if not ENCODINGS.get(self.encoding).drops:
            return 0.0
        return 0.1 if self.drop_probability is None else self.drop_probability

    def canonical(self) -> dict[str, Any]:
        """Return what has an effect, as plain JSON; the order in which fields were typed has none."""
        if not self.fields:
            return {}
        drop = {"drop_probability": self.drop} if ENCODINGS.get(self.encoding).drops else {}
        return {"fields": sorted(self.fields), "encoding": self.encoding} | drop


class Encoder(ABC):
    """Metadata of a cohort as vectors, with everything fitted on the training rows at construction."""

    drops: ClassVar[bool] = False

    def __init__(self, settings: MetadataSettings, cohort: Cohort, training: np.ndarray) -> None:
        fields = _chosen(settings, cohort)
        parts = [self._encode_field(field, cohort.samples[f"field:{field.name}"], training) for field in fields]
        empty = np.zeros((len(cohort.samples), 0), dtype=np.float32)
        self._values = np.concatenate([empty, *(values for values, _ in parts)], axis=1).astype(np.float32)
        self.names = tuple(name for _, names in parts for name in names)
        ends = np.cumsum([len(names) for _, names in parts])
        self.field_columns = {
            field.name: slice(int(end) - len(names), int(end))
            for field, end, (_, names) in zip(fields, ends, parts, strict=True)
        }
        self.drop_probability = settings.drop

    @property
    def width(self) -> int:
        """Length of the vector."""
        return self._values.shape[1]

    def encode(self, rows: np.ndarray) -> np.ndarray:
        """Return the vectors of `rows`, float32 (row, width), never NaN."""
        return self._values[rows]

    def drop_mask(self, n: int, generator: np.random.Generator) -> np.ndarray:
        """Return factors float32 (n, width) that zero each whole field of each sample with the drop probability."""
        mask = np.ones((n, self.width), dtype=np.float32)
        for columns in self.field_columns.values():
            mask[generator.uniform(size=n) < self.drop_probability, columns] = 0.0
        return mask

    def _encode_field(self, field: Field, raw: pd.Series, training: np.ndarray) -> tuple[np.ndarray, list[str]]:
        if field.kind == "number":
            return self._number(field, pd.to_numeric(raw).to_numpy(dtype=np.float64), training)
        codes = pd.Categorical(raw, categories=list(field.categories)).codes.astype(int)
        return self._category(field, codes, training)

    @abstractmethod
    def _number(self, field: Field, values: np.ndarray, training: np.ndarray) -> tuple[np.ndarray, list[str]]:
        """Return (sample, column) and the names of the columns; missing values are NaN."""

    @abstractmethod
    def _category(self, field: Field, codes: np.ndarray, training: np.ndarray) -> tuple[np.ndarray, list[str]]:
        """Return (sample, column) and the names of the columns; a missing value has code -1."""


ENCODINGS: Registry[type[Encoder]] = Registry("metadata encoding")


def fit_encoder(settings: MetadataSettings, cohort: Cohort, training: np.ndarray) -> Encoder:
    """Return the encoder of the chosen fields, in the cohort's declared order, fitted on the training rows.

    Raises:
        InputError: a field that the cohort does not have, or that may not be an input.
    """
    return ENCODINGS.get(settings.encoding)(settings, cohort, training)


@ENCODINGS.register("impute")
class Impute(Encoder):
    """MetaNet: a missing number is the training mean, a missing category the training mode (at a tie, the first)."""

    def _number(self, field: Field, values: np.ndarray, training: np.ndarray) -> tuple[np.ndarray, list[str]]:
        filled = np.where(np.isnan(values), _training_mean(values, training), values)
        return (filled / field.scale)[:, None], [field.name]

    def _category(self, field: Field, codes: np.ndarray, training: np.ndarray) -> tuple[np.ndarray, list[str]]:
        known = codes[training][codes[training] >= 0]
        mode = int(np.bincount(known, minlength=len(field.categories)).argmax())
        return _one_hot(np.where(codes < 0, mode, codes), len(field.categories)), [
            f"{field.name}={name}" for name in field.categories
        ]


@ENCODINGS.register("keep-unknown")
class KeepUnknown(Encoder):
    """A missing category is a category of its own; a missing number is the training mean, with a flag beside it."""

    def _number(self, field: Field, values: np.ndarray, training: np.ndarray) -> tuple[np.ndarray, list[str]]:
        missing = np.isnan(values)
        filled = np.where(missing, _training_mean(values, training), values) / field.scale
        return np.stack([filled, missing], axis=1), [field.name, f"{field.name}=unknown"]

    def _category(self, field: Field, codes: np.ndarray, training: np.ndarray) -> tuple[np.ndarray, list[str]]:
        del training
        names = [*field.categories, "unknown"]
        return _one_hot(np.where(codes < 0, len(field.categories), codes), len(names)), [
            f"{field.name}={name}" for name in names
        ]


@ENCODINGS.register("out-of-vocabulary")
class OutOfVocabulary(Encoder):
    """Soft-Attention: numbers z-scored, categories one-hot with a slot for words outside the vocabulary and `unknown`.

    The first column of a category is that slot, as Keras's string lookup has it; declared vocabularies leave it zero.
    The paper drops samples without age; a missing number is the training mean here.
    """

    def _number(self, field: Field, values: np.ndarray, training: np.ndarray) -> tuple[np.ndarray, list[str]]:
        return _scored(values, training)[:, None], [field.name]

    def _category(self, field: Field, codes: np.ndarray, training: np.ndarray) -> tuple[np.ndarray, list[str]]:
        del training
        names = ["out-of-vocabulary", *field.categories, "unknown"]
        return _one_hot(np.where(codes < 0, len(names) - 1, codes + 1), len(names)), [
            f"{field.name}={name}" for name in names
        ]


@ENCODINGS.register("zero-fill")
class ZeroFill(Encoder):
    """Missing is zero: an empty one-hot, or the training mean of a z-scored number. Whole fields are dropped in
    training.

    Gessert et al. code a missing age as -5; zero is its mean here, so that dropping a field is one multiplication.
    """

    drops = True

    def _number(self, field: Field, values: np.ndarray, training: np.ndarray) -> tuple[np.ndarray, list[str]]:
        return _scored(values, training)[:, None], [field.name]

    def _category(self, field: Field, codes: np.ndarray, training: np.ndarray) -> tuple[np.ndarray, list[str]]:
        del training
        return _one_hot(codes, len(field.categories)), [f"{field.name}={name}" for name in field.categories]


def _chosen(settings: MetadataSettings, cohort: Cohort) -> list[Field]:
    known = {field.name: field for field in cohort.fields}
    refused = {plain(name): reason for name, reason in cohort.refused_fields}
    for name in settings.fields:
        if name not in known and plain(name) in refused:
            raise InputError(f"metadata.fields: {name!r} cannot be an input: {refused[plain(name)]}")
        if name not in known:
            hint = did_you_mean(name, known)
            raise InputError(
                f"metadata.fields: {name!r} is not a field of cohort {cohort.name!r}{hint} (known: {', '.join(known)})"
            )
    return [field for field in cohort.fields if field.name in settings.fields]


def _training_mean(values: np.ndarray, training: np.ndarray) -> float:
    """Return the mean of the known training values, or 0 when every one of them is missing."""
    known = values[training][~np.isnan(values[training])]
    return float(known.mean()) if len(known) else 0.0


def _scored(values: np.ndarray, training: np.ndarray) -> np.ndarray:
    """Return values z-scored by the known training ones, 0 (their mean) where missing; no scaling by an SD of 0."""
    known = values[training][~np.isnan(values[training])]
    spread = float(known.std()) if len(known) else 0.0
    return np.nan_to_num((values - _training_mean(values, training)) / (spread or 1.0))


def _one_hot(codes: np.ndarray, width: int) -> np.ndarray:
    """Return (sample, width); a code below 0 gives an empty row."""
    return (codes[:, None] == np.arange(width)[None, :]).astype(np.float32)
