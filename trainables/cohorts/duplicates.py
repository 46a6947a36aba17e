"""Groups that hold the same picture are one group: what folds must keep together, whatever the ids say.

Pairs come from published lists (Abhishek et al., Sci. Data 2025) and from files with the same bytes. Groups are joined
by union-find, so a chain of pairs is one group; it bears the id that sorts first, whatever the order of the pairs.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise

from trainables.cohorts.layout import is_missing

Link = tuple[str, str]
"""Two groups that are one."""


_EXTENSION = re.compile(r"\.(jpe?g|png|bmp|tiff?|webp|dcm)$")


def plain_id(name: str) -> str:
    """An image id without the extension of a file and in one letter case, by which two files' ids are compared.

    >>> plain_id("ISIC_0015719.JPG")
    'isic_0015719'
    """
    return _EXTENSION.sub("", name.casefold())


def links_of_pairs(ids: Sequence[str], groups: Sequence[str], pairs: Iterable[tuple[str, str]]) -> list[Link]:
    """Groups of pairs of sample ids, which are compared by `plain_id`; several rows may have one.

    Ids are joined before those that are not there, or have no group, are dropped: pairs with such a one between them
    join what they pair it with.
    """
    groups_of: dict[str, list[str]] = {}
    for name, group in zip(ids, groups, strict=True):
        if not is_missing(group):
            groups_of.setdefault(plain_id(name), []).append(group)
    plain = [(plain_id(first), plain_id(second)) for first, second in pairs]
    chains: dict[str, list[str]] = {}
    for name, chain in joined(plain).items():
        chains.setdefault(chain, []).extend(groups_of.get(name, ()))
    direct = [(a[0], b[0]) for a, b in ((groups_of.get(x, ()), groups_of.get(y, ())) for x, y in plain) if a and b]
    known = joined(direct)
    through = [link for chain in chains.values() for link in pairwise(dict.fromkeys(chain))]
    further = [link for link in through if known.get(link[0], link[0]) != known.get(link[1], link[1])]
    return [link for link in (*direct, *further) if link[0] != link[1]]


def pairs_there(ids: Iterable[str], pairs: Iterable[tuple[str, str]]) -> tuple[int, int]:
    """How many of the pairs have both of their ids among `ids`, and how many at least one, compared by `plain_id`."""
    known = {plain_id(name) for name in ids}
    there = [(plain_id(first) in known) + (plain_id(second) in known) for first, second in pairs]
    return there.count(2), len(there) - there.count(0)


def links_of_files(groups: Sequence[str], digests: Sequence[Sequence[str]]) -> list[Link]:
    """Groups that hold a file of the same bytes; `digests` has one list per row, one entry per image."""
    owner: dict[str, str] = {}
    links = []
    for group, row_digests in zip(groups, digests, strict=True):
        for digest in row_digests:
            first = owner.setdefault(digest, group)
            if first != group:
                links.append((first, group))
    return links


def joined(links: Iterable[Link]) -> dict[str, str]:
    """The name that each linked group bears: of all that are linked with it, directly or not, the one sorting first.

    >>> joined([("b", "c"), ("c", "a"), ("x", "y")])
    {'b': 'a', 'c': 'a', 'a': 'a', 'x': 'x', 'y': 'x'}
    """
    parent: dict[str, str] = {}

    def root(name: str) -> str:
        parent.setdefault(name, name)
        while parent[name] != name:
            parent[name] = parent[parent[name]]
            name = parent[name]
        return name

    for pair in links:
        first, second = sorted((root(pair[0]), root(pair[1])))
        parent[second] = first
    return {name: root(name) for name in parent}


def merge_note(group_name: str, names: Mapping[str, str], known: Sequence[Link], files: Sequence[Link]) -> list[str]:
    """Say how many groups were merged into another, and why; nothing when none was."""
    merged = sorted(name for name, kept in names.items() if name != kept)
    if not merged:
        return []
    causes = [
        f"{what}: {len({tuple(sorted(link)) for link in links}):,}"
        for links, what in ((known, "known pairs"), (files, "pairs with identical image files"))
        if links
    ]
    first = merged[0]
    return [
        f"{group_name}s merged into another because they show the same: {len(merged):,} ({', '.join(causes)}), "
        f"the first is {first} into {names[first]}"
    ]
