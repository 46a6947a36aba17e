"""Whatever a study file, a setting, a table or a record holds: one line and exit code 2, or a plan; never a trace."""

import random

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from searchspace.command_line import run_command

plain = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**30), 10**30) | st.floats() | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
STUDY = {
    "name": "small",
    "question": "Is it refused?",
    "cohort": {"name": "phantom", "lesions": 40, "size": 16},
    "folds": {"folds": 2},
    "fixed": {
        "backbone": {"name": "test_resnet", "weights": "none"},
        "image": {"size": [16, 16]},
        "training": {"epochs": 1, "batch_size": 8},
    },
    "scientific": {"fusion.name": ["concat", "multiply"], "metadata.fields": [["age"]]},
    "tables": [
        {"name": "t", "title": "T", "kind": "ablation", "rows": "metadata.fields", "columns": "fusion.name",
         "metrics": ["mcr"], "reference": {"fusion.name": "concat"}}
    ],
}  # fmt: skip
QUICK = settings(deadline=None, max_examples=40, suppress_health_check=list(HealthCheck), derandomize=True)


@pytest.fixture(scope="module", autouse=True)
def own_cache(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FUSESEARCH_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


def refused_or_planned(capsys, *arguments: str) -> None:
    capsys.readouterr()
    code = run_command([*arguments, "--dry-run"])
    out, err = capsys.readouterr()
    assert code in (0, 2), err
    assert "Traceback" not in out + err
    if code == 2:
        assert err.startswith("error: ")
        assert len(err.strip().splitlines()) == 1, err


def places(document, path=()):
    """Every place in a nested document."""
    yield path
    items = (
        document.items() if isinstance(document, dict) else enumerate(document) if isinstance(document, list) else ()
    )
    for key, value in items:
        yield from places(value, (*path, key))


def replaced(document, path, value):
    """The document with another value at a place."""
    if not path:
        return value
    copy = dict(document) if isinstance(document, dict) else list(document)
    copy[path[0]] = replaced(copy[path[0]], path[1:], value)
    return copy


@QUICK
@given(place=st.sampled_from(list(places(STUDY))[1:]), value=plain)
def test_any_value_anywhere_in_a_study(tmp_path_factory, capsys, place, value):
    path = tmp_path_factory.mktemp("study") / "study.yaml"
    path.write_text(yaml.safe_dump(replaced(STUDY, place, value), allow_unicode=True), encoding="utf-8")
    refused_or_planned(capsys, str(path), "--out", str(path.parent / "run"))
    assert not (path.parent / "run").exists()


@QUICK
@given(content=st.binary(max_size=60))
def test_any_bytes_as_a_study_file(tmp_path_factory, capsys, content):
    path = tmp_path_factory.mktemp("study") / "study.yaml"
    path.write_bytes(content)
    refused_or_planned(capsys, str(path))


@pytest.mark.parametrize(
    "text",
    [
        "a: &a [x, x]\nb: &b [*a, *a]\nc: &c [*b, *b]\nd: [*c, *c]\n",
        "!!python/object/apply:os.system ['echo harm']",
        "name: !!python/name:os.system",
        "a: 1\na: 2\n",
        "? [1, 2]\n: 3\n",
        "- " * 5000,
        "name: \x00",
        "--- a\n--- b\n",
    ],
)
def test_nasty_study_files(tmp_path, capsys, text):
    path = tmp_path / "study.yaml"
    path.write_text(text)
    assert run_command([str(path), "--dry-run"]) == 2
    err = capsys.readouterr().err
    assert err.startswith("error: ")
    assert len(err.strip().splitlines()) == 1


@QUICK
@given(
    key=st.sampled_from(["training.epochs", "folds", "cohort.lesions", "scientific.fusion.name", "x", ""]),
    value=st.text(max_size=10),
)
def test_any_setting(capsys, key, value):
    refused_or_planned(capsys, "quickstart", "--set", f"{key}={value}")


@pytest.mark.parametrize("seed", range(6))
def test_tables_of_random_cells(tmp_path, capsys, seed):
    dice = random.Random(seed)
    cells = ["", "a", "=1+1", "nan", "1e999", "\x00", '"', "é", "-1", "a,b", "\u202e"]
    rows = [",".join(dice.choice(cells) for _ in range(dice.randrange(1, 6))) for _ in range(12)]
    (tmp_path / "cases.csv").write_text(
        "id,file,label,age\n" + "\n".join(rows), encoding=dice.choice(["utf-8", "utf-16"])
    )
    (tmp_path / "images").mkdir()
    cohort = {
        "name": "table", "label": "x", "csv": "cases.csv", "id": "id", "image_folder": "images",
        "images": {"dermoscopy": "file"}, "targets": {"diagnosis": {"column": "label"}},
        "fields": {"age": {"column": "age", "kind": "number"}},
    }  # fmt: skip
    (tmp_path / "study.yaml").write_text(yaml.safe_dump(STUDY | {"cohort": cohort}))
    assert run_command([str(tmp_path / "study.yaml"), "--data", str(tmp_path), "--dry-run"]) == 2
    err = capsys.readouterr().err
    assert err.startswith("error: ")
    assert "Traceback" not in err
