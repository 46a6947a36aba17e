"""What a fold fit leaves behind: one record (plain JSON) and, when it is done, one table of out-of-fold predictions.

The prediction table has the columns `sample`, `group`, `repeat`, `fold`, `configuration`, then for every target
`target:<target>` (the true class, by name) and `probability:<target>:<class>` (float32), one per class in declared
order.
"""

import dataclasses
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from analysis.errors import AnalysisError
from analysis.ledger.identity import digest
from analysis.versions import check_version

SCHEMA_VERSION = 1

State = Literal["done", "diverged", "failed"]
STATES: tuple[str, ...] = get_args(State)
EPOCH = frozenset({"epoch", "loss", "learning_rate"})
"""What every entry of a history has."""


def target_column(target: str) -> str:
    """Name the column that holds the true class of `target`."""
    return f"target:{target}"


def probability_column(target: str, name: str) -> str:
    """Name the column that holds the predicted probability of class `name` of `target`."""
    return f"probability:{target}:{name}"


@dataclass(frozen=True)
class CohortSummary:
    """What a table says about the data: names, sizes and the classes of each target, in declared order."""

    name: str
    fingerprint: str
    n_samples: int
    n_groups: int
    group: str
    targets: dict[str, tuple[str, ...]]
    left_out: int = 0


@dataclass(frozen=True, kw_only=True)
class FitRecord:
    """One fold fit as it ended: `done`, `diverged` (a non-finite loss) or `failed` (with its reason).

    `identity` holds everything that decides the predictions; its digest is the key. All else describes the run:
    `metrics` of the evaluation fold, `history` (one entry per epoch), `cost` (seconds, parameters) and `environment`
    (device, library versions). `leak_share` is the share of evaluation images with a sibling of their group in
    training.
    """

    identity: dict[str, Any]
    state: State
    configuration_id: str
    cohort: CohortSummary
    folds: dict[str, Any]
    repeat: int
    fold: int
    n_train: int
    n_inner: int
    n_test: int
    leak_share: float
    metrics: dict[str, float | None] = field(default_factory=dict)
    history: list[dict[str, Any]] = field(default_factory=list)
    cost: dict[str, Any] = field(default_factory=dict)
    environment: dict[str, str] = field(default_factory=dict)
    reason: str | None = None
    predictions_sha256: str | None = None

    @property
    def key(self) -> str:
        """The content address of this fold fit."""
        return digest(self.identity)

    @property
    def configuration(self) -> dict[str, Any]:
        """The canonical configuration, as nested plain JSON."""
        return dict(self.identity["configuration"])

    def to_json(self) -> dict[str, Any]:
        """Return the record as plain JSON, with a checksum over all of it."""
        body = dataclasses.asdict(self)
        body["cohort"]["targets"] = {name: list(classes) for name, classes in self.cohort.targets.items()}
        return {"schema": SCHEMA_VERSION, "key": self.key, "checksum": digest(body), "record": body}

    @classmethod
    def from_json(cls, document: dict[str, Any]) -> "FitRecord":
        """Read a record back.

        Raises:
            VersionError: another schema version wrote it.
            AnalysisError: no record, a body that does not match its checksum, parts of another kind, or counts and
                shares that cannot be.
        """
        if not isinstance(document, dict):
            raise AnalysisError("ledger record is no record")
        check_version(document.get("schema"), SCHEMA_VERSION, f"ledger record {str(document.get('key'))[:12]}")
        if not isinstance(document.get("record"), dict):
            raise AnalysisError("ledger record holds no record")
        body = document["record"]
        if digest(body) != document["checksum"]:
            raise AnalysisError("ledger record does not match its checksum")
        summary = dict(body["cohort"])
        summary["targets"] = {name: tuple(classes) for name, classes in summary["targets"].items()}
        record = cls(**{**body, "cohort": CohortSummary(**summary)})
        _check_parts(record)
        _check_numbers(record)
        return record


def _check_parts(record: FitRecord) -> None:
    """Refuse parts that are not what they are declared as: whoever reads them relies on it."""
    kinds = dict.fromkeys(("identity", "folds", "metrics", "cost", "environment"), dict) | {"history": list}
    wrong = [name for name, kind in kinds.items() if not isinstance(getattr(record, name), kind)]
    numbers = [*record.metrics.values()] if isinstance(record.metrics, dict) else []
    if not all(value is None or (isinstance(value, int | float) and not isinstance(value, bool)) for value in numbers):
        wrong.append("metrics")
    if "environment" not in wrong and not all(isinstance(value, str) for value in record.environment.values()):
        wrong.append("environment")
    if "history" not in wrong and not all(isinstance(e, dict) and e.keys() >= EPOCH for e in record.history):
        wrong.append("history")
    if record.state not in STATES:
        wrong.append("state")
    if wrong:
        raise AnalysisError(f"ledger record has a {wrong[0]} that is none")


def _check_numbers(record: FitRecord) -> None:
    """Refuse numbers that no training can have recorded; of a fit that is not done the parts may be empty."""
    least = 1 if record.state == "done" else 0
    for name, low in (("n_train", least), ("n_inner", 0), ("n_test", least)):
        value = getattr(record, name)
        if not isinstance(value, int) or isinstance(value, bool) or value < low:
            raise AnalysisError(f"ledger record has {name} {value!r}, which is no count of at least {low}")
    share = record.leak_share
    if not isinstance(share, int | float) or isinstance(share, bool) or not 0.0 <= share <= 1.0:
        raise AnalysisError(f"ledger record has leak_share {share!r}, which is not between 0 and 1")
