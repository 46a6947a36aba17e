"""MetaNet's tables and the search over their factors: every configuration is the paper's, every table can be filled."""

import pytest

from analysis.evaluation import evaluate
from analysis.published import published_table
from analysis.tables import check_tables
from analysis.tables.dimensions import flat
from searchspace.grid import expand
from searchspace.points import configuration_at
from searchspace.search.space import DeclaredSpace
from searchspace.study_files import read_study

GRIDS = {"metanet-table1": 18, "metanet-table2": 3, "metanet-table3": 8, "metanet-table4": 8}


@pytest.fixture
def study(tmp_path):
    return lambda name, *overrides: read_study(name, overrides, tmp_path)


def unevaluated(configurations):
    return [
        evaluate(one.identifier, one.canonical(), label, [(0, fold) for fold in range(5)], [], {})
        for label, one in configurations.items()
    ]


@pytest.mark.parametrize(("name", "size"), GRIDS.items())
def test_every_configuration_has_its_published_figure_and_every_table_can_be_laid_out(study, name, size):
    one = study(name)
    configurations = expand(one)
    published = published_table(name)
    class_name = "mel" if "recall" in published.metrics else None
    assert len(configurations) == size
    assert all(published.cell(flat(c.canonical()), class_name) for c in configurations.values())
    check_tables(one.tables, unevaluated(configurations), ["diagnosis"])


def test_the_paper_s_recipe_is_used_and_pnasnet_sees_larger_images(study):
    configurations = list(expand(study("metanet-table1")).values())
    assert {c.fine_tuned for c in configurations} == {True}
    sizes = {c.backbone.name: (c.image.size, c.input_size) for c in configurations}
    assert sizes.pop("pnasnet5large") == ((441, 441), (331, 331))
    assert set(sizes.values()) == {((300, 300), (224, 224))}
    assert {(c.training.batch_size, c.training.steps, c.loss.class_weights) for c in configurations} == {
        (32, (50, 120, 200), "complement")
    }


def test_the_tables_share_their_common_fold_fits(study):
    one, two, three, four = ({c.identifier for c in expand(study(name)).values()} for name in GRIDS)
    assert two < one
    assert len(one & three) == 2  # image only and all fields
    assert len(one & four) == 1  # multiply with two layers


def test_folds_are_grouped_unless_the_paper_s_are_asked_for(study):
    assert study("metanet-table1").folds.plan == "grouped"
    assert study("metanet-table1", "folds.plan=paper").folds.plan == "image-level"
    assert study("metanet-table1", "folds.plan=paper", "folds.file=folds.csv").folds.plan == "from-file"


def test_a_reduced_table_1_can_be_laid_out(study):
    one = study(
        "metanet-table1",
        "scientific.backbone.name=[mobilenetv1_025, test_resnet]",
        "image.size=[96, 96]",
        "augmentation.crop=[64, 64]",
        "backbone.weights=none",
        "training.epochs=2",
        "training.steps=[1]",
    )
    configurations = expand(one)
    assert {c.input_size for c in configurations.values()} == {(64, 64)}
    check_tables(one.tables, unevaluated(configurations), ["diagnosis"])


def test_the_search_varies_the_five_factors_and_two_rates_and_every_point_is_possible(study):
    search = study("metanet-search")
    space = DeclaredSpace(search.search)
    varied = {"backbone.name", "fusion.name", "metadata.fields", "fusion.depth", "loss.name"}
    assert varied | {"training.learning_rate", "training.weight_decay"} < set(space.factors)
    points = space.probe(100)
    configurations = [configuration_at(search, point) for point in points]
    assert {c.loss.name for c in configurations} == {"cross-entropy", "weighted-cross-entropy", "focal"}
    assert {c.training.inner_share for c in configurations} == {0.1}
    check_tables(search.tables, [], ["diagnosis"], search=True)


def test_the_search_starts_at_the_paper_s_own_point(study):
    search = study("metanet-search")
    space = DeclaredSpace(search.search)
    assert len(space.starting_points(search.strategy.start)) == 1
    start = configuration_at(search, search.strategy.start[0]).canonical()
    assert published_table("metanet-table1").cell(flat(start)).value == 0.8764
