"""A synthetic ledger: records and predictions of invented fold fits, paired across configurations as real ones are."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from analysis.evaluation import ConfigurationResult, evaluate
from analysis.ledger.identity import digest
from analysis.ledger.schema import CohortSummary, FitRecord, probability_column, target_column
from analysis.tables import study_context

CLASSES = ("mel", "nv", "df")


class SyntheticStudy:
    """One cohort of lesions with one to three images and k folds; `fits` invents predictions of any skill on it."""

    def __init__(self, *, folds=5, repeats=1, plan="grouped", lesions=(30, 60, 24), targets=("diagnosis",), leak=0.0):
        self.classes = CLASSES[: len(lesions)]
        self.folds, self.repeats, self.plan, self.targets, self.leak = folds, repeats, plan, targets, leak
        rng = np.random.default_rng(0)
        lesion_class = np.repeat(np.arange(len(lesions)), lesions)
        lesion_of = np.repeat(np.arange(len(lesion_class)), rng.integers(1, 4, len(lesion_class)))
        self.labels = lesion_class[lesion_of]
        self.samples = np.array([f"image{i:04d}" for i in range(len(lesion_of))], dtype=object)
        self.groups = np.array([f"lesion{i:03d}" for i in lesion_of], dtype=object)
        self.noise = rng.normal(size=(len(lesion_class), len(self.classes)))[lesion_of] + rng.normal(
            size=(len(lesion_of), len(self.classes))
        )
        self.fold_of = []
        for repeat in range(repeats):
            shuffled = np.random.default_rng(10 + repeat)
            self.fold_of.append(self._fold_of(np.concatenate([shuffled.permutation(n) for n in lesions]), lesion_of))
        self.cohort = CohortSummary(
            "phantom",
            "f" * 64,
            len(self.samples),
            len(lesion_class),
            "lesion",
            {target: self.classes for target in targets},
        )

    def _fold_of(self, place, lesion_of):
        if self.plan in ("official", "external"):  # the same samples whatever the seed
            return np.where(lesion_of % 4 == 0, 0, -1)
        if self.plan == "holdout":
            return np.where(place[lesion_of] % 4 == 0, 0, -1)
        if self.plan == "image-level":
            return np.arange(len(lesion_of)) % self.folds
        return place[lesion_of] % self.folds

    @property
    def planned(self):
        return [(repeat, fold) for repeat in range(self.repeats) for fold in range(self.folds)]

    def record(self, identifier, configuration, repeat, fold, *, state="done", reason=None, **changes):
        n_test = int((self.fold_of[repeat] == fold).sum())
        fields = {
            "identity": {"configuration": configuration, "id": identifier, "repeat": repeat, "fold": fold},
            "state": state,
            "configuration_id": identifier,
            "cohort": self.cohort,
            "folds": {"plan": self.plan, "folds": self.folds, "repeats": self.repeats, "seed": 0},
            "repeat": repeat,
            "fold": fold,
            "n_train": len(self.samples) - n_test,
            "n_inner": 0,
            "n_test": n_test,
            "leak_share": self.leak,
            "environment": {"device": "cpu x86_64"},
            "reason": reason,
        }
        return FitRecord(**fields | changes)

    def frame(self, record, skill, seed=1):
        """Predictions that are right more often the higher the skill; `seed` is the retraining noise."""
        rows = self.fold_of[record.repeat] == record.fold
        rng = np.random.default_rng([seed, record.repeat, record.fold])
        columns = {
            "sample": self.samples[rows],
            "group": self.groups[rows],
            "repeat": record.repeat,
            "fold": record.fold,
        }
        columns["configuration"] = record.configuration_id
        for target in self.targets:
            scores = self.noise[rows] + 0.3 * rng.normal(size=(rows.sum(), len(self.classes)))
            scores[np.arange(rows.sum()), self.labels[rows]] += skill
            probabilities = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
            columns[target_column(target)] = np.array(CLASSES, dtype=object)[self.labels[rows]]
            for number, name in enumerate(self.classes):
                columns[probability_column(target, name)] = probabilities[:, number].astype(np.float32)
        return pd.DataFrame(columns)

    def result(
        self,
        configuration,
        skill,
        *,
        label=None,
        seed=1,
        missing=(),
        diverged=(),
        dropped=None,
        procedure=None,
        **changes,
    ) -> ConfigurationResult:
        """Invent and evaluate one configuration; `procedure` adds to the identity of its records."""
        identifier = digest(configuration)[:12]
        self.records = getattr(self, "records", [])
        records, frames = [], {}
        for repeat, fold in self.planned:
            if (repeat, fold) in missing:
                continue
            bad = (repeat, fold) in diverged
            state = {"state": "diverged", "reason": "the loss is not finite"} if bad else {}
            record = self.record(identifier, configuration, repeat, fold, **state | changes)
            record = replace(record, identity=record.identity | (procedure or {}))
            records.append(record)
            if not bad:
                frames[record.key] = self.frame(record, skill, seed)
        self.records += records
        return evaluate(identifier, configuration, label or identifier, self.planned, records, frames, dropped=dropped)

    def context(self, results, **changes):
        settings = {
            "study": "phantom-study",
            "question": "Does it help?",
            "features": "frozen features, no augmentation",
        }
        return study_context(**settings | changes, records=self.records, results=results)


@pytest.fixture(scope="session")
def make_study():
    return SyntheticStudy


def fused(fusion, *fields, **sections):
    """A canonical configuration in sections, as the ledger stores it."""
    metadata = {"fields": list(fields)} if fields else {}
    return {"fusion": {"name": fusion}, "metadata": metadata, "loss": {"name": "focal"}} | sections


@pytest.fixture
def configure():
    return fused


@pytest.fixture
def metadata_study(make_study):
    """The shape of MetaNet's Table 3: image only, and two subsets by two fusions; concat with age is much better."""
    study = make_study()
    results = [
        study.result(fused("none"), 0.8, label="image only"),
        study.result(fused("concat", "age"), 2.2, label="concat age", seed=2),
        study.result(fused("multiply", "age"), 0.8, label="multiply age", seed=3),
        study.result(fused("concat", "age", "sex"), 1.2, label="concat age+sex", seed=4),
        study.result(fused("multiply", "age", "sex"), 0.3, label="multiply age+sex", seed=5),
    ]
    return study, results
