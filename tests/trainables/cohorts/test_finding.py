"""Files and folders by name: whatever the letter case, nested as archives unpack, and never outside the data folder."""

import pytest

from models.errors import InputError
from trainables.cohorts.finding import find_table, image_folders, spelled


@pytest.fixture
def tree(tmp_path):
    for folder in ("Images/A", "images/b", "jpeg/Train", "part_1/part_1"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "META.csv").write_text("id\n1\n")
    return tmp_path.resolve()


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("images/b", "images/b"),
        ("images/B", "images/b"),  # the exact folder first, and only it
        ("IMAGES", "Images"),  # of two others, the one that sorts first
        ("JPEG/train", "jpeg/Train"),
        ("meta.CSV", "META.csv"),
        (".", "."),
        ("nowhere", None),
        ("images/A/c", None),
        ("x\0y", None),
    ],
)
def test_names_as_the_disk_spells_them(tree, name, expected):
    assert spelled(tree, name) == expected


def test_folders_that_are_there_with_nested_ones_and_the_root_last(tree):
    assert image_folders(tree, ("jpeg/train", "part_1", "part_2", "meta.csv")) == [
        "jpeg/Train",
        "part_1",
        "part_1/part_1",
        ".",
    ]


def test_a_table_is_found_here_or_one_folder_below(tree):
    assert find_table("X", "x", tree, ["meta.csv"], ["below"]) == (tree, tree / "META.csv")
    (tree / "Below").mkdir()
    (tree / "META.csv").rename(tree / "Below" / "meta.csv")
    assert find_table("X", "x", tree, ["other.csv", "meta.csv"], ["below"]) == (
        tree / "Below",
        tree / "Below" / "meta.csv",
    )
    with pytest.raises(InputError, match=r"holds no other\.csv; give X's own folder with --data"):
        find_table("X", "x", tree, ["other.csv"], ["below"])


def test_a_table_that_is_a_link_to_elsewhere_is_refused(tree, tmp_path_factory):
    outside = tmp_path_factory.mktemp("outside") / "secret.csv"
    outside.write_text("id\n1\n")
    (tree / "linked.csv").symlink_to(outside)
    with pytest.raises(InputError, match=r"the metadata file 'linked\.csv' leads outside the data folder"):
        find_table("X", "x", tree, ["linked.csv"], [])


def test_a_folder_of_the_tables_name_is_no_table(tree):
    (tree / "train.csv").mkdir()
    with pytest.raises(InputError, match=r"holds no train\.csv"):
        find_table("X", "x", tree, ["train.csv"], [])
