"""Runs read back from a synthetic ledger, and what an HTML page holds."""

import dataclasses
from html.parser import HTMLParser

import pytest
from matplotlib.figure import Figure

from analysis.figures.base import Drawn, draw
from analysis.ledger import Ledger
from analysis.ledger.identity import digest
from analysis.manifest import Manifest, PlannedConfiguration, PlannedFold, PlannedPart
from analysis.report import report_files
from analysis.run import Run, evaluate_run

ABLATION = {
    "name": "subsets",
    "title": "Metadata subsets",
    "rows": "metadata.fields",
    "columns": "fusion.name",
    "reference": {"fusion.name": "none"},
}
COMPARISONS = {"name": "against", "title": "Against", "kind": "comparisons", "reference": {"fusion.name": "none"}}
RECALL = {"name": "recall", "title": "Recall", "kind": "per-class-recall"}
COST = {"name": "cost", "title": "Cost", "kind": "cost"}
TABLES = (ABLATION, COMPARISONS, RECALL, COST)


def planned_part(study, ledger, skills, *, tables=TABLES, name="", role="grid", missing=(), failed=(), **changes):
    """Put fold fits of these skills, by (label, fusion, fields), into a ledger and return what was planned.

    `missing` and `failed` are pairs of a label and a (repeat, fold).
    """
    planned = []
    for seed, ((label, fusion, fields), skill) in enumerate(skills.items(), start=1):
        configuration = {"fusion": {"name": fusion}, "metadata": {"fields": list(fields)} if fields else {}}
        identifier = digest([label, configuration])[:12]
        fits = []
        for repeat, fold in study.planned:
            bad = {"state": "failed", "reason": "memory ran out"} if (label, (repeat, fold)) in failed else {}
            identity = {"arm": name, "label": label, "configuration": configuration, "repeat": repeat, "fold": fold}
            record = study.record(
                identifier, configuration, repeat, fold, **{"identity": identity | {"seed": 7}} | bad | changes
            )
            if (label, (repeat, fold)) not in missing:
                ledger.put(record, None if bad else study.frame(record, skill, seed))
            fits.append(PlannedFold(repeat=repeat, fold=fold, key=record.key))
        one = PlannedConfiguration(identifier=identifier, label=label, configuration=configuration, fits=tuple(fits))
        planned.append(one)
    return PlannedPart(
        name=name,
        role=role,
        fingerprint=study.cohort.fingerprint,
        folds={"plan": study.plan, "folds": study.folds, "repeats": study.repeats, "seed": 0},
        sample="image",
        trained_on="frozen features, no augmentation",
        factors=("fusion.name", "metadata.fields"),
        tables=tuple(tables),
        configurations=tuple(planned),
    )


SKILLS = {
    ("image only", "none", ()): 0.8,
    ("concat age", "concat", ("age",)): 2.2,
    ("multiply age", "multiply", ("age",)): 0.8,
    ("concat sex", "concat", ("sex",)): 0.3,
}


@pytest.fixture
def ledger(tmp_path):
    return Ledger(tmp_path / "ledger")


@pytest.fixture(scope="session")
def unchanged():
    """The run that is made without any change, once."""
    return {}


@pytest.fixture
def build_run(ledger, make_study, unchanged):
    """Return a function that makes a run: of one part by default, or of the parts that it is given."""

    def build(*skills, **changes) -> Run:
        if skills or changes:
            return make(*skills, **changes)
        if not unchanged:
            unchanged["run"] = make()
        return unchanged["run"]

    def make(skills=SKILLS, *, parts=None, manifest=None, search=(), study=None, replicates=0, **changes) -> Run:
        found = parts or (planned_part(study or make_study(), ledger, skills, **changes),)
        fields = {"study": "phantom-study", "question": "Does it help?", "software": "0.1.0"}
        return evaluate_run(
            Manifest(**fields | (manifest or {}), parts=found), ledger, "phantom", search=search, replicates=replicates
        )

    return build


@pytest.fixture
def whole_report(build_run, unchanged):
    """All files of the report of the unchanged run, with every figure; made once."""
    run = build_run()
    if "files" not in unchanged:
        unchanged["files"] = report_files(run)
    return unchanged["files"]


@pytest.fixture
def plan_part():
    return planned_part


@pytest.fixture
def one_figure(monkeypatch):
    """One quick figure in place of all; returns a function that changes it."""
    found = {}

    def change(**changes):
        found["figures"] = (dataclasses.replace(found["figures"][0], **changes),)

    def paint(figure: Figure) -> None:
        figure.add_subplot(title="a title").plot([0, 1])

    svg, pdf = draw("quick", (3, 2), paint)
    found["figures"] = (Drawn("quick", "Quick", "A line.", "A line from 0 to 1.", "results", svg, pdf),)
    monkeypatch.setattr("analysis.report.sections.FIGURES", {"quick": lambda run: found["figures"]})
    return change


class Page(HTMLParser):
    """What a page holds: its elements with their attributes, and the text of each element by tag."""

    VOID = ("meta", "br", "link", "img", "hr")

    def __init__(self, content: bytes) -> None:
        super().__init__()
        self.elements, self.texts, self.stack = [], [], []
        self.feed(content.decode("utf-8"))
        self.close()
        assert self.stack == []

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.stack.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.stack.pop() == tag

    def handle_data(self, data):
        self.texts.append((tuple(self.stack), data))

    def tags(self, name):
        return [attributes for tag, attributes in self.elements if tag == name]

    def text(self, within="body", without=("style", "script")):
        inside = [data for stack, data in self.texts if within in stack and not set(without) & set(stack)]
        return " ".join(" ".join(inside).split())


@pytest.fixture
def parse_page():
    return Page
