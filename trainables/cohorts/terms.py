"""Names that mean the same in two cohorts: targets, classes and metadata fields, whatever their letter case.

Everything is mapped by name, never by position. A coarser class takes finer ones in (PAD-UFES-20's seborrheic keratosis
is among HAM10000's bkl), never the other way round. Which terms are the same is inferred from the papers of the
cohorts: HAM10000's akiec also holds Bowen's disease, which PAD-UFES-20 counts as SCC.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

CLASSES = {
    "akiec": ("ak", "ack", "actinic keratosis"),
    "bcc": ("basal cell carcinoma",),
    "bkl": ("benign keratosis",),
    "df": ("dermatofibroma",),
    "mel": ("melanoma",),
    "nv": ("nev", "nevus"),
    "scc": ("squamous cell carcinoma",),
    "sk": ("sek", "seborrheic keratosis"),
    "vasc": ("vascular lesion",),
}
"""Class names by the short name that HAM10000, ISIC 2019 or derm7pt gives them."""

_COARSER = {"sk": "bkl"}

FIELDS = {
    "age": ("age approx", "age years"),
    "sex": ("gender",),
    "site": ("localization", "location", "region", "anatom site general", "anatom site general challenge"),
}
"""Field names by the name that most cohorts here give them."""

TARGETS = {"diagnosis": ("diag", "dx")}
"""Target names by the name that most cohorts here give them."""


def match(offered: Iterable[str], wanted: Iterable[str], terms: Mapping[str, tuple[str, ...]]) -> dict[str, str]:
    """The wanted name of each offered name that has one: the same name, or else the only one that means the same.

    Letter case, blanks, hyphens and underscores do not count. Several offered names may have one wanted name.
    """
    wanted = tuple(wanted)
    exact = {plain(name): name for name in wanted}
    times = Counter(_general(name, terms) for name in wanted)
    unique = {_general(name, terms): name for name in wanted if times[_general(name, terms)] == 1}
    found = {name: exact.get(plain(name)) or unique.get(_general(name, terms)) for name in offered}
    return {name: same for name, same in found.items() if same is not None}


def match_classes(offered: Iterable[str], wanted: Iterable[str]) -> dict[str, str]:
    """As `match` by `CLASSES`; a class that `wanted` lacks goes to the coarser one that holds it, if there is one."""
    offered, wanted = tuple(offered), tuple(wanted)
    coarser = {name: _COARSER.get(_general(name, CLASSES)) for name in offered}
    coarse = match([general for general in coarser.values() if general], wanted, CLASSES)
    within = {name: coarse[general] for name, general in coarser.items() if general in coarse}
    return within | match(offered, wanted, CLASSES)


def match_once(offered: Iterable[str], wanted: Iterable[str], terms: Mapping[str, tuple[str, ...]]) -> dict[str, str]:
    """As `match`, with at most one offered name per wanted one: the same name before one that means the same."""
    found: dict[str, str] = {}
    pairs = sorted(match(offered, wanted, terms).items(), key=lambda pair: plain(pair[0]) != plain(pair[1]))
    for name, same in pairs:
        if same not in found.values():
            found[name] = same
    return found


def plain(name: str) -> str:
    """The name without what does not count: letter case, blanks, hyphens and underscores."""
    return " ".join(name.casefold().replace("_", " ").replace("-", " ").split())


def _general(name: str, terms: Mapping[str, tuple[str, ...]]) -> str:
    return next((general for general, names in terms.items() if plain(name) in names), plain(name))
