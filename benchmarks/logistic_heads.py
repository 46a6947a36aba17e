"""Plain logistic heads on the pooled features and folds of `ham10000-screen`: an anchor from another implementation.

    python benchmarks/logistic_heads.py <HAM10000 folder> <weights file> [grouped|image-level]

scikit-learn's class-balanced logistic regression (C = 0.01) on standardised features with the metadata appended,
trained on all of the training folds (no inner part); prints MCR +- SD over folds and macro one-vs-rest AUC.
"""

import os
import sys
from pathlib import Path

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import balanced_accuracy_score, roc_auc_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from trainables.cohorts import Ham10000Settings, open_cohort
from trainables.features import BackboneSettings, FeatureSource
from trainables.folds import FoldSettings, make_splits
from trainables.images import ImageSettings
from trainables.metadata import MetadataSettings, fit_encoder
from trainables.node_cache import default_cache
from trainables.weights import read_weights

SUBSETS = ((), ("age",), ("sex",), ("site",), ("age", "site"), ("age", "sex", "site"))


def main(data: Path, weights: Path, plan: str) -> None:
    """Print one line per subset."""
    cohort = open_cohort(Ham10000Settings(), data)
    backbone, image, read = BackboneSettings(weights="file"), ImageSettings(size=(150, 200)), read_weights(weights)
    cores = len(os.sched_getaffinity(0))
    features = FeatureSource(cohort, backbone, image, read, "pooled").open(default_cache(), workers=cores)
    pooled, labels = np.array(features)[:, :, 0, 0], cohort.labels("diagnosis")
    splits = make_splits(cohort, FoldSettings(plan=plan))
    for subset in SUBSETS:
        scores, areas = [], []
        for split in splits:
            encoder = fit_encoder(MetadataSettings(fields=subset), cohort, split.train)
            inputs = np.concatenate([pooled, encoder.encode(np.arange(len(labels)))], axis=1)
            head = make_pipeline(StandardScaler(), LogisticRegression(C=0.01, class_weight="balanced", max_iter=2000))
            head.fit(inputs[split.train], labels[split.train])
            predicted = head.predict_proba(inputs[split.test])
            scores.append(balanced_accuracy_score(labels[split.test], predicted.argmax(axis=1)))
            areas.append(roc_auc_score(labels[split.test], predicted, multi_class="ovr"))
        name = "+".join(subset) or "image only"
        print(
            f"{name:14s} MCR {np.mean(scores):.3f} +- {np.std(scores, ddof=1):.3f}  AUC {np.mean(areas):.3f}",
            flush=True,
        )


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3] if len(sys.argv) > 3 else "grouped")
