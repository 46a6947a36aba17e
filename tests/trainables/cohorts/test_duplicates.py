"""Groups that show the same: joined in chains, whatever the order, under the name that sorts first."""

import shutil

import networkx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainables.cohorts import Ham10000Settings, open_cohort
from trainables.cohorts.duplicates import joined, links_of_files, links_of_pairs, merge_note, pairs_there

names = st.text("abcdefgh", min_size=1, max_size=2)
links = st.lists(st.tuples(names, names), max_size=30)


@given(links)
def test_groups_are_the_connected_components_as_networkx_finds_them(pairs):
    graph = networkx.Graph()
    graph.add_edges_from(pairs)
    expected = {name: min(component) for component in networkx.connected_components(graph) for name in component}
    assert joined(pairs) == expected
    assert joined(pairs[::-1]) == expected


def test_pairs_of_ids_become_pairs_of_groups_where_both_are_known():
    ids, groups = ["i1", "i2", "i3", "i4"], ["b", "a", "a", ""]
    pairs = [("i1", "i2"), ("i2", "i3"), ("i1", "nobody"), ("i1", "i4")]
    assert links_of_pairs(ids, groups, pairs) == [("b", "a")]


@given(links, st.sets(names))
def test_pairs_join_through_ids_that_are_not_there(pairs, ids):
    """The groups are the components of all ids, those that are not there dropped afterwards."""
    graph = networkx.Graph()
    graph.add_nodes_from(ids)
    graph.add_edges_from(pairs)
    expected = {frozenset(part & ids) for part in networkx.connected_components(graph) if len(part & ids) > 1}
    found = networkx.Graph(links_of_pairs(sorted(ids), [f"of {name}" for name in sorted(ids)], pairs))
    assert {frozenset(name[3:] for name in part) for part in networkx.connected_components(found)} == expected


def test_ids_are_compared_without_extension_and_letter_case():
    pairs = [("ISIC_1.jpg", "isic_2"), ("ISIC_3.PNG", "x")]
    assert links_of_pairs(["ISIC_1", "ISIC_2.jpeg", "ISIC_3"], ["a", "b", "c"], pairs) == [("a", "b")]
    assert pairs_there(["ISIC_1", "ISIC_2.jpeg", "ISIC_3"], pairs) == (1, 2)


def test_files_of_the_same_bytes_link_their_groups():
    digests = [["x", "y"], ["z", "x"], ["y", "y"], ["w", "w"]]
    assert links_of_files(["a", "b", "a", "c"], digests) == [("a", "b")]


def test_the_note_counts_groups_and_pairs():
    known, files = [("b", "a"), ("a", "b")], [("b", "c")]
    (note,) = merge_note("patient", joined([*known, *files]), known, files)
    assert note == (
        "patients merged into another because they show the same: 2 "
        "(known pairs: 1, pairs with identical image files: 1), the first is b into a"
    )
    assert merge_note("patient", {}, [], []) == []


@pytest.mark.parametrize("order", [("1", "3", "4"), ("4", "3", "1")])
def test_a_chain_of_copies_is_one_group(ham, order):
    data = ham()
    for name in order[1:]:
        shutil.copy(data / "images" / f"ISIC_000000{order[0]}.jpg", data / "images" / f"ISIC_000000{name}.jpg")
    cohort = open_cohort(Ham10000Settings(), data)
    assert cohort.samples["group"].tolist() == ["HAM_1"] * 4
    assert cohort.notes[0].startswith("lesions merged into another because they show the same: 2 (pairs with identical")
    assert "diagnosis: lesions with more than one label: 1, the first is HAM_1 (bkl, mel, nv)" in cohort.notes


def test_the_fingerprint_sees_merged_groups(ham):
    data = ham()
    shutil.copy(data / "images" / "ISIC_0000001.jpg", data / "images" / "ISIC_0000004.jpg")
    merged = open_cohort(Ham10000Settings(), data).fingerprint
    assert merged != open_cohort(Ham10000Settings(duplicates="keep"), data).fingerprint


def test_a_pair_counts_through_a_sample_that_is_left_out(ham):
    """24437-31299 are one of the published pairs; a third lesion is linked to the second only by bytes."""
    rows = [
        ("HAM_1", "ISIC_0024437", "nv", "histo", "50", "male", "back"),
        ("HAM_2", "ISIC_0031299", "nv", "histo", "999", "male", "back"),
        ("HAM_2", "ISIC_0000002", "nv", "histo", "50", "male", "back"),
    ]
    cohort = open_cohort(Ham10000Settings(), ham(rows), skip_bad=True)
    assert cohort.samples["group"].tolist() == ["HAM_1", "HAM_1"]
