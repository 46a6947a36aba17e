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


def test_there_are_metanets_four_tables():
    assert published_names() == ("metanet-table1", "metanet-table2", "metanet-table3", "metanet-table4")
    assert [len(published_table(name).cells) for name in published_names()] == [18, 21, 8, 8]
    assert all(published_table(name).name == name for name in published_names())


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
    with pytest.raises(AnalysisError, match=r"no published table 'metanet-table9' \(there are: metanet-table1, "):
        published_table("metanet-table9")


DOCUMENT = {
    "name": "t",
    "source": "s",
    "metric": "mcr",
    "cohort": "c",
    "split": "by image",
    "settings": ["fusion.name"],
    "cells": [["none", 50.0, None]],
}


def test_a_paper_may_print_no_sd():
    assert read_published(DOCUMENT).cell({"fusion.name": "none"}) == PublishedCell(0.5, None)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"metric": "f1"}, "metric 'f1' does not fit"),
        ({"metric": "recall"}, "metric 'recall' does not fit"),
        ({"cells": [["none", 50.0]]}, "is not 1 levels, a mean and an SD"),
        ({"cells": [["none", 50.0, 1.0], ["none", 51.0, 1.0]]}, "stands twice"),
    ],
)
def test_faulty_files_are_refused(change, message):
    with pytest.raises(AnalysisError, match=message):
        read_published(DOCUMENT | change)
