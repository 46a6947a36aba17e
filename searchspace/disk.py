"""What a run will take on disk against what is free: said before it starts, and refused before it trains if too much.

Pixels and features are counted exactly. A fold fit's record and predictions are estimated from samples, classes and
epochs (about 90 KB for a fifth of HAM10000, as measured), a checkpoint from the size of the network.
"""

import shutil
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from analysis.ledger import Ledger, digest
from models.errors import InputError
from searchspace.capacity import usable_cores
from searchspace.node import distinct_inputs, network_of, without_download
from searchspace.plan import Plan
from searchspace.search.settings import SearchSettings
from trainables.cache_room import Room, room, size_in_words
from trainables.configuration import Configuration
from trainables.images.pixels import pixels_identity
from trainables.node_cache import keep_cached
from trainables.planning import TrialContext

FIT_BYTES, EPOCH_BYTES, ROW_BYTES = 7000, 200, 10
"""Of a fold fit's files whatever its size, of an epoch in its history, of an evaluated sample beside its numbers."""
NUMBER_BYTES = 4
COPIES = 8
"""Numbers that a checkpoint holds of each parameter: weights, the best weights, two moments; it is written aside."""


@dataclass(frozen=True)
class Demand:
    """Bytes that are still to be written: `inputs` in the cache by kind, then into the ledger and for checkpoints.

    `fits` are the fold fits of the ledger's bytes; None when a search is bounded by its hours only.
    """

    inputs: dict[str, int]
    ledger: int
    checkpoints: int
    fits: int | None

    @property
    def cache(self) -> int:
        """Bytes in the node's cache."""
        return sum(self.inputs.values())


def demand_of(plans: Sequence[Plan]) -> Demand:
    """Return what the plans of a run, which share its ledger and this node's cache, still take."""
    inputs: dict[str, int] = {}
    seen: set[str] = set()
    for plan in plans:
        for kind, name, size in _inputs(plan):
            if name not in seen:
                seen.add(name)
                inputs[kind] = inputs.get(kind, 0) + size
    counts = [_fits(plan) for plan in plans]
    return Demand(
        inputs=inputs,
        ledger=sum(size for _, size in counts),
        checkpoints=max((_checkpoints(plan) for plan in plans), default=0),
        fits=None if any(count is None for count, _ in counts) else sum(count or 0 for count, _ in counts),
    )


def disk_line(demand: Demand, cache: Path, ledger: Ledger) -> str:
    """Say what a run takes and what is free."""
    parts = ", ".join(f"{kind} {size_in_words(size)}" for kind, size in demand.inputs.items())
    more = f"{size_in_words(demand.cache)} ({parts})" if demand.cache else "nothing more"
    fits = "each fold fit" if demand.fits is None else f"{demand.fits:,} fold fits"
    records = f"{fits} about {size_in_words(demand.ledger)}" if demand.ledger else "nothing more"
    saved = f", checkpoints in flight about {size_in_words(demand.checkpoints)}" if demand.checkpoints else ""
    free = _free(ledger)
    place = "on no local disk" if free is None else f"{size_in_words(free)} free"
    can = size_in_words(room(cache).total)
    return f"disk: cache {more}, of {can} that can be had in {cache}; ledger {records}{saved}, {place}"


def lacking_disk(demand: Demand, cache: Path, ledger: Ledger) -> str:
    """Return what a run takes more of than there is, with what to do; empty when all fits."""
    can, free = room(cache), _free(ledger)
    advice = "free some space, raise FUSESEARCH_CACHE_LIMIT, set FUSESEARCH_CACHE to another disk, or lower image.size"
    if demand.cache > can.total:
        return f"the cache {cache} needs {size_in_words(demand.cache)} more and can have {_words(can)}; {advice}"
    written = demand.ledger + demand.checkpoints
    if free is None or written == 0:
        return ""
    place = ledger.storage.location
    if written > free:
        return f"the ledger {place} needs about {size_in_words(written)} and its disk has {size_in_words(free)} free"
    both = demand.cache + written
    if _same_disk(cache, ledger) and demand.cache and both > free + can.idle:
        had = size_in_words(free + can.idle)
        return f"cache and ledger need about {size_in_words(both)} of one disk and can have {had}; {advice}"
    return ""


def require_disk(demand: Demand, cache: Path, ledger: Ledger) -> None:
    """Refuse a run that this node's disks cannot hold.

    Raises:
        InputError: names the place, what is needed and what there is.
    """
    if lacking := lacking_disk(demand, cache, ledger):
        raise InputError(lacking)


def _inputs(plan: Plan) -> Iterable[tuple[str, str, int]]:
    """Yield kind, name and bytes of what the open trials read and this node lacks; what it has is kept for the run."""
    context = plan.context
    for configuration in distinct_inputs(context, plan.to_prepare):
        identity = pixels_identity(context.cohort, configuration.image)
        has_pixels = keep_cached(context.cache, "pixels", identity)
        if not configuration.fine_tuned:
            source = context.features_of(configuration)
            if keep_cached(context.cache, "features", source.identity):
                continue
            yield "features", digest(source.identity), _feature_bytes(context, configuration)
        if not has_pixels:
            height, width = configuration.image.size
            yield "pixels", digest(identity), _images(context) * height * width * 3


def _feature_bytes(context: TrialContext, configuration: Configuration) -> int:
    network = network_of(context, without_download(configuration))
    return _images(context) * network.channels * network.map_size[0] * network.map_size[1] * NUMBER_BYTES


def _images(context: TrialContext) -> int:
    return len(context.cohort.samples) * len(context.cohort.image_names)


def _fits(plan: Plan) -> tuple[int | None, int]:
    """Return how many fold fits are still to be trained, None where nobody knows, and the bytes of their records."""
    if plan.space is None:
        sizes = [
            _record_bytes(plan, trial.configuration, fit.split)
            for trial in plan.open_trials
            for fit in plan.open_fits(trial)
        ]
        return len(sizes), sum(sizes)
    settings, folds = plan.study.strategy, len(plan.context.splits_of(plan.candidates[0]))
    assert isinstance(settings, SearchSettings)
    largest = max(_record_bytes(plan, configuration, 0) for configuration in plan.candidates)
    limits = [settings.fold_fits, None if settings.trials is None else settings.trials * folds]
    bounds = [limit for limit in limits if limit is not None]
    if not bounds:
        return None, largest
    most = min(bounds) + settings.confirm * folds
    return most, most * largest


def _record_bytes(plan: Plan, configuration: Configuration, split: int) -> int:
    classes = sum(len(target.classes) for target in plan.context.cohort.targets)
    rows = len(plan.context.splits_of(configuration)[split].test)
    epochs = configuration.training.epochs if configuration.uses_image else 0
    return FIT_BYTES + EPOCH_BYTES * epochs + rows * (NUMBER_BYTES * classes + ROW_BYTES)


def _checkpoints(plan: Plan) -> int:
    """Return the bytes of the checkpoints of the fold fits that this machine trains at the same time."""
    context = plan.context
    if not context.checkpoint_every:
        return 0
    saved = [without_download(one) for one in plan.to_prepare if one.fine_tuned]
    largest = max((network_of(context, one).parameters for one in saved), default=0)
    at_once = max(1, usable_cores() // (context.threads * context.ranks_per_fit))
    return largest * NUMBER_BYTES * COPIES * at_once


def _free(ledger: Ledger) -> int | None:
    """Return the free bytes of the ledger's disk, None where it is on none or on one that does not tell."""
    local = ledger.storage.local
    if local is None:
        return None
    disk = shutil.disk_usage(_existing(local))
    return disk.free if disk.total else None


def _same_disk(cache: Path, ledger: Ledger) -> bool:
    local = ledger.storage.local
    return local is not None and _existing(cache).stat().st_dev == _existing(local).stat().st_dev


def _existing(folder: Path) -> Path:
    return next(place for place in (folder, *folder.parents) if place.exists())


def _words(can: Room) -> str:
    idle = f", {size_in_words(can.idle)} of it in the place of arrays that no process has open" if can.idle else ""
    return f"{size_in_words(can.total)}{idle}"
