"""Stored activation maps: they come back as they were, damage is noticed, and pictures are kept once and apart."""

import dataclasses
import io

import numpy as np
import pytest

from analysis.activation_maps import ActivationMaps, MapFaults, map_faults, read_maps, write_maps
from analysis.errors import AnalysisError
from analysis.ledger.storage import Storage

KEY = "ab" * 32


def made_up(n: int = 5, seed: int = 0, scale: float = 1.0) -> ActivationMaps:
    rng = np.random.default_rng(seed)
    return ActivationMaps(
        target="diagnosis",
        classes=("a", "b, 'quoted'", "ü"),
        images=("clinical", "dermoscopy"),
        samples=np.array([f"image {number}" for number in range(n)]),
        labels=rng.integers(0, 3, n),
        decisions=rng.integers(0, 3, n),
        probabilities=rng.dirichlet([1, 1, 1], n).astype(np.float32),
        maps=(scale * rng.normal(size=(n, 2, 2, 3, 4))).astype(np.float32),
        pictures=rng.integers(0, 256, (n, 2, 6, 8, 3)).astype(np.uint8),
    )


@pytest.mark.parametrize("scale", [1e-9, 1.0, 1e9])
def test_maps_come_back_to_the_precision_of_float16_whatever_their_size(scale, tmp_path):
    storage, found = Storage(tmp_path), made_up(scale=scale)
    write_maps(storage, KEY, found)
    again = read_maps(storage, KEY)
    for name in ("samples", "labels", "decisions", "probabilities", "pictures"):
        np.testing.assert_array_equal(getattr(again, name), getattr(found, name))
    assert (again.target, again.classes, again.images) == (found.target, found.classes, found.images)
    peaks = np.abs(found.maps).max(axis=(2, 3, 4), keepdims=True)
    assert np.abs((again.maps - found.maps) / peaks).max() < 2**-11


def test_maps_of_nothing_but_zero_and_of_no_samples_come_back(tmp_path):
    storage = Storage(tmp_path)
    for found in (dataclasses.replace(made_up(), maps=np.zeros((5, 2, 2, 3, 4), np.float32)), made_up(0)):
        write_maps(storage, KEY, found)
        np.testing.assert_array_equal(read_maps(storage, KEY).maps, found.maps)


def test_the_same_maps_are_the_same_bytes_and_pictures_are_stored_once(tmp_path):
    storage = Storage(tmp_path)
    write_maps(storage, KEY, made_up())
    write_maps(storage, "cd" * 32, dataclasses.replace(made_up(), maps=made_up(seed=1).maps))
    first = (tmp_path / "maps" / f"{KEY}.npz").read_bytes()
    write_maps(storage, KEY, made_up())
    assert (tmp_path / "maps" / f"{KEY}.npz").read_bytes() == first
    assert len(list((tmp_path / "pictures").iterdir())) == 1


def test_without_the_pictures_the_maps_remain(tmp_path):
    storage = Storage(tmp_path)
    write_maps(storage, KEY, made_up())
    (picture,) = (tmp_path / "pictures").iterdir()
    picture.write_bytes(picture.read_bytes()[:-40])
    assert read_maps(storage, KEY).pictures is None
    picture.unlink()
    assert read_maps(storage, KEY).pictures is None
    write_maps(storage, KEY, dataclasses.replace(made_up(), pictures=None))
    assert read_maps(storage, KEY).pictures is None
    assert list((tmp_path / "pictures").iterdir()) == []


def test_none_are_stored(tmp_path):
    assert read_maps(Storage(tmp_path), KEY) is None


def test_damage_is_an_error_of_one_line(tmp_path):
    storage = Storage(tmp_path)
    write_maps(storage, KEY, made_up())
    path = tmp_path / "maps" / f"{KEY}.npz"
    whole = path.read_bytes()
    with np.load(io.BytesIO(whole)) as archive:
        arrays = {name: archive[name] for name in archive.files}
    changed, short, pickled = io.BytesIO(), io.BytesIO(), io.BytesIO()
    np.savez(changed, **arrays | {"labels": arrays["labels"] + 1})
    np.savez(short, sha256=arrays["sha256"])
    np.savez(pickled, **arrays | {"labels": np.array([{}], dtype=object)})
    contents = [changed, short, pickled]
    for content in (whole[: len(whole) // 2], b"", b"no archive", *(each.getvalue() for each in contents)):
        path.write_bytes(content)
        with pytest.raises(AnalysisError, match=r"^activation maps of fold fit abababababab .*") as raised:
            read_maps(storage, KEY)
        assert "\n" not in str(raised.value)


def test_damaged_files_and_removed_pictures_are_told(tmp_path):
    storage, other = Storage(tmp_path), "cd" * 32
    write_maps(storage, KEY, made_up())
    write_maps(storage, other, made_up())
    keys = [KEY, other, "ef" * 32]
    assert map_faults(storage, keys) == MapFaults({}, 0)
    (picture,) = (tmp_path / "pictures").iterdir()
    whole = picture.read_bytes()
    picture.write_bytes(whole[:-40])
    (tmp_path / "maps" / f"{KEY}.npz").write_bytes(b"")
    found = map_faults(storage, keys)
    assert set(found.damaged) == {f"maps/{KEY}.npz", f"pictures/{picture.name}"}
    assert all("delete the file to do without" in reason for reason in found.damaged.values())
    picture.unlink()
    assert map_faults(storage, [other]) == MapFaults({}, 1)
