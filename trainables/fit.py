"""One fold fit: a configuration trained on the training part of a split and evaluated once, on the evaluation fold.

`FoldFit.run` is a generator of epochs; it sets its own thread count, knows nothing of Ray, and its state can be saved
after any epoch and restored in another process, with the same predictions at the end. The evaluation fold chooses
nothing: it is predicted once, by the final weights. Random streams are named by (seed, repeat, fold, epoch) and never
by the configuration, so all configurations see the same data order and the same augmentation draws.
"""

import copy
import math
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor

from analysis.activation_maps import ActivationMaps
from models.fused import FusedModel
from trainables.activation_maps import MapSettings, chosen_rows, fold_maps
from trainables.cohorts import Cohort
from trainables.configuration import Configuration
from trainables.cost import model_cost
from trainables.data import Data
from trainables.decisions import Thresholds
from trainables.estimator_fit import fit_metadata
from trainables.estimators import MetadataEstimator
from trainables.events import EpochEnded
from trainables.folds import Split
from trainables.losses import create_loss, image_weights
from trainables.metadata import fit_encoder
from trainables.network import build_network
from trainables.optimisation import create_optimiser
from trainables.outcome import Outcome, head_metrics, head_probabilities, mean_metrics, prediction_table
from trainables.parallel import ALONE, Parallel
from trainables.schedule import best_epoch, has_stalled, learning_rate
from trainables.seeds import derive, torch_seed


class FoldFit:
    """A configuration on a split, ready to `run`.

    Args:
        configuration: the model and its training.
        split: rows of the cohort for training, the inner part and evaluation.
        cohort: metadata, classes and groups.
        data: features or pixels and class codes of all samples of the cohort, for the device that trains.
        seed: the study's seed.
        threads: torch threads; part of the key, since it moves the last bits of gradients.
        micro_batches: parts into which every batch is cut, with gradients added up, when memory is short.
        parallel: this process's share of a fit that several processes train together.
        maps: which evaluated samples get activation maps; none get any unless given. They change no number.
    """

    def __init__(
        self,
        configuration: Configuration,
        split: Split,
        cohort: Cohort,
        data: Data,
        *,
        seed: int,
        threads: int,
        micro_batches: int = 1,
        parallel: Parallel = ALONE,
        maps: MapSettings | None = None,
    ) -> None:
        torch.set_num_threads(threads)
        self.configuration, self.split, self.cohort = configuration, split, cohort
        self.threads, self.micro_batches, self.parallel, self.maps = threads, micro_batches, parallel, maps
        self._stream: tuple[str | int, ...] = ("fit", split.repeat, split.fold)
        self._seed = seed
        self.inputs = data.inputs(configuration, split)
        self.device, self.targets = self.inputs.device, data.targets.to(self.inputs.device)
        self.encoder = fit_encoder(configuration.metadata, cohort, split.train)
        self.metadata = torch.from_numpy(self.encoder.encode(np.arange(len(cohort.samples)))).to(self.device)
        with torch_seed(derive(seed, *self._stream, "weights")):
            self.model = self._build().to(self.device)
        if self.inputs.backbone is not None:  # convolutions run 1.3 to 2 times faster so, on CPUs too
            self.model.to(memory_format=torch.channels_last)
        self.forward = parallel.wrap(self.model)
        classes = [len(target.classes) for target in cohort.targets]
        counts = [np.bincount(data.targets[split.train, t].cpu().numpy(), minlength=n) for t, n in enumerate(classes)]
        self.images = cohort.image_names if configuration.modalities.separate else ()  # those with heads of their own
        self.loss = create_loss(configuration.loss, counts, self.images).to(self.device)
        self.optimiser = create_optimiser(configuration.training, self.model)
        self.history: list[dict[str, Any]] = []
        self.best: dict[str, Any] | None = None
        self.seconds = 0.0
        self.outcome: Outcome | None = None

    def run(self) -> Iterator[EpochEnded]:
        """Train the epochs that are left, one event each, then predict the evaluation fold; `outcome` holds the end."""
        training = self.configuration.training
        for epoch in range(len(self.history), training.epochs):
            if has_stalled(training, self.history):
                break
            torch.set_num_threads(self.threads)
            started = time.perf_counter()
            rate = learning_rate(training, self.history)
            loss = self._train_epoch(epoch, rate)
            if not math.isfinite(loss):
                self.outcome = self._diverged(f"loss is {loss} in epoch {epoch + 1} of {training.epochs}")
                return
            entry: dict[str, Any] = {"epoch": epoch + 1, "loss": loss, "learning_rate": rate, "inner": self._watch()}
            self.history.append(entry)
            self._keep_best()
            self.seconds += time.perf_counter() - started
            yield EpochEnded(repeat=self.split.repeat, fold=self.split.fold, epochs=training.epochs, **entry)
        self.outcome = self._finish()

    def state(self) -> dict[str, Any]:
        """Return everything that `restore` needs to go on from the last finished epoch."""
        return {
            "model": self.model.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "best": self.best,
            "history": list(self.history),
            "seconds": self.seconds,
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Continue from a state that the same configuration and split saved."""
        self.model.load_state_dict(state["model"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.best = state["best"]
        self.history = list(state["history"])
        self.seconds = state["seconds"]

    def _build(self) -> FusedModel:
        classes = [len(target.classes) for target in self.cohort.targets]
        n_images = len(self.cohort.image_names)
        return build_network(self.configuration, self.inputs, self.encoder.width, n_images, classes)

    def _train_epoch(self, epoch: int, rate: float) -> float:
        """Train one epoch and return its mean loss."""
        self.forward.train()
        for group in self.optimiser.param_groups:
            group["lr"] = rate * group["factor"]
        self.inputs.start_epoch(derive(self._seed, *self._stream, "augmentation", epoch))
        order = np.random.default_rng(derive(self._seed, *self._stream, "order", epoch)).permutation(self.split.train)
        drops = np.random.default_rng(derive(self._seed, *self._stream, "drop", epoch))
        # Batches of nearly equal size: a last batch of one sample would break batch normalisation and weigh too much.
        batches = np.array_split(order, math.ceil(len(order) / self.configuration.training.batch_size))
        total = torch.zeros((), device=self.device)
        own = () if self.parallel.world == 1 else (self.parallel.rank,)
        with torch_seed(derive(self._seed, *self._stream, "noise", epoch, *own)):
            for rows in batches:
                total += self.step(torch.from_numpy(rows).to(self.device), drops) * len(rows)
        return float(total) / len(order)

    def step(self, rows: Tensor, drops: np.random.Generator) -> Tensor:
        """Take one optimisation step on `rows` and return its loss; `drops` draws the metadata fields to drop."""
        metadata = self.metadata[rows]
        if self.encoder.drop_probability:
            metadata = metadata * torch.from_numpy(self.encoder.drop_mask(len(rows), drops)).to(self.device)
        whole = self.micro_batches == 1 and self.parallel.world == 1
        normalisers = None if whole else self.loss.normalisers(self.targets[rows])
        self.optimiser.zero_grad(set_to_none=True)
        total = torch.zeros((), device=self.device)
        for part in self.parallel.share(torch.arange(len(rows), device=self.device)).tensor_split(self.micro_batches):
            with self._autocast():
                logits = self.forward(self.inputs.training(rows[part]), metadata[part])
            loss = self.loss(tuple(values.float() for values in logits), self.targets[rows[part]], normalisers)
            (loss * self.parallel.world).backward()  # data-parallel gradients are averaged, losses are shares of a sum
            total += loss.detach()
        if self.configuration.training.gradient_clip is not None:
            torch.nn.utils.clip_grad_norm_(self.model.parameters(), self.configuration.training.gradient_clip)
        self.optimiser.step()
        return self.parallel.total(total)

    def _autocast(self) -> torch.autocast:
        low = self.configuration.training.precision == "bfloat16"
        return torch.autocast(self.device.type, torch.bfloat16, enabled=low)

    def _predict(self, rows: np.ndarray) -> list[Tensor]:
        """Return the logits of `rows`, float32 (row, class) or (row, image, class), for each target, on the CPU."""
        self.model.eval()
        at_once = max(1, self.inputs.rows_at_once // self.micro_batches)
        parts: list[list[Tensor]] = []
        with torch.inference_mode(), self._autocast():
            for chunk in self.parallel.share(torch.from_numpy(rows)).to(self.device).split(at_once):
                logits = self.model(self.inputs.evaluation(chunk), self.metadata[chunk])
                parts.append([values.float().cpu() for values in logits])
        shares = [torch.cat(target).numpy() for target in zip(*parts, strict=True)]
        return [torch.from_numpy(self.parallel.gather(share, len(rows))) for share in shares]

    def _watch(self) -> dict[str, float | None]:
        """Return loss, MCR and AUC of the inner part; None where they are not finite."""
        rows = self.split.inner
        if not len(rows):
            return {}
        logits = self._predict(rows)
        if not all(torch.isfinite(values).all() for values in logits):
            return {"loss": None, "mcr": None, "auc": None}
        targets = self.targets[torch.from_numpy(rows).to(self.device)]
        loss = float(self.loss(tuple(values.to(self.device) for values in logits), targets))
        metrics = mean_metrics(targets.cpu().numpy(), self._probabilities(logits))
        return {"loss": loss if math.isfinite(loss) else None, **metrics}

    def _keep_best(self) -> None:
        """Keep the weights of the epoch that just ended if it is the best so far and the settings ask for them."""
        training = self.configuration.training
        if training.restore_best and best_epoch(training, self.history) == len(self.history) - 1:
            self.best = copy.deepcopy(self.model.state_dict())

    def _finish(self) -> Outcome:
        if self.best is not None:
            self.model.load_state_dict(self.best)
        started, trained = time.perf_counter(), self.seconds
        logits = self._predict(self.split.test)
        inference = (time.perf_counter() - started) / len(self.split.test)
        if not all(torch.isfinite(values).all() for values in logits):
            return self._diverged("predictions are not finite after the last epoch")
        codes, partner = self.targets.cpu().numpy(), self._partner()
        probabilities = self._joined(logits, partner, self.split.test)
        cuts, of_heads = self._thresholds(codes, partner)
        metrics = mean_metrics(codes[self.split.test], probabilities, cuts.values) | cuts.as_metrics()
        metrics |= head_metrics(codes[self.split.test], logits, self.images, of_heads)
        self.seconds += time.perf_counter() - started
        table = prediction_table(self.cohort, self.split, self.configuration.identifier, probabilities)
        per_epoch = round(trained / max(1, len(self.history)), 4)
        speed = {"seconds_per_epoch": per_epoch, "inference_seconds": inference}
        cost = self._cost() | speed
        return Outcome("done", table, metrics, self.history, cost, maps=self._maps(probabilities[0], cuts))

    def _maps(self, probabilities: np.ndarray, cuts: Thresholds) -> ActivationMaps | None:
        """Return the activation maps that the settings ask for; of several processes, the first one has them."""
        if self.maps is None or self.parallel.rank:
            return None
        rows = chosen_rows(self.cohort, self.split, self.maps.per_class)
        place = {row: number for number, row in enumerate(self.split.test.tolist())}
        return fold_maps(
            self.model,
            self.inputs,
            self.metadata,
            rows,
            self.cohort,
            probabilities=probabilities[[place[row] for row in rows.tolist()]],
            threshold=cuts.values[0],
            autocast=self._autocast(),
        )

    def _thresholds(
        self, codes: np.ndarray, partner: MetadataEstimator | None
    ) -> tuple[Thresholds, dict[str, list[float | None]]]:
        """Choose the thresholds of two-class targets on the inner part, where the settings ask for them.

        Those of the heads of each image alone, by image, are chosen from their own probabilities.
        """
        names, inner = [target.name for target in self.cohort.targets], self.split.inner
        if self.configuration.head.threshold == "half":
            return Thresholds.none(names), {}
        logits = self._predict(inner)
        of_heads = {
            image: Thresholds.chosen(names, codes[inner], head_probabilities(logits, number)).values
            for number, image in enumerate(self.images)
        }
        return Thresholds.chosen(names, codes[inner], self._joined(logits, partner, inner)), of_heads

    def _partner(self) -> MetadataEstimator | None:
        """Return the estimator on metadata whose probabilities are averaged with the network's, if there is one."""
        if not self.configuration.estimates:
            return None
        return fit_metadata(
            self.configuration, self.split, self.cohort, self.encoder, seed=self._seed, threads=self.threads
        )

    def _joined(self, logits: list[Tensor], partner: MetadataEstimator | None, rows: np.ndarray) -> list[np.ndarray]:
        """Return the probabilities (row, class) per target of network and partner together."""
        probabilities = self._probabilities(logits)
        if partner is None:
            return probabilities
        share = np.float32(self.configuration.options["estimator_weight"])
        pairs = zip(probabilities, partner.predict(rows), strict=True)
        return [(1 - share) * network + share * estimated for network, estimated in pairs]

    def _diverged(self, reason: str) -> Outcome:
        return Outcome("diverged", None, {}, self.history, self._cost(), reason)

    def _cost(self) -> dict[str, Any]:
        cost: dict[str, Any] = {
            "seconds": round(self.seconds, 3),
            "threads": self.threads,
            **model_cost(self.model),
        }
        if self.micro_batches > 1:
            cost["micro_batches"] = self.micro_batches
        if self.device.type == "cuda":
            cost["peak_memory"] = torch.cuda.max_memory_allocated()
        return cost

    def _probabilities(self, logits: list[Tensor]) -> list[np.ndarray]:
        """Return the probabilities (row, class) per target, averaged over the heads of the images if each has some."""
        per_head = [torch.softmax(values, dim=-1) for values in logits]
        if not self.images:
            return [values.numpy() for values in per_head]
        loss, biased = self.configuration.loss, self.configuration.modalities.prediction == "biased"
        weights = torch.tensor(image_weights(loss.bias if biased else None, loss.favoured, self.images))
        return [(values * weights[:, None]).sum(dim=1).numpy() for values in per_head]
