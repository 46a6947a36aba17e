"""The page: everything gathered, escaped and set by one template, as bytes; the same run gives the same bytes.

Nothing is loaded from anywhere: the style and figures are in the page, and a content security policy says so to the
browser. The one script sorts tables; without it the page reads the same.
"""

import base64
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from importlib import resources

from jinja2 import DictLoader, Environment, StrictUndefined
from markupsafe import Markup

from analysis.figures.base import Drawn
from analysis.report.downloads import Download, downloads
from analysis.report.header import header_facts
from analysis.report.inline_svg import inline_svg
from analysis.report.integrity import integrity
from analysis.report.methods import methods
from analysis.report.search_text import search_lines
from analysis.report.sections import is_long, long_tables, sections, shared_notes, without_notes
from analysis.report.verdict_text import verdict_paragraphs
from analysis.run import Run
from analysis.tables import Table
from analysis.tables.formatting import printable
from analysis.tables.renderers.html import fragment

PAGE = "report.html"
NOTES = "notes"
"""The id of the section with the notes that several tables share."""


@dataclass(frozen=True, kw_only=True)
class ReportOptions:
    """What may differ between two reports of one run.

    `title` stands in place of the study's name, `date` is printed as given, and without `images` figures that show
    pictures of the data set are left out.
    """

    title: str | None = None
    date: str | None = None
    images: bool = True


AS_IT_IS = ReportOptions()


def page(run: Run, options: ReportOptions, tables: Mapping[str, bytes], figures: tuple[Drawn, ...]) -> bytes:
    """Return the page of a run.

    Args:
        run: evaluated.
        options: title, date, and whether images are shown.
        tables: its rendered tables by file name, for the downloads.
        figures: those to show.
    """
    script, shared = _resource("sort.js"), shared_notes(run.tables)
    content = (
        _environment(shared)
        .get_template("report")
        .render(
            title=options.title or run.manifest.study,
            study=run.manifest.study,
            question=run.manifest.question,
            style=Markup(_resource("style.css")),
            script=Markup(script),
            script_hash=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
            facts=header_facts(run, options.date),
            verdicts=verdict_paragraphs(run),
            sections=sections(run, figures, {"search": search_lines(run)}),
            checked=integrity(run),
            shared_notes=shared,
            methods=methods(run, figures),
            long_tables=long_tables(run),
            downloads=_downloads(run.tables, tables),
            figures=figures,
            settings=_settings(run),
        )
    )
    return content.encode("utf-8", "replace")


def _environment(shared: tuple[str, ...]) -> Environment:
    """Return the template's environment: every text is escaped, and a name that is missing is an error.

    `shared` are the notes that the page says once for all tables.
    """
    environment = Environment(
        loader=DictLoader({"report": _resource("report.html.j2")}),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=lambda value: printable(value) if type(value) is str else value,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {
        "table": partial(_table, shared),
        "figure": _figure,
        "thousands": lambda number: f"{number:,}",
    }
    environment.tests["long"] = is_long
    return environment


def _settings(run: Run) -> str:
    settings = run.manifest.settings
    return json.dumps(settings, indent=2, ensure_ascii=False, sort_keys=True) if settings else ""


def _table(shared: tuple[str, ...], table: Table) -> Markup:
    own = without_notes(table, shared)
    return Markup(fragment(own, elsewhere=NOTES if len(own.notes) < len(table.notes) else ""))


def _figure(figure: Drawn) -> Markup:
    return Markup(inline_svg(figure.svg, name=figure.name, alternative=figure.alternative))


def _downloads(found: tuple[Table, ...], files: Mapping[str, bytes]) -> tuple[tuple[Table, tuple[Download, ...]], ...]:
    return tuple((table, downloads(table.name, files)) for table in found)


def _resource(name: str) -> str:
    return resources.files("analysis.report").joinpath("templates", name).read_text(encoding="utf-8")
