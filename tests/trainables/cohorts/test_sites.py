"""Body sites: the issue's map for HAM10000, ISIC 2020's torso, and the names of targets, classes and fields."""

import pytest

from trainables.cohorts.ham10000 import SITES
from trainables.cohorts.sites import GENERAL, are_sites, general_sites
from trainables.cohorts.terms import CLASSES, FIELDS, match, match_classes, match_once

FINE = tuple(site for site in GENERAL if site != "torso")
COARSE = ("head/neck", "upper extremity", "lower extremity", "torso", "palms/soles", "oral/genital")
ISIC2019 = ("MEL", "NV", "BCC", "AK", "BKL", "DF", "VASC", "SCC", "UNK")
HAM10000 = ("akiec", "bcc", "bkl", "df", "mel", "nv", "vasc")


def test_ham10000_sites_go_to_isics_general_ones():
    vocabulary, general = general_sites(SITES, FINE)
    assert vocabulary == FINE
    assert {site: general.get(site) for site in SITES} == {
        "abdomen": "anterior torso",
        "acral": "palms/soles",
        "back": "posterior torso",
        "chest": "anterior torso",
        "ear": "head/neck",
        "face": "head/neck",
        "foot": "lower extremity",
        "genital": None,
        "hand": "upper extremity",
        "lower extremity": "lower extremity",
        "neck": "head/neck",
        "scalp": "head/neck",
        "trunk": None,
        "upper extremity": "upper extremity",
    }


def test_beside_isic2020_every_part_of_the_torso_is_torso():
    vocabulary, general = general_sites(SITES, COARSE)
    assert set(vocabulary) == set(COARSE)
    assert {general[site] for site in ("abdomen", "chest", "back", "trunk", "torso")} == {"torso"}
    assert general_sites(FINE, COARSE)[1]["lateral torso"] == "torso"
    assert "genital" not in general


def test_the_vocabulary_is_what_either_side_can_name_whatever_the_letter_case():
    vocabulary, general = general_sites(("ARM", "BACK"), ("head neck", "lower limbs"))
    assert vocabulary == ("head/neck", "posterior torso", "upper extremity", "lower extremity")
    assert general["ARM"] == "upper extremity"


@pytest.mark.parametrize("sites", [SITES, FINE, COARSE, ("Head  neck", "Genital areas")])
def test_known_sites_are_sites(sites):
    assert are_sites(sites)


@pytest.mark.parametrize("other", [(), ("female", "male"), ("back", "flat")])
def test_anything_else_is_not(other):
    assert not are_sites(other)


def test_isic2019_classes_go_to_ham10000_by_name():
    expected = dict(zip(("AK", "BCC", "BKL", "DF", "MEL", "NV", "VASC"), HAM10000, strict=True))
    assert match_classes(ISIC2019, HAM10000) == expected
    assert match_classes(HAM10000, ISIC2019) == {main: name for name, main in expected.items()}


def test_a_coarser_class_takes_a_finer_one_in_and_never_the_other_way_round():
    pad = ("BCC", "ACK", "NEV", "SEK", "SCC", "MEL")
    assert match_classes(pad, HAM10000) == {"BCC": "bcc", "ACK": "akiec", "NEV": "nv", "SEK": "bkl", "MEL": "mel"}
    assert match_classes(HAM10000, pad) == {"bcc": "BCC", "akiec": "ACK", "nv": "NEV", "mel": "MEL"}
    assert match_classes(["SK"], pad) == {"SK": "SEK"}
    assert match_classes(["SK"], ["BKL", "SEK"]) == {"SK": "SEK"}


def test_the_same_name_comes_before_one_that_means_the_same():
    assert match_once(["gender", "Sex"], ["sex"], FIELDS) == {"Sex": "sex"}
    assert match_once(["gender", "age_approx"], ["sex", "age"], FIELDS) == {"gender": "sex", "age_approx": "age"}


def test_a_name_that_could_be_either_of_two_is_neither():
    assert match(["ack"], ["AK", "akiec"], CLASSES) == {}
    assert match(["ak"], ["AK", "akiec"], CLASSES) == {"ak": "AK"}
