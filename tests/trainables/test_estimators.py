"""Estimators on metadata: against scikit-learn, the anchors of the real metadata, and how a fold fit uses them."""

import numpy as np
import pytest
import torch
from array_cohorts import cohort_of, grouped_cohort
from sklearn.linear_model import LogisticRegression

from analysis.ledger import Ledger
from analysis.metrics import fold_metrics
from trainables.cohorts import Ham10000Settings, open_cohort
from trainables.configuration import Configuration
from trainables.data import FitData
from trainables.estimator_fit import EstimatorFit
from trainables.estimators import ESTIMATORS, MetadataEstimator
from trainables.events import FitEnded
from trainables.fit import FoldFit
from trainables.folds import FoldSettings, make_splits
from trainables.metadata import MetadataSettings, fit_encoder
from trainables.planning import TrialContext, component_versions, plan_trial, splits_for
from trainables.trial import run_trial

COHORT = grouped_cohort(150)
SPLIT = make_splits(COHORT, FoldSettings(), inner_share=0.2)[0]
FIELDS = {"fields": ["age", "sex"]}
BALANCED = {"name": "weighted-cross-entropy"}
COLUMNS = [f"probability:diagnosis:{name}" for name in "abc"]


def metadata_only(**fusion) -> Configuration:
    return Configuration.of({"fusion": {"name": "metadata-only", **fusion}, "metadata": FIELDS, "loss": BALANCED})


def fitted(configuration, split=SPLIT, cohort=COHORT):
    fit = EstimatorFit(configuration, split, cohort, seed=0, threads=1)
    assert list(fit.run()) == []
    return fit.outcome


@pytest.mark.parametrize("name", ESTIMATORS.names())
class TestEveryEstimator:
    def test_probabilities_sum_to_one_for_every_class_and_target(self, name):
        codes = np.stack([np.arange(60) % 3, np.arange(60) % 2], axis=1)
        metadata = codes[:, :1].astype(np.float32) + np.random.default_rng(0).normal(size=(60, 2)).astype(np.float32)
        estimator = MetadataEstimator(
            name, metadata, codes, [4, 2], np.arange(50), weighting="balanced", seed=0, threads=1
        )
        first, second = estimator.predict(np.arange(50, 60))
        assert first.shape == (10, 4)
        assert second.shape == (10, 2)
        assert (first[:, 3] == 0).all()  # a class that training lacks
        np.testing.assert_allclose(first.sum(axis=1), 1.0, atol=1e-6)

    def test_one_class_in_training_is_predicted_for_all(self, name):
        codes = np.ones((8, 1), dtype=int)
        estimator = MetadataEstimator(
            name, np.zeros((8, 1), np.float32), codes, [2], np.arange(8), weighting="none", seed=0, threads=1
        )
        assert estimator.predict(np.arange(3))[0].tolist() == [[0.0, 1.0]] * 3

    def test_the_same_fit_gives_the_same_numbers(self, name):
        first, second = (fitted(metadata_only(estimator=name)) for _ in range(2))
        assert first.predictions.equals(second.predictions)
        assert first.metrics["auc"] > 0.6  # age tells class b


def test_logistic_regression_is_scikit_learns_with_balanced_weights():
    outcome = fitted(metadata_only())
    encoder = fit_encoder(MetadataSettings(**FIELDS), COHORT, SPLIT.train)
    values, codes = encoder.encode(np.arange(len(COHORT))), COHORT.labels("diagnosis")
    peer = LogisticRegression(max_iter=2000, class_weight="balanced").fit(values[SPLIT.train], codes[SPLIT.train])
    np.testing.assert_allclose(outcome.predictions[COLUMNS], peer.predict_proba(values[SPLIT.test]), atol=1e-4)
    assert outcome.cost["parameters"] == (values.shape[1] + 1) * 3


@pytest.mark.parametrize(
    ("fields", "mcr", "auc"),  # papers.md 1.6: class-balanced logistic regression, lesion-grouped five folds
    [
        (("age",), 0.217, 0.665),
        (("site",), 0.309, 0.688),
        (("age", "site"), 0.349, 0.752),
        (("age", "sex", "site"), 0.347, 0.754),
    ],
)
def test_the_anchors_on_the_real_metadata(real_data, ham10000, fields, mcr, auc):
    scores = [_scored(ham10000, split, fields) for split in make_splits(ham10000, FoldSettings())]
    assert np.mean([score.mcr for score in scores]) == pytest.approx(mcr, abs=0.015)  # other folds; fold SD .023
    assert np.mean([score.auc for score in scores]) == pytest.approx(auc, abs=0.006)


@pytest.fixture(scope="module")
def ham10000(real_data):
    return open_cohort(Ham10000Settings(lookalikes="keep"), real_data / "ham10000")


def _scored(cohort, split, fields):
    encoded = fit_encoder(MetadataSettings(fields=fields), cohort, split.train).encode(np.arange(len(cohort)))
    codes = cohort.labels("diagnosis")
    estimator = MetadataEstimator(
        "logistic-regression", encoded, codes[:, None], [7], split.train, weighting="balanced", seed=0, threads=1
    )
    return fold_metrics(codes[split.test], estimator.predict(split.test)[0])


def data_of(cohort) -> FitData:
    labels = cohort.labels("diagnosis")
    noise = np.random.default_rng(0).normal(size=(len(cohort), 6))
    return FitData(torch.tensor(noise[:, :, None, None], dtype=torch.float32), torch.from_numpy(labels[:, None]))


def late(weight: float) -> Configuration:
    fusion = {"name": "late", "estimator": "logistic-regression", "estimator_weight": weight}
    return Configuration.of({"fusion": fusion, "metadata": FIELDS, "loss": BALANCED, "training": {"epochs": 2}})


def test_late_averages_the_image_model_with_the_estimator():
    image_only = Configuration.of({"fusion": {"name": "none"}, "loss": BALANCED, "training": {"epochs": 2}})
    tables = []
    for configuration in (image_only, late(0.25)):
        fit = FoldFit(configuration, SPLIT, COHORT, data_of(COHORT), seed=0, threads=1)
        list(fit.run())
        tables.append(fit.outcome.predictions[COLUMNS].to_numpy())
    alone = fitted(metadata_only()).predictions[COLUMNS].to_numpy()
    np.testing.assert_allclose(tables[1], 0.75 * tables[0] + 0.25 * alone, atol=1e-6)


def test_metadata_only_is_the_same_configuration_whatever_the_image_settings():
    other = Configuration.of(
        {
            "fusion": {"name": "metadata-only"},
            "metadata": FIELDS,
            "loss": BALANCED,
            "backbone": {"name": "resnet50", "frozen_stages": 0, "weights": "hub"},
            "training": {"epochs": 9},
        }
    )
    assert other.identifier == metadata_only().identifier
    assert not other.fine_tuned
    assert set(other.canonical()) == {"metadata", "fusion", "head", "loss"}
    assert component_versions(other).keys() == {
        "fusion metadata-only",
        "estimator logistic-regression",
        "encoding impute",
    }
    assert metadata_only(estimator="gradient-boosting").identifier != other.identifier


def test_without_fields_metadata_only_is_image_only():
    assert Configuration.of({"fusion": {"name": "metadata-only"}}).fusion_name == "none"


def test_a_trial_of_metadata_alone_needs_no_images(tmp_path):
    cohort = cohort_of(list("aabb") * 6)
    folds = FoldSettings(folds=2)
    configuration = metadata_only()
    context = TrialContext(
        cohort=cohort,
        folds=folds,
        splits=splits_for(cohort, folds, [configuration]),
        ledger=Ledger(str(tmp_path)),
        cache=tmp_path / "cache",
        weights={},
    )
    trial = plan_trial("metadata alone", configuration, context)
    events = list(run_trial(trial, context, workers=1))
    assert [type(event) for event in events] == [FitEnded, FitEnded]
    assert [event.metrics["mcr"] for event in events] == [1.0, 1.0]
    assert not (tmp_path / "cache").exists()
    assert context.ledger.get(trial.fits[0].key).cost["inference_seconds"] > 0
