"""A run of one or several parts made of synthetic studies, as `load_run` gives it."""

import pytest

from analysis.manifest import Manifest, PlannedPart
from analysis.run import Part, Run
from analysis.tables import TableSpecification

ABLATION = {
    "name": "subsets",
    "title": "Metadata subsets",
    "rows": "metadata.fields",
    "columns": "fusion.name",
    "reference": {"fusion.name": "none"},
}
COMPARISONS = {"name": "against", "title": "Against", "kind": "comparisons", "reference": {"fusion.name": "none"}}


def made_part(study, results, tables=(ABLATION,), *, name="", role="grid") -> Part:
    """Return one evaluated part of a run with these tables."""
    planned = PlannedPart(
        name=name,
        role=role,
        fingerprint=study.cohort.fingerprint,
        folds={},
        sample="image",
        trained_on="",
        factors=(),
        tables=(),
        configurations=(),
    )
    specifications = tuple(TableSpecification(**table) for table in tables)
    return Part(planned, specifications, tuple(results), study.context(results, sample="image"))


def made_run(*parts: Part) -> Run:
    """Return a run of these parts."""
    return Run(Manifest(study="phantom-study", question="Does it help?", parts=()), "phantom", parts)


@pytest.fixture
def make_part():
    return made_part


@pytest.fixture
def make_run():
    return made_run


@pytest.fixture
def subsets(metadata_study):
    """MetaNet's Table 3 in small: image only, two subsets by two fusions; concat with age is much better."""
    study, results = metadata_study
    return made_part(study, results, (ABLATION, COMPARISONS))
