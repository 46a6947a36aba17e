"""Colour constancy by hand, preparation to size, and the node cache: built once, never half, rebuilt after a kill."""

import multiprocessing
import time

import numpy as np
import pytest
from array_cohorts import cohort_of
from hypothesis import given, settings
from hypothesis import strategies as st

from models.errors import InputError
from trainables.images import ImageSettings, open_pixels, prepare, shades_of_grey
from trainables.node_cache import cached_array, default_cache


def test_shades_of_grey_by_hand():
    # One colour (200, 100, 50): every Minkowski mean is the colour itself, so the illuminant is (200, 100, 50) / |.|,
    # |.| = 229.13, and every channel becomes 229.13 / sqrt(3) = 132.29 -> 132.
    image = np.full((4, 5, 3), (200, 100, 50), np.uint8)
    assert (shades_of_grey(image) == 132).all()


def test_shades_of_grey_with_power_one_is_grey_world():
    # Channel means 0.4, 0.2, 0.2 (of 255): |.| = sqrt(.24) = .4899; gains 1 / (e sqrt 3) = .7071, 1.4142, 1.4142.
    image = np.zeros((1, 2, 3), np.uint8)
    image[0, 0], image[0, 1] = (51, 51, 51), (153, 51, 51)
    np.testing.assert_array_equal(shades_of_grey(image, 1.0)[0], [[36, 72, 72], [108, 72, 72]])


def test_saturated_pixels_do_not_move_the_illuminant():
    image = np.full((4, 4, 3), (200, 100, 50), np.uint8)
    glare = image.copy()
    glare[0, 0] = 255
    np.testing.assert_array_equal(shades_of_grey(glare)[1:], shades_of_grey(image)[1:])


@pytest.mark.parametrize("value", [0, 255])
def test_an_image_without_usable_light_is_left_alone(value):
    image = np.full((3, 3, 3), value, np.uint8)
    np.testing.assert_array_equal(shades_of_grey(image), image)


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 254), st.sampled_from([1.0, 6.0]))
def test_a_grey_image_stays(grey, power):
    image = np.full((2, 2, 3), grey, np.uint8)
    np.testing.assert_array_equal(shades_of_grey(image, power), image)


@settings(max_examples=30, deadline=None)
@given(
    st.integers(1, 60), st.integers(1, 60), st.integers(1, 40), st.integers(1, 40), st.sampled_from(["stretch", "crop"])
)
def test_every_image_comes_out_in_size(height, width, to_height, to_width, resize):
    image = np.full((height, width, 3), 77, np.uint8)
    out = prepare(image, ImageSettings(size=(to_height, to_width), resize=resize))
    assert out.shape == (to_height, to_width, 3)
    assert (out == 77).all()


def test_crop_keeps_the_aspect_ratio_and_the_centre():
    # A disc of diameter 40 in the centre of 100 x 200, cropped to a square of half the size, is still a disc, of 20.
    rows, columns = np.mgrid[:100, :200]
    disc = ((rows - 49.5) ** 2 + (columns - 99.5) ** 2 < 20**2)[..., None] * np.full(3, 255, np.uint8)
    out = prepare(disc.astype(np.uint8), ImageSettings(size=(50, 50), resize="crop"))[..., 0] > 127
    assert abs(int(out.any(axis=0).sum()) - 20) <= 1
    assert abs(int(out.any(axis=1).sum()) - 20) <= 1
    stretched = prepare(disc.astype(np.uint8), ImageSettings(size=(50, 50)))[..., 0] > 127
    assert abs(int(stretched.any(axis=0).sum()) - 10) <= 1


def test_settings_without_effect_are_not_part_of_the_identity():
    assert "power" not in ImageSettings().canonical()
    assert ImageSettings(colour_constancy="shades-of-grey").canonical()["power"] == 6.0


def test_pixels_are_decoded_once_and_have_an_axis_for_images(tmp_path):
    cohort = cohort_of(list("abc"), images=("clinical", "dermoscopy"))
    settings = ImageSettings(size=(8, 6))
    first = open_pixels(cohort, settings, tmp_path, workers=2)
    assert first.shape == (3, 2, 8, 6, 3)
    assert first[2, 1, 0, 0].tolist() == [2, 2, 2]
    (tmp_path / "pixels").joinpath(next((tmp_path / "pixels").glob("*.npy")).name).stat()

    class Unreadable:
        def read(self, row, image):
            raise OSError("gone")

    object.__setattr__(cohort, "images", Unreadable())
    np.testing.assert_array_equal(open_pixels(cohort, settings, tmp_path, workers=1), first)
    with pytest.raises(InputError, match=r"'s000\d': its clinical image cannot be read: gone"):
        open_pixels(cohort, ImageSettings(size=(9, 9)), tmp_path, workers=1)
    assert not list(tmp_path.rglob("*.partial"))


def _slow_fill(array):
    time.sleep(0.5)
    array[:] = 7


def _build(cache, started):
    def fill(array):
        with started.get_lock():
            started.value += 1
        _slow_fill(array)

    assert (cached_array(cache, "test", {"a": 1}, lambda: (4,), "uint8", fill) == 7).all()


def test_only_one_of_several_processes_builds(tmp_path):
    context = multiprocessing.get_context("fork")
    started = context.Value("i", 0)
    workers = [context.Process(target=_build, args=(tmp_path, started)) for _ in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(30)
    assert [worker.exitcode for worker in workers] == [0, 0, 0]
    assert started.value == 1


def test_a_killed_builder_leaves_nothing_that_counts(tmp_path):
    context = multiprocessing.get_context("fork")
    started = context.Value("i", 0)
    builder = context.Process(target=_build, args=(tmp_path, started))
    builder.start()
    while started.value == 0:
        time.sleep(0.01)
    builder.kill()
    builder.join(30)
    assert not list(tmp_path.rglob("*.npy"))
    _build(tmp_path, started)
    assert started.value == 2


def test_the_cache_folder_is_chosen_by_the_environment(monkeypatch, tmp_path):
    monkeypatch.setenv("FUSESEARCH_CACHE", str(tmp_path / "here"))
    assert default_cache() == tmp_path / "here"
    monkeypatch.delenv("FUSESEARCH_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert default_cache() == tmp_path / "fusesearch"


def test_an_unwritable_cache_is_one_line(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot write the cache"):
        cached_array(tmp_path / "file", "test", {}, lambda: (1,), "uint8", _slow_fill)


@pytest.mark.parametrize("damage", ["cut", "zeroed", "note gone"])
def test_a_damaged_cache_is_built_again(tmp_path, damage):
    fills = []

    def fill(array):
        fills.append(1)
        array[:] = 7

    def get():
        return cached_array(tmp_path, "test", {"a": 1}, lambda: (1000,), "uint8", fill)

    get()
    path = next((tmp_path / "test").glob("*.npy"))
    if damage == "cut":
        path.write_bytes(path.read_bytes()[:500])
    elif damage == "zeroed":
        path.write_bytes(path.read_bytes()[:128] + bytes(1000))
    else:
        path.with_suffix(".json").unlink()
    assert (get() == 7).all()
    assert len(fills) == 2


def test_a_full_disk_is_one_line_and_leaves_nothing(tmp_path, monkeypatch):
    import errno
    import os

    def full(descriptor, start, length):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "posix_fallocate", full)
    with pytest.raises(InputError, match="No space left on device; free some space"):
        cached_array(tmp_path, "test", {}, lambda: (10,), "uint8", _slow_fill)
    assert not list(tmp_path.rglob("*.partial"))
