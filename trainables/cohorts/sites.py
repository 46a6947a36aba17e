"""Body sites of different cohorts in one vocabulary, ISIC's general one, so that a model can be asked about another.

Of HAM10000's sites, abdomen and chest go to anterior torso, back to posterior torso, scalp, face, ear and neck to
head/neck, foot to lower extremity, hand to upper extremity, acral to palms/soles, the rest (trunk, genital) to
missing. The sites of derm7pt and PAD-UFES-20 follow the same rule (inferred). ISIC 2020 has only `torso`: beside it,
all sites of the torso are `torso` on both sides, HAM10000's trunk among them.
"""

from __future__ import annotations

from collections.abc import Sequence

GENERAL = (
    "head/neck",
    "torso",
    "anterior torso",
    "posterior torso",
    "lateral torso",
    "upper extremity",
    "lower extremity",
    "palms/soles",
    "oral/genital",
)
"""The sites of ISIC 2019 and 2020; `torso` and the three parts of it never stand in one vocabulary."""

_SPECIAL = {
    "anterior torso": ("abdomen", "chest"),
    "posterior torso": ("back",),
    "head/neck": ("scalp", "face", "ear", "neck", "nose", "lip", "head neck"),
    "upper extremity": ("hand", "arm", "forearm", "upper limbs"),
    "lower extremity": ("foot", "thigh", "lower limbs"),
    "palms/soles": ("acral",),
}
_WITHOUT_PLACE = ("trunk", "genital", "genital areas", "buttocks")
_TORSO = frozenset({"anterior torso", "posterior torso", "lateral torso"})
_GENERAL_OF: dict[str, str | None] = {
    **{site: site for site in GENERAL},
    **{site: general for general, sites in _SPECIAL.items() for site in sites},
    **dict.fromkeys(_WITHOUT_PLACE),
}


def are_sites(categories: Sequence[str]) -> bool:
    """Whether every category is a body site that some supported cohort uses."""
    return bool(categories) and all(_plain(site) in _GENERAL_OF for site in categories)


def general_sites(first: Sequence[str], second: Sequence[str]) -> tuple[tuple[str, ...], dict[str, str]]:
    """The vocabulary that two site vocabularies share, and the general site of each site that has one.

    Sites that the map does not list are missing values. The vocabulary is declared: it holds every general site that
    either side can name, in the order of `GENERAL`, whether or not a sample has it.
    """
    sites = dict.fromkeys([*first, *second])
    coarse = any(_plain(site) == "torso" for site in sites)
    found = {site: general for site in sites if (general := _general(site, coarse)) is not None}
    return tuple(site for site in GENERAL if site in found.values()), found


def _general(site: str, coarse: bool) -> str | None:
    if coarse and _plain(site) == "trunk":
        return "torso"
    general = _GENERAL_OF[_plain(site)]
    return "torso" if coarse and general in _TORSO else general


def _plain(site: str) -> str:
    return " ".join(site.casefold().split())
