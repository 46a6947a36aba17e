"""Files and folders by name: whatever the letter case, nested as archives unpack, and never outside the data folder."""

import pytest

from models.errors import InputError
from trainables.cohorts.finding import ImageFinder, find_table, image_folders, inside, spelled, spellings


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
    with pytest.raises(InputError, match=r"holds no other\.csv; give X's own folder$"):
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


def test_of_folders_that_differ_only_in_case_all_are_searched(tree):
    for name in ("images/b/one.jpg", "Images/B/two.jpg", "images/B/one.jpg"):
        (tree / name).parent.mkdir(exist_ok=True)
        (tree / name).write_bytes(b"")
    assert spellings(tree, "images/b") == ["images/b", "images/B", "Images/B"]
    finder = ImageFinder(tree, image_folders(tree, ("images",)))
    assert (finder.find("b/one"), finder.find("B/one"), finder.find("b/two")) == (
        "images/b/one.jpg",
        "images/B/one.jpg",
        "Images/B/two.jpg",
    )


@pytest.mark.parametrize("target", ["itself.jpg", "nowhere.jpg"])
def test_a_broken_link_hides_no_other_file_of_its_folder(tree, target):
    (tree / "images" / "a.jpg").write_bytes(b"")
    (tree / "images" / "itself.jpg").symlink_to(target)
    assert ImageFinder(tree, ["images"]).find("a") == "images/a.jpg"


@pytest.mark.parametrize("target", ["loop.csv", "nowhere.csv"])
def test_a_link_that_leads_nowhere_is_told(tree, target):
    (tree / "loop.csv").symlink_to(target)
    with pytest.raises(InputError, match=r"the metadata file 'loop\.csv' is a link that leads nowhere"):
        find_table("X", "x", tree, ["loop.csv"], [])
    with pytest.raises(InputError, match=r"the CSV file 'loop\.csv' is a link that leads nowhere"):
        inside(tree, "loop.csv", "the CSV file")
    (tree / "data").symlink_to("data" if target == "loop.csv" else "away")
    with pytest.raises(InputError, match=r"data' is a link that leads nowhere; give the folder of cohort 'x'$"):
        find_table("X", "x", tree / "data", ["loop.csv"], [])


@pytest.mark.parametrize(("name", "why"), [("a\0b", "no file can be called so"), ("a" * 5000, "File name too long")])
def test_a_name_that_no_file_system_takes_is_told(tree, name, why):
    with pytest.raises(InputError, match=why):
        inside(tree, name, "the CSV file")
