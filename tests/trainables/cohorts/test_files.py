"""Image files: found by name, never outside the data folder, read as they were when the cohort was opened."""

import hashlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from models.errors import InputError
from trainables.cohorts import Ham10000Settings, open_cohort
from trainables.cohorts.finding import ImageFinder, Unusable
from trainables.faults import NodeFault
from trainables.images import ImageSettings
from trainables.images.pixels import prepared


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    """root/images/{a.jpg,sub/b.png}, with secret.jpg beside the root."""
    outer = tmp_path_factory.mktemp("outer")
    for name in ("secret.jpg", "root/a.jpg", "root/images/a.jpg", "root/images/sub/b.png", "root/images/notes.txt"):
        (outer / name).parent.mkdir(parents=True, exist_ok=True)
        (outer / name).write_bytes(name.encode())
    return outer


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("a", "images/a.jpg"),
        ("a.jpg", "images/a.jpg"),
        ("A.JPG", "images/a.jpg"),
        ("./a", "images/a.jpg"),
        ("sub/b", "images/sub/b.png"),
        ("sub\\b.png", "images/sub/b.png"),
        ("SUB/B.PNG", "images/sub/b.png"),
        ("Sub\\b", "images/sub/b.png"),
    ],
)
def test_names(tree, name, found):
    assert ImageFinder((tree / "root").resolve(), ["images", "."]).find(name) == found


@pytest.mark.parametrize("name", ["notes", "notes.txt", "sub", "c", "a.png", "b", "x\0y", "y" * 300, "sub/../sub"])
def test_names_of_no_image(tree, name):
    with pytest.raises(Unusable):
        ImageFinder((tree / "root").resolve(), ["images"]).find(name)


parts = st.sampled_from(
    ["..", ".", "", "a", "secret", "secret.jpg", "images", "root", "sub", "b", "C:", "~", "\\", "/"]
)
names = st.one_of(st.text(), st.lists(parts, max_size=6).map("/".join), st.lists(parts, max_size=6).map("\\".join))


@settings(max_examples=300, deadline=None)
@given(name=names)
def test_no_name_leads_outside(tree, name):
    root = (tree / "root").resolve()
    try:
        found = ImageFinder(root, ["images", "."]).find(name)
    except Unusable:
        return
    assert (root / found).resolve().is_relative_to(root)
    assert (root / found).is_file()


def test_two_files_of_one_name_are_refused(tmp_path, image):
    for extension in ("jpg", "png"):
        image(tmp_path / f"a.{extension}", 50)
    finder = ImageFinder(tmp_path.resolve(), ["."])
    assert finder.find("a.png") == "a.png"
    with pytest.raises(Unusable, match=r"fits several files: a\.jpg, a\.png"):
        finder.find("a")


def test_a_link_to_an_image_outside_is_refused(ham, image, tmp_path_factory):
    data = ham()
    outside = image(tmp_path_factory.mktemp("outside") / "x.jpg", 90)
    link = data / "images" / "ISIC_0000003.jpg"
    link.unlink()
    link.symlink_to(outside)
    with pytest.raises(InputError, match=r"ISIC_0000003: image .* is a link that leads outside the data folder"):
        open_cohort(Ham10000Settings(), data)


def test_a_linked_image_folder_is_refused_but_a_linked_data_folder_is_not(ham, tmp_path_factory):
    data = ham()
    away = tmp_path_factory.mktemp("away")
    (away / "link").symlink_to(data)
    assert len(open_cohort(Ham10000Settings(), away / "link")) == 4
    (data / "images").rename(away / "images")
    (data / "images").symlink_to(away / "images")
    with pytest.raises(InputError, match="the image folder 'images' leads outside the data folder"):
        open_cohort(Ham10000Settings(), data)


def test_a_link_inside_the_data_folder_is_followed(ham):
    data = ham()
    (data / "images" / "ISIC_0000003.jpg").rename(data / "elsewhere.jpg")
    (data / "images" / "ISIC_0000003.jpg").symlink_to(data / "elsewhere.jpg")
    assert len(open_cohort(Ham10000Settings(), data)) == 4


def test_digest_is_the_files(ham):
    data = ham()
    cohort = open_cohort(Ham10000Settings(), data)
    content = (data / "images" / "ISIC_0000002.jpg").read_bytes()
    assert cohort.images.digest(1, "dermoscopy") == hashlib.sha256(content).hexdigest()


def test_a_file_changed_after_opening_is_not_read(ham, image):
    data = ham()
    cohort = open_cohort(Ham10000Settings(), data)
    image(data / "images" / "ISIC_0000001.jpg", 200)
    with pytest.raises(InputError, match=r"ISIC_0000001\.jpg is not the file that the cohort was opened with"):
        cohort.images.read(0, "dermoscopy")
    (data / "images" / "ISIC_0000002.jpg").unlink()
    with pytest.raises(InputError, match=r"ISIC_0000002\.jpg cannot be read on this machine"):
        cohort.images.read(1, "dermoscopy")


@pytest.mark.parametrize("mode", ["L", "RGBA", "P", "CMYK"])
def test_every_mode_is_read_as_rgb(cases, case_settings, mode):
    data = cases()
    colour = Image.new("RGB", (20, 10), (255, 255, 255)).convert(mode)
    colour.save(data / "pictures" / "B" / "c2.jpg", format="JPEG" if mode in ("L", "CMYK") else "PNG")
    pixels = open_cohort(case_settings, data).images.read(2, "dermoscopy")
    assert (pixels.shape, pixels.dtype) == ((10, 20, 3), np.uint8)
    assert pixels.min() >= 250


def test_a_photograph_is_read_upright(cases, case_settings):
    data = cases()
    exif = Image.Exif()
    exif[0x0112] = 6  # turn by 90 degrees clockwise to see it upright
    picture = Image.new("RGB", (32, 16))
    picture.paste((255, 255, 255), (0, 0, 16, 16))  # the left half becomes the top half
    picture.save(data / "pictures" / "B" / "c2.jpg", exif=exif)
    pixels = open_cohort(case_settings, data).images.read(2, "dermoscopy")
    assert pixels.shape == (32, 16, 3)
    assert pixels[:14].min() > 200
    assert pixels[18:].max() < 50


def test_a_linked_folder_inside_the_data_folder_that_leads_out_is_refused(tmp_path, tmp_path_factory, image):
    outside = image(tmp_path_factory.mktemp("outside") / "x.jpg", 90)
    image(tmp_path / "images" / "y.jpg", 90)
    (tmp_path / "images" / "sub").symlink_to(outside.parent)
    finder = ImageFinder(tmp_path.resolve(), ["images"])
    assert finder.find("y") == "images/y.jpg"
    with pytest.raises(Unusable, match="a link that leads outside the data folder"):
        finder.find("sub/x")


def test_a_machine_without_the_data_folder_is_told_by_name(ham):
    data = ham()
    cohort = open_cohort(Ham10000Settings(), data)
    data.rename(data.with_name("elsewhere"))
    with pytest.raises(NodeFault, match=r"the data folder .* is not on machine .*; put it on a path"):
        cohort.images.read(0, "dermoscopy")
    with pytest.raises(NodeFault, match="is not on machine"):
        prepared(cohort, ImageSettings(), 0)
