"""Whatever the bytes of any file of a run are: a report, an account or one line; never a trace, never a silent loss."""

import random
import shutil

import pytest
from accounted_runs import make_run

import analysis.account
from analysis.errors import AnalysisError
from analysis.loading import load_run
from analysis.report.integrity import integrity

NASTY = (
    b"",
    b"{",
    b"[]",
    b"null",
    b"[" * 100_000,
    b"\xff\xfe",
    b"1e999",
    b'{"schema": 1}',
    b'{"version": 1, "entry": 5}',
)


@pytest.fixture(scope="module")
def sound(tmp_path_factory, make_study):
    study = make_study(folds=3, lesions=(6, 6, 6))
    return make_run(tmp_path_factory.mktemp("sound") / "run", study, role="search")


def spoiled(content: bytes, dice: random.Random) -> bytes:
    """Other bytes: one of the nasty ones, a piece, or a few bytes changed."""
    if dice.random() < 0.3 or not content:
        return dice.choice(NASTY)
    if dice.random() < 0.4:
        return content[: dice.randrange(len(content))]
    changed = bytearray(content)
    for _ in range(dice.randrange(1, 5)):
        changed[dice.randrange(len(changed))] = dice.randrange(256)
    return bytes(changed)


def check(sound, folder, seed, capsys):
    """Spoil one file of a copy and read it every way."""
    dice = random.Random(seed)
    shutil.copytree(sound.folder, folder)
    files = sorted(path for path in folder.rglob("*") if path.is_file() and "studies" not in path.parts)
    chosen = dice.choice(files)
    before = chosen.read_bytes()
    chosen.write_bytes(spoiled(before, dice))
    code = analysis.account.run_command([str(folder)])
    out, err = capsys.readouterr()
    assert code in (1, 2) or chosen.read_bytes() == before, (chosen, out)
    assert "fault" not in err
    assert err.count("\n") == (code == 2), err
    try:
        checks = [one for part in integrity(load_run(folder)) for one in part.checks]
    except AnalysisError as error:
        told = str(error).count("\n") == 0
    else:
        told = chosen.read_bytes() == before or any(one.state == "warning" for one in checks)
    assert told, chosen


@pytest.mark.parametrize("seed", range(12))
def test_any_bytes_in_any_file_of_a_run(sound, tmp_path, capsys, seed):
    check(sound, tmp_path / "run", seed, capsys)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(100, 400))
def test_any_bytes_in_any_file_of_a_run_at_length(sound, tmp_path, capsys, seed):
    check(sound, tmp_path / "run", seed, capsys)
