"""The node's cache stays within its limit: what was opened longest ago goes first, never what a process has open."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from models.errors import InputError
from trainables import cache_room, node_cache
from trainables.cache_room import cache_limit, entries, hold, note_of, remove_remains, room, size_in_words
from trainables.faults import NodeFault
from trainables.node_cache import cached_array, is_cached

ROOT = Path(__file__).parents[2]
SIZE = 10_000
"""Bytes of an array here, without the 128 of its header."""


def array(cache, name, size=SIZE):
    def fill(numbers):
        numbers[:] = 1

    return cached_array(cache, "test", {"name": name}, lambda: (size,), "uint8", fill)


def build(cache, *names, size=SIZE):
    """Build arrays as another process would that has ended: none is open. The first was opened longest ago."""
    for age, name in enumerate(reversed(names)):
        array(cache, name, size)
        (content,) = (entry.content for entry in entries(cache) if entry.content in cache_room._held)
        cache_room._release(content)
        os.utime(note_of(content), (time.time() - 100 * (age + 1),) * 2)


def names_in(cache):
    return {name for name in "abcdefgh" if is_cached(cache, "test", {"name": name})}


@pytest.fixture(autouse=True)
def nothing_open(monkeypatch):
    """No array of another test counts as open."""
    for content in list(cache_room._held):
        cache_room._release(content)
    monkeypatch.delenv("FUSESEARCH_CACHE_LIMIT", raising=False)


@pytest.fixture
def limited(monkeypatch):
    """35 KB: room for three arrays."""
    monkeypatch.setenv("FUSESEARCH_CACHE_LIMIT", "35KB")


@pytest.mark.parametrize(
    ("given", "size"),
    [("", None), ("50GB", 50 * 10**9), ("1.5 tb", 1_500 * 10**9), ("20M", 20 * 10**6), ("1000", 1000)],
)
def test_a_limit_is_a_size(monkeypatch, given, size):
    monkeypatch.setenv("FUSESEARCH_CACHE_LIMIT", given)
    assert cache_limit() == size


@pytest.mark.parametrize("given", ["much", "-1GB", "50 GiB", "1e9"])
def test_what_is_no_size_is_one_line(monkeypatch, given):
    monkeypatch.setenv("FUSESEARCH_CACHE_LIMIT", given)
    with pytest.raises(InputError, match=r"FUSESEARCH_CACHE_LIMIT=.*: give a size such as 50GB"):
        cache_limit()


def test_what_was_opened_longest_ago_goes_first(tmp_path, limited):
    build(tmp_path, "a", "b", "c")
    array(tmp_path, "d")
    assert names_in(tmp_path) == {"b", "c", "d"}
    array(tmp_path, "b")
    array(tmp_path, "e")
    assert names_in(tmp_path) == {"b", "d", "e"}


def test_what_this_process_has_open_stays_and_a_run_that_needs_more_is_told_so(tmp_path, limited):
    first = array(tmp_path, "a")
    array(tmp_path, "b")
    array(tmp_path, "c")
    with pytest.raises(NodeFault, match=r"has no room for test: 10 KB are needed and 5 KB can be had") as raised:
        array(tmp_path, "d")
    assert "FUSESEARCH_CACHE_LIMIT is 35 KB" in str(raised.value)
    assert "\n" not in str(raised.value)
    assert names_in(tmp_path) == {"a", "b", "c"}
    assert (first == 1).all()


def test_what_another_process_has_open_stays_while_it_lives(tmp_path, limited):
    build(tmp_path, "a", "b", "c")
    program = (
        "import sys; from pathlib import Path; from trainables.node_cache import cached_array\n"
        "cached_array(Path(sys.argv[1]), 'test', {'name': 'a'}, tuple, 'uint8', None)\n"
        "print('open', flush=True); sys.stdin.read()"
    )
    command = [sys.executable, "-c", program, str(tmp_path)]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout.readline() == b"open\n"
        build(tmp_path, "d")
        build(tmp_path, "e")
        assert "a" in names_in(tmp_path)
        assert room(tmp_path).idle == 2 * (SIZE + 128)
        other.kill()
    for name in "ade":
        os.utime(note_of(node_cache._path(tmp_path, "test", {"name": name})), (0 if name == "a" else 1,) * 2)
    build(tmp_path, "f")
    assert names_in(tmp_path) == {"d", "e", "f"}


def test_without_a_limit_the_disk_keeps_a_reserve(tmp_path, monkeypatch):
    build(tmp_path, "a", "b")
    disk = cache_room.shutil.disk_usage(tmp_path)
    nearly_full = disk._replace(total=100 * 10**9, free=10**9 + 5000)
    monkeypatch.setattr(cache_room.shutil, "disk_usage", lambda place: nearly_full)
    assert room(tmp_path).free == 5000
    array(tmp_path, "c")
    assert names_in(tmp_path) == {"b", "c"}
    with pytest.raises(NodeFault, match="the disk is nearly full"):
        array(tmp_path, "d", 10**6)


def test_what_a_killed_builder_left_goes_and_what_one_is_building_stays(tmp_path):
    (tmp_path / "test").mkdir()
    dead, alive = (tmp_path / "test" / f"{name}.partial" for name in ("dead", "alive"))
    for partial in (dead, alive):
        partial.write_bytes(bytes(100))
    with cache_room.FileLock(f"{alive.with_suffix('.npy')}.lock"):
        remove_remains(tmp_path)
        assert (dead.exists(), alive.exists()) == (False, True)
    array(tmp_path, "a")
    assert not list(tmp_path.rglob("*.partial"))


def test_a_mirror_makes_way_as_an_array_does(tmp_path, limited):
    mirror = tmp_path / "data" / "0123"
    mirror.mkdir(parents=True)
    (mirror / "image.jpg").write_bytes(bytes(SIZE))
    note_of(mirror).write_text(json.dumps({"uri": "s3://bucket/data", "bytes": SIZE}))
    os.utime(note_of(mirror), (0, 0))
    build(tmp_path, "a", "b")
    hold(mirror)
    array(tmp_path, "c")
    assert mirror.exists()
    cache_room._release(mirror)
    os.utime(note_of(mirror), (0, 0))
    array(tmp_path, "d")
    assert not mirror.exists()
    assert not note_of(mirror).exists()


def test_a_process_keeps_only_the_last_ones_it_opened(tmp_path, monkeypatch):
    monkeypatch.setattr(cache_room, "MOST_HELD", 2)
    for name in "abc":
        array(tmp_path, name)
    assert len(cache_room._held) == 2
    assert room(tmp_path).idle == SIZE + 128


def test_damaged_notes_are_passed_over(tmp_path):
    build(tmp_path, "a")
    (tmp_path / "test" / "other.json").write_text("[1]")
    (tmp_path / "test" / "none.json").write_text("{}")
    assert [entry.size for entry in entries(tmp_path)] == [SIZE + 128]
    assert np.array_equal(array(tmp_path, "a"), np.ones(SIZE))


@pytest.mark.parametrize(("size", "words"), [(0, "0 KB"), (532_400, "532 KB"), (2.9e9, "2.9 GB"), (1e12, "1.0 TB")])
def test_sizes_in_words(size, words):
    assert size_in_words(size) == words
