"""The published figures: known cells by hand, the whole tables by their own arithmetic, and faulty files."""

import numpy as np
import pytest

from analysis.errors import AnalysisError
from analysis.published import PublishedCell, published_names, published_table
from analysis.published.cells import read_published

SENET = {"backbone.name": "legacy_senet154"}
ALL = ["age", "sex", "site"]
BACKBONES = ("alexnet", "vgg19", "resnet50", "densenet161", "legacy_senet154", "pnasnet5large")


def settings(backbone, fusion, depth=None, fields=()):
    flat = {"backbone.name": backbone, "fusion.name": fusion, "metadata.fields": list(fields)}
    return flat | ({} if depth is None else {"fusion.depth": depth})


def percent(cell):
    return (round(100 * cell.value, 2), round(100 * cell.sd, 2))


SIZES = {
    "derm7pt-peers": (0, 10),
    "metanet-table1": (18, 0),
    "metanet-table2": (21, 0),
    "metanet-table3": (8, 0),
    "metanet-table4": (8, 0),
    "pad-peers": (0, 15),
    "softattention-table3": (28, 0),
    "softattention-table4": (18, 0),
    "softattention-table5": (9, 0),
    "softattention-table6": (91, 0),
    "softattention-table7": (91, 0),
    "softattention-table8": (28, 0),
    "softattention-table9": (12, 0),
    "zoome-table1": (12, 1),
    "zoome-table2": (25, 0),
}


def test_the_tables_have_their_cells_and_their_rows_without_configuration():
    tables = {name: published_table(name) for name in published_names()}
    assert {name: (len(table.cells), len(table.rows)) for name, table in tables.items()} == SIZES
    assert all(table.name == name for name, table in tables.items())


def test_table_1_finds_a_cell_by_the_canonical_settings_whatever_the_order_of_the_fields():
    table = published_table("metanet-table1")
    assert percent(table.cell(settings("vgg19", "multiply", 2, ["site", "sex", "age"]))) == (84.06, 1.16)
    assert percent(table.cell({"backbone.name": "pnasnet5large", "fusion.name": "none"})) == (87.90, 1.32)
    assert percent(table.cell(settings("alexnet", "concat", 0, ALL))) == (76.55, 1.25)


@pytest.mark.parametrize(
    "other",
    [
        settings("alexnet", "concat", 1, ALL),
        settings("alexnet", "concat", 0, ["age"]),
        settings("test_resnet", "none"),
        settings("alexnet", "metablock", None, ALL),
        {},
    ],
)
def test_other_settings_have_no_published_figure(other):
    assert published_table("metanet-table1").cell(other) is None


def test_table_1_differences_are_those_the_paper_prints():
    cells = published_table("metanet-table1").cell
    gains = [
        100 * (cells(settings(name, "multiply", 2, ALL)).value - cells(settings(name, "none")).value)
        for name in BACKBONES
    ]
    assert gains == pytest.approx([3.58, 2.46, 1.52, 2.44, 2.20, 1.19])
    gains = [
        100 * (cells(settings(name, "concat", 0, ALL)).value - cells(settings(name, "none")).value)
        for name in BACKBONES
    ]
    assert gains == pytest.approx([1.87, 0.75, 0.48, 1.26, 1.02, -0.65])


def test_table_2_goes_by_class_and_its_means_are_those_of_its_note():
    table = published_table("metanet-table2")
    classes = ("akiec", "bcc", "bkl", "df", "mel", "nv", "vasc")
    assert percent(table.cell(settings("legacy_senet154", "none"), "MEL")) == (84.24, 0.79)
    means = [
        np.mean([100 * table.cell(settings("legacy_senet154", *fusion), name).value for name in classes])
        for fusion in (("none",), ("concat", 0, ALL), ("multiply", 2, ALL))
    ]
    assert np.round(means, 2).tolist() == [85.38, 86.46, 87.64]
    assert any("85.38 (image only), 86.46 (concat) and 87.64 (multiply)" in note for note in table.notes)
    assert any("not reliable" in note for note in table.notes)
    assert table.cell(settings("legacy_senet154", "none")) is None


def test_the_tables_agree_on_the_cells_they_share():
    one, three, four = (published_table(f"metanet-table{number}") for number in (1, 3, 4))
    multiply, image_only = settings("legacy_senet154", "multiply", 2, ALL), settings("legacy_senet154", "none")
    assert one.cell(multiply) == three.cell(multiply) == four.cell(multiply)
    assert one.cell(image_only) == three.cell(image_only)
    assert percent(three.cell(settings("legacy_senet154", "multiply", 2, ["site", "age"]))) == (87.70, 0.99)
    assert percent(four.cell(settings("legacy_senet154", "concat", 4, ALL))) == (85.53, 0.67)


def test_an_unknown_table_is_refused():
    with pytest.raises(AnalysisError, match=r"no published table 'metanet-table9' \(there are: derm7pt-peers, "):
        published_table("metanet-table9")


DOCUMENT = {
    "name": "t",
    "source": "s",
    "metrics": ["mcr"],
    "cohort": "c",
    "split": "by image",
    "settings": ["fusion.name"],
    "cells": [["none", 50.0, None]],
}


def test_a_paper_may_print_no_sd():
    assert read_published(DOCUMENT).cell({"fusion.name": "none"}) == PublishedCell(0.5, None)


def test_several_metrics_stand_in_one_row_and_a_blank_is_no_cell():
    table = read_published(DOCUMENT | {"metrics": ["accuracy", "auc"], "cells": [["none", 80.0, 1.0, None, None]]})
    assert table.cell({"fusion.name": "none"}, metric="accuracy") == PublishedCell(0.8, 0.01)
    assert table.cell({"fusion.name": "none"}, metric="auc") is None


def test_a_row_may_run_over_the_classes_without_sds_in_fractions():
    change = {"metrics": ["class_f1"], "settings": ["fusion.name", "class"], "across": ["a", "b"]}
    table = read_published(DOCUMENT | change | {"sd": False, "unit": "fraction", "cells": [["none", 0.5, 0.75]]})
    assert table.cell({"fusion.name": "none"}, "B") == PublishedCell(0.75, None)
    assert not table.has_sd


def test_costs_are_kept_in_their_own_unit_and_scores_in_fractions():
    table = published_table("softattention-table9")
    flat = {"backbone.name": "densenet201", "fusion.name": "soft-attention", "metadata.fields": ALL}
    found = [table.cell(flat, metric=metric).value for metric in table.metrics]
    assert found == [20_200_000, 402, 0.89, 1000]
    assert published_table("softattention-table3").cell(flat, metric="megabytes").value == 80


def test_zoomes_accuracies_are_as_far_from_their_sensitivities_and_specificities_as_the_note_says():
    table = published_table("zoome-table1")
    rows = {
        "Maron": {"backbone.name": "resnet50", "fusion.name": "none"},
        "AlexNet": {"backbone.name": "alexnet", "fusion.name": "none"},
        "ZooME": {
            "backbone.name": "resnext50_32x4d",
            "backbone.gate": "zoom-se",
            "fusion.name": "metadata-embedding",
            "metadata.fields": ALL,
        },
    }
    note = next(note for note in table.notes if "1.8 %" in note)
    for name, flat in rows.items():
        sensitivity, specificity = (table.cell(flat, metric=each).value for each in ("sensitivity", "specificity"))
        assert f"{100 * (0.018 * sensitivity + 0.982 * specificity):.2f} ({name})" in note
    assert percent(table.rows[0].values["auc"]) == (85.85, 2.01)
    assert table.rows[0].label.startswith("Kaur")


def test_zoomes_two_tables_agree_on_zoome_and_the_gate_makes_the_difference():
    flat = {"backbone.name": "resnext50_32x4d", "fusion.name": "metadata-embedding", "metadata.fields": ALL}
    for name in ("zoome-table1", "zoome-table2"):
        assert percent(published_table(name).cell({**flat, "backbone.gate": "zoom-se"}, metric="auc")) == (92.23, 1.69)
    assert percent(published_table("zoome-table2").cell(flat, metric="auc")) == (86.78, 2.15)


def soft(backbone, *fields):
    return {"backbone.name": backbone, "fusion.name": "soft-attention", "metadata.fields": list(fields)}


def test_soft_attentions_class_means_are_those_of_its_own_averages():
    """Means over classes of Tables 6 and 7 against Table 8, printed with two digits."""
    classes = ("akiec", "bcc", "bkl", "df", "mel", "nv", "vasc")
    averages = published_table("softattention-table8")
    for backbone in ("mobilenetv2_100", "mobilenetv3_small_100", "mobilenetv3_large_100", "nasnetamobile"):
        for number, metric in ((6, "f1"), (7, "mcr")):
            table = published_table(f"softattention-table{number}")
            mean = np.mean([table.cell(soft(backbone, *ALL), name).value for name in classes])
            assert mean == pytest.approx(averages.cell(soft(backbone, *ALL), metric=metric).value, abs=0.0151)


def test_soft_attention_with_new_weights_is_its_row_with_metadata():
    four, five = published_table("softattention-table4"), published_table("softattention-table5")
    for backbone in ("inception_resnet_v2", "densenet201", "mobilenetv3_large_100"):
        flat = soft(backbone, *ALL)
        assert five.cell({**flat, "loss.class_weights": "balanced"}) == four.cell(flat)
        assert four.cell(soft(backbone)) != four.cell(flat)


def test_derm7pts_peers_average_their_eight_targets():
    for row in published_table("derm7pt-peers").rows[:2]:
        targets = [cell.value for name, cell in row.values.items() if name != "mean"]
        assert len(targets) == 8
        assert np.mean(targets) == pytest.approx(row.values["mean"].value, abs=0.002)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"metrics": ["kappa"]}, r"metrics \['kappa'\] do not fit"),
        ({"metrics": ["recall"]}, r"metrics \['recall'\] do not fit"),
        ({"metrics": []}, r"metrics \[\] do not fit"),
        ({"sd": False}, "is not 1 levels, a mean"),
        ({"metrics": ["mcr", "auc"]}, "is not 1 levels, a mean and an SD for each metric"),
        (
            {"metrics": ["recall"], "settings": ["fusion.name", "class"], "across": ["a", "b", "c"]},
            "does not run over a",
        ),
        ({"cells": [["none", 50.0]]}, "is not 1 levels, a mean and an SD"),
        ({"cells": [["none", 50.0, 1.0], ["none", 51.0, 1.0]]}, "stands twice"),
    ],
)
def test_faulty_files_are_refused(change, message):
    with pytest.raises(AnalysisError, match=message):
        read_published(DOCUMENT | change)
