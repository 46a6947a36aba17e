"""Storage refuses what it cannot open in one line, removes files only, and clears what killed writers left."""

import os
import re
import time

import pytest

from analysis.errors import AnalysisError, StorageError
from analysis.ledger.storage import Storage


@pytest.mark.parametrize(
    ("location", "message"),
    [
        ("abfs://x@y/z", r"cannot open abfs://x@y/z: give a local folder or a URI of file, s3, gs, gcs"),
        ("://", "cannot open ://: give a local folder"),
        ("s3://", "cannot open s3://"),
        ("gs://", "cannot open gs://"),
        ("runs/\udcff", r"cannot open 'runs/\\udcff': the name is no UTF-8"),
        ("a\0b", r"cannot open 'a\\x00b': the name has a NUL character"),
    ],
)
def test_what_cannot_be_opened_is_one_line(location, message):
    with pytest.raises(AnalysisError, match=message) as raised:
        Storage(location)
    assert "\n" not in str(raised.value)


def test_only_files_are_removed_and_one_that_is_gone_is_no_error(tmp_path):
    storage = Storage(tmp_path)
    storage.write("tables/a.md", b"a")
    with pytest.raises(AnalysisError, match="cannot remove tables in "):
        storage.remove("tables")
    storage.remove("tables/a.md")
    storage.remove("tables/a.md")
    assert list((tmp_path / "tables").iterdir()) == []


def test_leftovers_of_killed_writers_go_when_they_are_old(tmp_path):
    mark = "0123456789abcdef" * 2
    old, young, others = f".a.md.{mark}", f".b.md.{mark}", (f".c.txt.{mark}", ".d.md.0123", "a.md", f".e.md.{mark}x")
    for name in (old, young, *others):
        (tmp_path / name).write_text("half")
        os.utime(tmp_path / name, (time.time() - 100,) * 2)
    os.utime(tmp_path / young)
    storage = Storage(tmp_path.parent)
    storage.remove_leftovers(tmp_path.name, of=re.compile(r".*\.md"), seconds=60)
    assert {path.name for path in tmp_path.iterdir()} == {young, *others}
    storage.remove_leftovers("nowhere", of=re.compile(".*"), seconds=0)


def test_what_would_block_or_never_end_is_not_read(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "endless").symlink_to("/dev/zero")
    for name in ("pipe", "endless"):
        with pytest.raises(StorageError, match=rf"cannot read {name} in .*it is no regular file"):
            Storage(tmp_path).read(name)
