"""Groups that hold the same picture are one group: what folds must keep together, whatever the ids say.

Pairs come from published lists (Abhishek et al., Sci. Data 2025) and from files with the same bytes. Groups are joined
by union-find, so a chain of pairs is one group; it bears the id that sorts first, whatever the order of the pairs.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

Link = tuple[str, str]
"""Two groups that are one."""


def links_of_pairs(ids: Sequence[str], groups: Sequence[str], pairs: Iterable[tuple[str, str]]) -> list[Link]:
    """Groups of pairs of sample ids; a pair with an id that is not there, or has no group, says nothing."""
    group_of = dict(zip(ids, groups, strict=True))
    both = [(group_of.get(first), group_of.get(second)) for first, second in pairs]
    return [(first, second) for first, second in both if first and second and first != second]


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
