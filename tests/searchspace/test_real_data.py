"""The screen on the real HAM10000, when it is beside the checkout: its table against an independent computation."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from sklearn.metrics import balanced_accuracy_score, roc_auc_score


@pytest.fixture(scope="module")
def screen(run, real_data, tmp_path_factory):
    out = tmp_path_factory.mktemp("screen") / "run"
    result = run(
        *("ham10000-screen", "--data", real_data / "ham10000", "--out", out),
        *("--weights", real_data / "weights" / "mobilenetV1X0.25_pretrain.tar"),
        *("--set", "scientific.metadata.fields=[[], [age, site]]", "--set", "training.epochs=10"),
        timeout=900,
    )
    assert result.returncode == 0, result.stderr
    return out, result.stdout


def scores(predictions: pd.DataFrame) -> pd.DataFrame:
    columns = [name for name in predictions if name.startswith("probability:diagnosis:")]
    classes = np.array([name.rpartition(":")[2] for name in columns])
    rows = []
    for (configuration, fold), part in predictions.groupby(["configuration", "fold"]):
        probabilities = part[columns].to_numpy(float)
        mcr = balanced_accuracy_score(part["target:diagnosis"], classes[probabilities.argmax(axis=1)])
        areas = [
            roc_auc_score(part["target:diagnosis"] == name, part[column])
            for name, column in zip(classes, columns, strict=True)
        ]
        rows.append((configuration, fold, mcr, np.mean(areas)))
    return pd.DataFrame(rows, columns=["configuration", "fold", "mcr", "auc"])


def long_table(run_folder, metric: str) -> pd.DataFrame:
    return pd.read_csv(run_folder / "tables" / f"subsets_{metric}_long.csv").drop_duplicates("configuration")


def test_every_image_is_predicted_once_by_every_configuration(screen):
    predictions = pd.read_parquet(screen[0] / "ledger" / "predictions")
    assert len(predictions) == 3 * 10_015
    assert (predictions.groupby(["configuration", "sample"], observed=True).size() == 1).all()
    assert (predictions.groupby("group", observed=True)["fold"].nunique() == 1).all()


@pytest.mark.parametrize("metric", ["mcr", "auc"])
def test_the_table_agrees_with_scikit_learn_and_scipy_on_the_parquet_files(screen, metric):
    predictions = pd.read_parquet(screen[0] / "ledger" / "predictions")
    found = scores(predictions).pivot(index="fold", columns="configuration", values=metric)
    table = long_table(screen[0], metric).set_index("configuration")
    reference = table.index[table["is_reference"]][0]
    for name, row in table.iterrows():
        values = found[name].to_numpy()
        assert row["estimate"] == pytest.approx(values.mean(), abs=1e-9)
        assert row["fold_sd"] == pytest.approx(values.std(ddof=1), abs=1e-9)
        if name == reference:
            continue
        difference = values - found[reference].to_numpy()
        spread = np.sqrt(difference.var(ddof=1) * (1 / 5 + row["test_over_train"]))
        assert row["p_nb"] == pytest.approx(2 * stats.t.sf(abs(difference.mean() / spread), 4), abs=1e-9)
        half = stats.t.ppf(0.975, 4) * spread
        assert row["difference_nb_low"] == pytest.approx(difference.mean() - half, abs=1e-9)


def test_metadata_helps_and_the_figures_are_in_the_expected_range(screen):
    table = long_table(screen[0], "mcr").set_index("label")["estimate"]
    assert 0.53 < table["image only"] < 0.62
    assert table["concat age + site"] > table["image only"] + 0.01
    assert "10,015 images of 7,452 lesions" in screen[1]
