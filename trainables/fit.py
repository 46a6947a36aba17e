"""One fold fit: a configuration trained on the training part of a split and evaluated once, on the evaluation fold.

`FoldFit.run` is a generator of epochs; it sets its own thread count, knows nothing of Ray, and its state can be saved
after any epoch and restored in another process, with the same predictions at the end. The evaluation fold chooses
nothing: it is predicted once, by the final weights. Random streams are named by (seed, repeat, fold, epoch) and never
by the configuration, so all configurations see the same data order.
"""

import math
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import torch

from analysis.ledger import probability_column, target_column
from analysis.metrics import fold_metrics
from models.fused import FusedModel
from models.fusions import create_fusion
from models.heads import Heads
from trainables.cohorts import Cohort
from trainables.configuration import Configuration
from trainables.data import FitData
from trainables.events import EpochEnded
from trainables.folds import Split
from trainables.losses import create_loss
from trainables.metadata import fit_encoder
from trainables.optimisation import create_optimiser, create_schedule
from trainables.seeds import derive, torch_seed

EVALUATION_BATCH = 4096


@dataclass(frozen=True)
class Outcome:
    """How a fold fit ended: `done` with predictions, or `diverged` with a reason; either with its history and cost."""

    state: str
    predictions: pd.DataFrame | None
    metrics: dict[str, float | None]
    history: list[dict[str, Any]]
    cost: dict[str, Any]
    reason: str | None = None


class FoldFit:
    """A configuration on a split, ready to `run`.

    Args:
        configuration: the model and its training.
        split: rows of the cohort for training, the inner part and evaluation.
        cohort: metadata, classes and groups.
        data: features and class codes of all samples of the cohort, on the device where the head trains.
        seed: the study's seed.
        threads: torch threads; part of the key, since it moves the last bits of gradients.
    """

    def __init__(
        self, configuration: Configuration, split: Split, cohort: Cohort, data: FitData, *, seed: int, threads: int
    ) -> None:
        torch.set_num_threads(threads)
        self.configuration, self.split, self.cohort, self.data = configuration, split, cohort, data
        self.threads, self.device = threads, data.features.device
        self._stream = ("fit", split.repeat, split.fold)
        self._seed = seed
        self.encoder = fit_encoder(configuration.metadata, cohort, split.train)
        self.features = (
            _standardised(data.features, split.train) if configuration.backbone.standardise else data.features
        )
        self.metadata = torch.from_numpy(self.encoder.encode(np.arange(len(cohort.samples)))).to(self.device)
        with torch_seed(derive(seed, *self._stream, "weights")):
            self.model = self._build().to(self.device)
        classes = [len(target.classes) for target in cohort.targets]
        counts = [np.bincount(data.targets[split.train, t].cpu().numpy(), minlength=n) for t, n in enumerate(classes)]
        self.loss = create_loss(configuration.loss, counts).to(self.device)
        self.optimiser = create_optimiser(configuration.training, self.model.parameters())
        self.rate = create_schedule(configuration.training)
        self.history: list[dict[str, Any]] = []
        self.seconds = 0.0
        self.outcome: Outcome | None = None

    def run(self) -> Iterator[EpochEnded]:
        """Train the epochs that are left, one event each, then predict the evaluation fold; `outcome` holds the end."""
        epochs = self.configuration.training.epochs
        for epoch in range(len(self.history), epochs):
            torch.set_num_threads(self.threads)
            started = time.perf_counter()
            loss = self._train_epoch(epoch)
            if not math.isfinite(loss):
                self.outcome = self._diverged(f"loss is {loss} in epoch {epoch + 1} of {epochs}")
                return
            entry: dict[str, Any] = {
                "epoch": epoch + 1,
                "loss": loss,
                "learning_rate": self.rate(epoch),
                "inner": self._watch(),
            }
            self.history.append(entry)
            self.seconds += time.perf_counter() - started
            yield EpochEnded(repeat=self.split.repeat, fold=self.split.fold, epochs=epochs, **entry)
        self.outcome = self._finish()

    def state(self) -> dict[str, Any]:
        """Return everything that `restore` needs to go on from the last finished epoch."""
        return {
            "model": self.model.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "history": list(self.history),
            "seconds": self.seconds,
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Continue from a state that the same configuration and split saved."""
        self.model.load_state_dict(state["model"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.history = list(state["history"])
        self.seconds = state["seconds"]

    def _build(self) -> FusedModel:
        settings = self.configuration
        channels = self.features.shape[1]
        fusion = create_fusion(
            settings.fusion_name, channels, self.encoder.width, depth=settings.depth, widths=settings.fusion.widths
        )
        classes = [len(target.classes) for target in self.cohort.targets]
        return FusedModel(fusion, Heads(fusion.out_features, classes, settings.head.dropout))

    def _train_epoch(self, epoch: int) -> float:
        """Train one epoch and return its mean loss."""
        self.model.train()
        for group in self.optimiser.param_groups:
            group["lr"] = self.rate(epoch)
        order = np.random.default_rng(derive(self._seed, *self._stream, "order", epoch)).permutation(self.split.train)
        drops = np.random.default_rng(derive(self._seed, *self._stream, "drop", epoch))
        # Batches of nearly equal size: a last batch of one sample would break batch normalisation and weigh too much.
        batches = np.array_split(order, math.ceil(len(order) / self.configuration.training.batch_size))
        total = torch.zeros((), device=self.device)
        with torch_seed(derive(self._seed, *self._stream, "noise", epoch)):
            for rows in batches:
                total += self.step(torch.from_numpy(rows).to(self.device), drops) * len(rows)
        return float(total) / len(order)

    def step(self, rows: torch.Tensor, drops: np.random.Generator) -> torch.Tensor:
        """Take one optimisation step on `rows` and return its loss; `drops` draws the metadata fields to drop."""
        metadata = self.metadata[rows]
        if self.encoder.drop_probability:
            metadata = metadata * torch.from_numpy(self.encoder.drop_mask(len(rows), drops)).to(self.device)
        logits = self.model.forward_features(self.features[rows], metadata)
        loss = self.loss(logits, self.data.targets[rows])
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        self.optimiser.step()
        return loss.detach()

    def _predict(self, rows: np.ndarray) -> list[np.ndarray]:
        """Return the class probabilities of `rows`, float32 (row, class), for each target."""
        self.model.eval()
        parts = []
        with torch.inference_mode():
            for chunk in torch.from_numpy(rows).to(self.device).split(EVALUATION_BATCH):
                logits = self.model.forward_features(self.features[chunk], self.metadata[chunk])
                parts.append([torch.softmax(values.float(), dim=1).cpu() for values in logits])
        return [torch.cat(target).numpy() for target in zip(*parts, strict=True)]

    def _metrics(self, rows: np.ndarray, probabilities: list[np.ndarray]) -> dict[str, float | None]:
        """Return MCR and macro AUC, averaged over targets; None where no class allows one."""
        codes = self.data.targets.cpu().numpy()[rows]
        found = [fold_metrics(codes[:, t], values) for t, values in enumerate(probabilities)]
        means = {name: float(np.mean([getattr(each, name) for each in found])) for name in ("mcr", "auc")}
        return {name: value if math.isfinite(value) else None for name, value in means.items()}

    def _watch(self) -> dict[str, float | None]:
        rows = self.split.inner
        if not len(rows):
            return {}
        probabilities = self._predict(rows)
        finite = all(np.isfinite(values).all() for values in probabilities)
        return self._metrics(rows, probabilities) if finite else {"mcr": None, "auc": None}

    def _finish(self) -> Outcome:
        started = time.perf_counter()
        probabilities = self._predict(self.split.test)
        if not all(np.isfinite(values).all() for values in probabilities):
            return self._diverged("predictions are not finite after the last epoch")
        metrics = self._metrics(self.split.test, probabilities)
        self.seconds += time.perf_counter() - started
        return Outcome("done", self._table(probabilities), metrics, self.history, self._cost())

    def _diverged(self, reason: str) -> Outcome:
        return Outcome("diverged", None, {}, self.history, self._cost(), reason)

    def _cost(self) -> dict[str, Any]:
        parameters = sum(parameter.numel() for parameter in self.model.parameters())
        return {"seconds": round(self.seconds, 3), "parameters": parameters, "threads": self.threads}

    def _table(self, probabilities: list[np.ndarray]) -> pd.DataFrame:
        samples = self.cohort.samples.iloc[self.split.test]
        table = pd.DataFrame({"sample": samples.index.to_numpy(), "group": samples["group"].to_numpy()})
        table["repeat"], table["fold"] = self.split.repeat, self.split.fold
        table["configuration"] = self.configuration.identifier
        for target, values in zip(self.cohort.targets, probabilities, strict=True):
            table[target_column(target.name)] = samples[f"target:{target.name}"].to_numpy()
            for position, name in enumerate(target.classes):
                table[probability_column(target.name, name)] = values[:, position]
        return table


def _standardised(features: torch.Tensor, training: np.ndarray) -> torch.Tensor:
    """Z-score every channel over the training samples and positions; a constant channel becomes 0."""
    chosen = features[torch.from_numpy(training).to(features.device)].double()
    mean = chosen.mean(dim=(0, 2, 3), keepdim=True)
    spread = chosen.std(dim=(0, 2, 3), keepdim=True, correction=0)
    return ((features - mean) / torch.where(spread > 0, spread, 1.0)).float()
