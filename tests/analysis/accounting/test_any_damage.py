"""Whatever is damaged together: each fold fit is in one state, each damage is told once, and nothing else is told."""

import shutil
import tempfile
from collections import Counter
from pathlib import Path

import pytest
from accounted_runs import FUSIONS, make_run
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.accounting import account
from analysis.accounting.findings import STATES

MARK = "0123456789abcdef" * 2
FITS = [(number, fold) for number in range(len(FUSIONS)) for fold in range(3)]
DAMAGES = ("gone", "record gone", "record damaged", "predictions damaged", "checkpoint", "aside")
ENTRIES = ("running", "damaged")


@pytest.fixture(scope="module", params=["grid", "search"])
def sound(tmp_path_factory, make_study, request):
    study = make_study(folds=3, lesions=(6, 6, 6))
    return make_run(tmp_path_factory.mktemp(request.param) / "run", study, role=request.param)


def damage(ledger: Path, key: str, kind: str) -> None:
    """Do to the files of one fold fit what a crash, a disk or a hand may do."""
    record, predictions = ledger / "fits" / f"{key}.json", ledger / "predictions" / f"{key}.parquet"
    if kind in ("gone", "record gone"):
        record.unlink(missing_ok=True)
    if kind == "gone":
        predictions.unlink(missing_ok=True)
    if kind == "record damaged" and record.exists():
        record.write_bytes(record.read_bytes()[:-9])
    if kind == "predictions damaged" and predictions.exists():
        predictions.write_bytes(b"x" + predictions.read_bytes()[1:])
    if kind in ("checkpoint", "aside"):
        folder = ledger / ("checkpoints" if kind == "checkpoint" else "fits")
        folder.mkdir(exist_ok=True)
        name = f"{key}.pt" if kind == "checkpoint" else f".{key}.json.{MARK}"
        (folder / name).write_bytes(b"half")


def expected(run, damages: dict[tuple[int, int], str]) -> Counter:
    """Count the violations of a grid that has ended, by kind."""
    found: Counter = Counter()
    for place, kind in damages.items():
        done = place[0] != 3
        if kind in ("gone", "record gone"):
            found["lost"] += 1
            found["remains"] += kind == "record gone" and done
        elif kind == "record damaged" or (kind == "predictions damaged" and done):
            found["unreadable"] += 1
        elif kind in ("checkpoint", "aside"):
            found["remains"] += 1
    return +found


@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    damages=st.dictionaries(st.sampled_from(FITS), st.sampled_from(DAMAGES), max_size=6),
    entries=st.dictionaries(st.integers(0, 3), st.sampled_from(ENTRIES), max_size=2),
    ended=st.sampled_from([True, False, None]),
)
def test_each_damage_is_told_and_nothing_else(sound, damages, entries, ended):
    with tempfile.TemporaryDirectory() as folder:
        run = make_copy(sound, Path(folder) / "run")
        run.plan(ended=ended)
        for (number, fold), kind in damages.items():
            damage(run.folder / "ledger", run.key(number, fold), kind)
        for number, kind in entries.items() if run.part.role == "search" else ():
            path = run.folder / "search" / f"{number:06d}.json"
            if kind == "damaged":
                path.write_bytes(path.read_bytes()[:-9])
            else:
                run.write_entry(run.entries[number], state="running", told=None)
        found = account(run.folder)
        check_states(run, found)
        if run.part.role == "search":
            told = "\n".join(one.text for one in (*found.violations, *found.remains))
            assert all(f"search/{number:06d}.json" in told for number in entries)
            assert found.accounted or ended is False or told or found.open
        else:
            kinds = Counter(one.kind for one in (*found.violations, *found.remains))
            wanted = expected(run, damages)
            lost = wanted.pop("lost", 0)
            assert kinds == wanted + Counter({"lost": lost} if ended else {})
            assert found.accounted == (not damages or not (kinds or lost))


def make_copy(sound, folder: Path):
    shutil.copytree(sound.folder, folder)
    return type(sound)(folder, sound.study, sound.part, sound.records)


def check_states(run, found) -> None:
    """Each planned fold fit stands once, in one state, and one that is not done says why."""
    assert [(fit.configuration, fit.fold) for fit in found.fits] == [(f"id{number}", fold) for number, fold in FITS]
    assert sum(found.counts.values()) == len(FITS)
    for fit in found.fits:
        assert fit.state in STATES
        assert (fit.reason is None) == (fit.state in ("done", "open"))
        has_record = (run.folder / "ledger" / "fits" / f"{fit.key}.json").exists()
        assert has_record or fit.state not in ("done", "diverged")
