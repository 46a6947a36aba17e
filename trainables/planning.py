"""From a configuration to its planned fold fits and their keys, and the context that all trials of a study share."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from analysis.ledger import SCHEMA_VERSION, CohortSummary, Ledger, digest
from models.backbones import BACKBONES_VERSION
from models.fusions import FUSIONS
from models.gates import GATES
from models.heads import HEADS_VERSION
from models.modalities import MODALITIES_VERSION
from trainables.activation_maps import MapSettings
from trainables.augmentation import AUGMENTATION_VERSION
from trainables.cohorts import Cohort
from trainables.configuration import Configuration
from trainables.estimators import ESTIMATORS
from trainables.features import FEATURES_VERSION, FeatureSource
from trainables.folds import FoldSettings, Split, describe, make_splits
from trainables.images import PREPARATION_VERSION
from trainables.losses import LOSSES
from trainables.metadata import ENCODINGS
from trainables.node_cache import cache_here
from trainables.optimisation import TRAINING_VERSION
from trainables.weights import Weights


@dataclass(frozen=True)
class PlannedFit:
    """One fold fit that a study wants: `identity` is everything that decides its predictions, `key` its hash."""

    identity: dict[str, Any]
    split: int

    @cached_property
    def key(self) -> str:
        """The content address in the ledger."""
        return digest(self.identity)


@dataclass(frozen=True)
class Trial:
    """A configuration with its planned fold fits and the name that people read."""

    label: str
    configuration: Configuration
    fits: tuple[PlannedFit, ...]

    @property
    def identifier(self) -> str:
        """The configuration's identifier, which names the trial everywhere."""
        return self.configuration.identifier


@dataclass(frozen=True, kw_only=True)
class TrialContext:
    """What all trials of a study share; sent to every worker once.

    `ranks_per_fit` processes train one fold fit of a fine-tuned backbone together. A fold fit in progress is saved
    every `checkpoint_every` epochs (0: never); heads on frozen features, which take seconds, are not. `maps` says which
    evaluated samples get activation maps, None for none; it is in no key, because it changes no number. `gpu`: whether
    fold fits train on a GPU, `heads_on_gpu`: heads on frozen features too. `time_limit` is how many seconds a fold fit
    may show no progress (0: for ever), `session` the name of this run's process, by which notes of an earlier one are
    told apart.
    """

    cohort: Cohort
    folds: FoldSettings
    splits: dict[float, tuple[Split, ...]]
    ledger: Ledger
    cache: Path
    weights: dict[str, Weights]
    threads: int = 1
    gpu: bool = False
    ranks_per_fit: int = 1
    checkpoint_every: int = 1
    maps: MapSettings | None = None
    heads_on_gpu: bool = True
    time_limit: float = 0.0
    session: str = ""

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Arrive in another process, which may be on another machine: its cache is that machine's own."""
        self.__dict__.update(state, cache=cache_here(state["cache"]))

    def on_gpu(self, configuration: Configuration) -> bool:
        """Tell whether fold fits of the configuration take a GPU; estimators on metadata alone never do."""
        return self.gpu and configuration.uses_image and (self.heads_on_gpu or configuration.fine_tuned)

    def features_of(self, configuration: Configuration) -> FeatureSource:
        """Return where the configuration's frozen features come from."""
        weights = self.weights.get(configuration.backbone.name)
        return FeatureSource(
            self.cohort, configuration.backbone, configuration.image, weights, configuration.feature_kind
        )

    def splits_of(self, configuration: Configuration) -> tuple[Split, ...]:
        """Return the splits with the inner part that the configuration asks for."""
        share = configuration.training.inner_share
        if share not in self.splits:  # a search may come upon a share that nobody listed
            self.splits[share] = make_splits(self.cohort, self.folds, share)
        return self.splits[share]

    def ranks_of(self, configuration: Configuration) -> int:
        """Return how many processes train one fold fit of the configuration together."""
        return self.ranks_per_fit if configuration.fine_tuned else 1

    @cached_property
    def summary(self) -> CohortSummary:
        """What the ledger and the captions say about the data."""
        cohort = self.cohort
        return CohortSummary(
            name=cohort.name,
            fingerprint=cohort.fingerprint,
            n_samples=len(cohort.samples),
            n_groups=int(cohort.samples["group"].nunique()),
            group=cohort.group_name,
            targets={target.name: target.classes for target in cohort.targets},
            left_out=len(cohort.left_out),
        )

    @cached_property
    def fold_summary(self) -> dict[str, Any]:
        """What the ledger and the captions say about the folds."""
        return describe(self.folds, next(iter(self.splits.values())))


def splits_for(
    cohort: Cohort, folds: FoldSettings, configurations: list[Configuration]
) -> dict[float, tuple[Split, ...]]:
    """Return the splits for every inner share that the configurations ask for."""
    shares = sorted({configuration.training.inner_share for configuration in configurations})
    return {share: make_splits(cohort, folds, share) for share in shares}


def plan_trial(label: str, configuration: Configuration, context: TrialContext) -> Trial:
    """Return the trial of a configuration: one planned fold fit per split, with its key."""
    shared = {
        "schema": SCHEMA_VERSION,
        "configuration": configuration.canonical(),
        "cohort": context.cohort.fingerprint,
        "plan": context.folds.plan,
        "seed": context.folds.seed,
        "components": component_versions(configuration),
        **(_network_identity(configuration, context) if configuration.uses_image else {}),
        "threads": context.threads,
    }
    fits = []
    for number, split in enumerate(context.splits_of(configuration)):
        place = {"repeat": split.repeat, "fold": split.fold, "assignment": split.assignment(context.cohort)}
        fits.append(PlannedFit({**shared, **place}, number))
    return Trial(label, configuration, tuple(fits))


def _network_identity(configuration: Configuration, context: TrialContext) -> dict[str, Any]:
    return {
        "weights": context.features_of(configuration).weights_identity,
        "precision": configuration.training.precision,
        "batch": configuration.training.batch_size,
        "world_size": context.ranks_of(configuration),
    }


def component_versions(configuration: Configuration) -> dict[str, int]:
    """Return the version of each component that decides the numbers; raised by hand when its numbers change."""
    fusion = configuration.fusion_name
    versions = {f"fusion {fusion}": FUSIONS.version(fusion)}
    if configuration.estimates:
        estimator = configuration.options["estimator"]
        versions[f"estimator {estimator}"] = ESTIMATORS.version(estimator)
    if configuration.uses_image:
        versions |= _network_versions(configuration)
    if configuration.uses_metadata:
        encoding = configuration.metadata.encoding
        versions[f"encoding {encoding}"] = ENCODINGS.version(encoding)
    return versions


def _network_versions(configuration: Configuration) -> dict[str, int]:
    versions = {
        "preparation": PREPARATION_VERSION,
        "backbones": BACKBONES_VERSION,
        "heads": HEADS_VERSION,
        "training": TRAINING_VERSION,
        f"loss {configuration.loss.name}": LOSSES.version(configuration.loss.name),
    }
    versions |= {"modalities": MODALITIES_VERSION} if configuration.modalities.active else {}
    versions |= {"augmentation": AUGMENTATION_VERSION} if configuration.fine_tuned else {"features": FEATURES_VERSION}
    if configuration.fine_tuned and configuration.backbone.gate != "none":
        versions[f"gate {configuration.backbone.gate}"] = GATES.version(configuration.backbone.gate)
    return versions
