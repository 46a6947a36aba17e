"""Where tables and figures stand in the report: by the kind of a table, and by the section that a figure names."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from analysis.figures import FIGURES
from analysis.figures.base import Drawn
from analysis.run import Part, Run
from analysis.tables import Table
from analysis.tables.specification import PER_CLASS, TableSpecification

TITLES = {
    "results": "Results",
    "comparisons": "Comparisons",
    "classes": "Classes",
    "training": "Training",
    "cost": "Cost",
    "search": "Search",
    "maps": "Where the models look",
}
"""The sections that hold tables and figures, in order."""

SECTION_OF_KIND = {"comparisons": "comparisons", "ranking": "comparisons", "effects": "comparisons", "cost": "cost"} | {
    kind: "classes" for kind in PER_CLASS
}
"""Kinds of table that do not stand under the results."""

WITH_IMAGES = ("activation_maps",)
"""Figures that show images of the data set; they are not even drawn where none are wanted."""

PARTS = {"search": "The search", "confirmation": "The best again, on other folds"}
"""Headings by the role of a part; an arm stands under its own name."""

LONG = 40
"""Rows above which a table stands in the appendix."""


@dataclass(frozen=True)
class Block:
    """The tables of one part of a run in one section; `heading` is empty where there is one part."""

    heading: str
    tables: tuple[Table, ...]


@dataclass(frozen=True)
class Section:
    """One section: blocks of tables, then the figures, and `lines` of text before both."""

    name: str
    title: str
    blocks: tuple[Block, ...] = ()
    figures: tuple[Drawn, ...] = ()
    lines: tuple[str, ...] = field(default=())

    @property
    def empty(self) -> bool:
        """Whether there is nothing to show."""
        return not (self.blocks or self.figures or self.lines)


def figures_of(run: Run, *, images: bool) -> tuple[Drawn, ...]:
    """Draw every figure that a run has, in the order of the registry.

    Args:
        run: the run.
        images: with figures that show images of the data set.
    """
    wanted = [build for name, build in FIGURES.items() if images or name not in WITH_IMAGES]
    return tuple(figure for build in wanted for figure in build(run) if images or figure.section != "maps")


def sections(run: Run, figures: Sequence[Drawn], lines: dict[str, tuple[str, ...]]) -> tuple[Section, ...]:
    """Return the sections that hold something; `lines` are the texts by section."""
    placed = tuple(
        Section(
            name=name,
            title=title,
            blocks=_blocks(run, name),
            figures=tuple(figure for figure in figures if figure.section == name),
            lines=lines.get(name, ()),
        )
        for name, title in TITLES.items()
    )
    return tuple(section for section in placed if not section.empty)


def long_tables(run: Run) -> tuple[Table, ...]:
    """Return the tables that are too long to stand in their section."""
    return tuple(table for table in run.tables if is_long(table))


def is_long(table: Table) -> bool:
    """Whether a table stands in the appendix."""
    return len(table.rows) > LONG


def shared_notes(tables: Iterable[Table]) -> tuple[str, ...]:
    """Return the notes that several tables carry, in their order; a page says them once."""
    counts = Counter(note for table in tables for note in dict.fromkeys(table.notes))
    return tuple(note for note, count in counts.items() if count > 1)


def without_notes(table: Table, notes: Iterable[str]) -> Table:
    """Return a table without these notes."""
    left_out = set(notes)
    return replace(table, notes=tuple(note for note in table.notes if note not in left_out))


def in_order(parts: Sequence[Part]) -> tuple[Part, ...]:
    """Return the parts as a reader wants them: a confirmation before the search that it confirms."""
    return tuple(sorted(parts, key=lambda part: part.planned.role != "confirmation"))


def _blocks(run: Run, section: str) -> tuple[Block, ...]:
    across = _placed(run.tables_across, run.across, (), section)
    several = len(run.parts) > 1
    blocks = [Block("Across arms", across)] if across else []
    for part in in_order(run.parts):
        tables = _placed(part.tables, part.specifications, _targets(part), section)
        heading = PARTS.get(part.planned.role) or part.planned.name or part.planned.role
        named = tuple(replace(one, title=_without_arm(one.title, part)) for one in tables) if several else tables
        blocks += [Block(heading if several else "", named)] if tables else []
    return tuple(blocks)


def _without_arm(title: str, part: Part) -> str:
    """Return the title of a table under the heading of its arm, which it need not repeat."""
    own = title.removeprefix(f"{part.planned.name}: ") if part.planned.name else title
    return own[:1].upper() + own[1:]


def _placed(
    tables: Iterable[Table], specifications: Iterable[TableSpecification], targets: Sequence[str], section: str
) -> tuple[Table, ...]:
    kinds = {name: one.kind for one in specifications for name in one.file_names(targets)}
    return tuple(table for table in tables if SECTION_OF_KIND.get(kinds.get(table.name, ""), "results") == section)


def _targets(part: Part) -> tuple[str, ...]:
    return tuple(part.context.cohort.classes) if part.context is not None else ()
