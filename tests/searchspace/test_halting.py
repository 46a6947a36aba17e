"""A disk that is full or closed in the middle of a run: one line, exit code 74, nothing half-written, and it goes on.

Needs root, for a small disk of its own.
"""

import contextlib
import os
import subprocess
import sys
import time

import pytest

from analysis.accounting import account

FEW = ("--set", "scientific.metadata.fields=[[], [age]]", "--set", "training.epochs=20")
N_FITS = 15


@pytest.fixture
def small_disk(tmp_path):
    """A disk of 3 MB."""
    place = tmp_path / "disk"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=3m", "none", str(place)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("a disk cannot be mounted here")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


def fill(place) -> None:
    """Leave nothing free."""
    with contextlib.suppress(OSError), (place / "filler").open("wb", buffering=0) as stream:
        while stream.write(bytes(4096)):
            pass


def clear(place) -> None:
    (place / "filler").unlink()


def close(place) -> None:
    subprocess.run(["mount", "-o", "remount,ro", str(place)], check=True)


def open_again(place) -> None:
    subprocess.run(["mount", "-o", "remount,rw", str(place)], check=True)


def tables(out) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted((out / "tables").iterdir())}


@pytest.fixture(scope="module")
def expected(run, tmp_path_factory):
    out = tmp_path_factory.mktemp("expected") / "run"
    assert run("--out", out, "--executor", "inline", *FEW).returncode == 0
    return tables(out)


def assert_halted(code: int, printed: str, reason: str) -> None:
    assert code == 74, printed
    lines = [line for line in printed.splitlines() if line.strip()]
    assert len(lines) == 1, printed
    assert lines[0].startswith("stopped: cannot write "), printed
    assert reason in lines[0].lower()
    assert "run the same command again" in lines[0]


@pytest.mark.parametrize(
    ("executor", "shut", "mend", "reason"),
    [
        pytest.param("inline", fill, clear, "no space left on device"),
        pytest.param("warm", fill, clear, "no space left on device", marks=pytest.mark.slow),
        pytest.param("inline", close, open_again, "read-only file system", marks=pytest.mark.slow),
        pytest.param("warm", close, open_again, "read-only file system", marks=pytest.mark.slow),
    ],
)
def test_a_disk_that_gives_out_stops_the_run_clearly_and_it_goes_on(
    run, run_environment, small_disk, expected, tmp_path, executor, shut, mend, reason
):
    # A disk can be closed only while no file on it is open for writing, as those of TensorBoard are.
    out = small_disk / "run" if shut is fill else tmp_path / "run"
    ledger = small_disk / "ledger"
    given = ["--out", str(out), "--ledger", str(ledger), "--executor", executor, *FEW]
    process = subprocess.Popen(
        [sys.executable, "-m", "searchspace.run", "--no-report", *given],
        env=run_environment,
        cwd=tmp_path,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    while len(list((ledger / "fits").glob("[!.]*"))) < 2:
        assert process.poll() is None
        time.sleep(0.02)
    shut(small_disk)
    _, printed = process.communicate(timeout=120)
    mend(small_disk)
    assert_halted(process.returncode, printed, reason)
    found = account(str(out))
    assert found.violations == ()
    assert 0 < len(found.open) < N_FITS
    again = run(*given)
    assert again.returncode == 0, again.stderr
    assert tables(out) == expected
    assert account(str(out)).accounted


def test_a_disk_that_is_too_small_is_refused_before_anything_is_trained(run, small_disk):
    with (small_disk / "filler").open("wb") as stream:
        stream.write(bytes(3_000_000))
    result = run("--out", small_disk / "run", "--executor", "inline", *FEW)
    assert result.returncode == 2
    assert "needs about" in result.stderr
    assert not list(small_disk.rglob("*.json"))
