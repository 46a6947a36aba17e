"""Renderers against golden text, against hostile labels, and LaTeX against pdflatex where it exists."""

import csv
import dataclasses
import io
import json
import shutil
import subprocess

import pytest

from analysis.errors import AnalysisError
from analysis.tables import Cell, Column, Table, cell_text, column_titles, header_groups, render_all, text_rows
from analysis.tables.formatting import decimals
from analysis.tables.renderers import RENDERERS, latex, markdown

SMALL = Table(
    name="subsets_mcr",
    title="Metadata subsets",
    caption="Mean class recall, in percent.",
    columns=(
        Column("inputs"),
        Column("age"),
        Column("MCR, %", "percent", "fusion concat"),
        Column("Δ", "difference", "fusion concat"),
        Column("p", "p"),
        Column("nv", "percent", subtitle="6,705 / 5,403", digits=2),
    ),
    rows=(
        (
            Cell(text="image only"),
            Cell(text=""),
            Cell(0.55749, 0.53651, 0.57849, underline=True),
            Cell(text="reference"),
            Cell(),
            Cell(0.9, spread=0.0123),
        ),
        (
            Cell(text="image +"),
            Cell(text="✓"),
            Cell(0.581, 0.562, 0.6, bold=True),
            Cell(-0.012, -0.02, 0.0, marks="†"),
            Cell(0.00049),
            Cell(text="–"),
        ),
    ),
    notes=("† supported at 5 %.",),
    stamps=("INCOMPLETE (4/5 folds)",),
    records=({"label": "=1+1", "estimate": 0.1, "verdict": None, "is_reference": True, "n_folds": 5},),
)

MARKDOWN = """\
### Metadata subsets

**INCOMPLETE (4/5 folds)**

Mean class recall, in percent.

| inputs | age | fusion concat: MCR, % | fusion concat: Δ | p | nv<br>6,705 / 5,403 |
| :--- | :--- | ---: | ---: | ---: | ---: |
| image only |   | <ins>55.7 [53.7, 57.8]</ins> | reference |   | 90.00 ± 1.23 |
| image + | ✓ | **58.1 [56.2, 60.0]** | −1.2 [−2.0, 0.0]† | &lt;0.001 | – |

- † supported at 5 %.
"""

LATEX = r"""% needs \usepackage{booktabs,siunitx,threeparttable,adjustbox,rotating,amssymb}
\begin{table*}[tbp]
\centering
\sisetup{detect-weight=true,retain-explicit-plus=true,group-digits=false}
\caption{\textbf{INCOMPLETE (4/5 folds).} Metadata subsets. Mean class recall, in percent.}
\label{tab:subsets_mcr}
\begin{threeparttable}
\begin{tabular}{@{}c@{}}
\begin{adjustbox}{max width=\linewidth}
\begin{tabular}{@{}llS[table-format=2.1]@{\,}lS[table-format=+1.1]@{\,}lrS[table-format=2.2]@{\,}l@{}}
\toprule
 &  & \multicolumn{4}{c}{fusion concat} &  &  &  \\
\cmidrule(lr){3-6}
inputs & age & \multicolumn{2}{c}{MCR, \%} & \multicolumn{2}{c}{$\Delta$} & \multicolumn{1}{r}{p} & \multicolumn{2}{c}{nv} \\
 &  & \multicolumn{2}{c}{} & \multicolumn{2}{c}{} &  & \multicolumn{2}{c}{\footnotesize 6,705 / 5,403} \\
\midrule
image only &  & {\underline{\tablenum[table-format=2.1]{55.7}}} & {[}53.7, 57.8{]} & \multicolumn{2}{c}{reference} &  & 90.00 & $\pm$ 1.23 \\
image + & $\checkmark$ & \bfseries 58.1 & \textbf{{[}56.2, 60.0{]}} & -1.2 & {[}$-$2.0, 0.0{]}$^{\dagger}$ & \textless{}0.001 & \multicolumn{2}{c}{--} \\
\bottomrule
\end{tabular}
\end{adjustbox}
\end{tabular}
\begin{tablenotes}[flushleft]
\footnotesize
\item $^{\dagger}$ supported at 5 \%.
\end{tablenotes}
\end{threeparttable}
\end{table*}
"""  # noqa: E501

WIDE = """\
inputs,age,"fusion concat: MCR, %",fusion concat: Δ,p,"nv (6,705 / 5,403)"
image only,,"55.7 [53.7, 57.8]",reference,,90.00 ± 1.23
image +,✓,"58.1 [56.2, 60.0]","-1.2 [-2.0, 0.0]†",<0.001,–
"""

LONG = """\
label,estimate,verdict,is_reference,n_folds
'=1+1,0.1,,true,5
"""

HOSTILE = "=a|b*c_d`e <b>$x$</b> [y](http://z) \\textbf{%&#~^} \"q\" 'r'\nnew é ß ž ő 皮膚 🙂 ¿ \x07 − – ± √ Δ ✓ † ‡"


def test_golden_text_of_every_renderer():
    files = render_all([SMALL])
    golden = {
        "subsets_mcr.md": MARKDOWN,
        "subsets_mcr.tex": LATEX,
        "subsets_mcr.csv": WIDE,
        "subsets_mcr_long.csv": LONG,
    }
    assert {name: files[name].decode() for name in golden} == golden


def test_same_table_same_bytes_and_one_file_per_renderer():
    assert render_all([SMALL]) == render_all([SMALL])
    assert len(render_all([SMALL])) == len(RENDERERS)
    with pytest.raises(AnalysisError, match=r"two tables write subsets_mcr\.md"):
        render_all([SMALL, SMALL])


def hostile_table(**changes):
    columns = (Column(HOSTILE, group=HOSTILE), Column("x", "percent", subtitle=HOSTILE))
    rows = ((Cell(text=HOSTILE), Cell(0.5)), (Cell(text="[0]"), Cell(0.5)), (Cell(text="*"), Cell(0.5)))
    return Table("hostile", HOSTILE, HOSTILE, columns, rows, notes=(HOSTILE,), stamps=(HOSTILE,), **changes)


@pytest.mark.parametrize("ending", RENDERERS)
def test_hostile_labels_stay_in_their_cell(ending):
    table = hostile_table(records=({"label": HOSTILE, "value": 1.5},))
    text = RENDERERS[ending](table)
    if ending.endswith(".csv"):
        rows = list(csv.reader(io.StringIO(text)))
        assert len({len(row) for row in rows}) == 1
        assert rows[1][0].startswith("'=a|b")
        assert all("\n" not in field for row in rows for field in row)
    elif ending == ".md":
        cells = [line.replace(r"\|", "").count("|") for line in text.splitlines() if line.startswith("|")]
        assert cells == [3] * 5
        assert "<b>" not in text
        assert "](http" not in text.replace(r"\](http", "")
    elif ending == ".html":
        assert "<b>" not in text
        assert "\x07" not in text
        assert text.count("&lt;b&gt;$x$&lt;/b&gt;") == 9
    elif ending == ".json":
        assert json.loads(text)["rows"][0][0]["text"] == HOSTILE
    else:
        assert r"\textbackslash{}textbf\{\%\&\#\textasciitilde{}\textasciicircum{}\}" in text
        assert all(not line.startswith(("[", "*")) for line in text.splitlines())


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="pdflatex is not installed")
@pytest.mark.parametrize("columns", ["onecolumn", "twocolumn"])
def test_latex_compiles(tmp_path, columns):
    wide = Table(
        "wide", "Wide", "Caption.", tuple(Column("verdict") for _ in range(13)), ((Cell(text="supported"),) * 13,)
    )
    letters = "".join(map(chr, range(0xA1, 0x180)))
    alphabet = Table("letters", letters, letters, (Column(letters),), ((Cell(text=letters),),))
    body = "".join(latex.render(table) for table in (SMALL, hostile_table(), wide, alphabet))
    packages = r"\usepackage{booktabs,siunitx,threeparttable,adjustbox,rotating,amssymb}"
    document = rf"\documentclass[{columns}]{{article}}{packages}\begin{{document}}{body}\end{{document}}"
    (tmp_path / "all.tex").write_text(document, encoding="utf-8")
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "all.tex"]
    finished = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, errors="replace", timeout=120)
    if "not found" in finished.stdout and ".sty'" in finished.stdout:
        pytest.skip("a LaTeX package is not installed")
    assert finished.returncode == 0, finished.stdout[-2000:]
    assert (tmp_path / "all.pdf").stat().st_size > 0


@pytest.mark.parametrize(("count", "environment"), [(2, "table"), (5, "table*"), (10, "sidewaystable*")])
def test_the_environment_follows_the_width(count, environment):
    columns = tuple(Column("a long heading") for _ in range(count))
    text = latex.render(Table("wide", "Wide", "Caption.", columns, ()))
    assert rf"\begin{{{environment}}}[tbp]" in text
    assert text.endswith(rf"\end{{{environment}}}" + "\n")


@pytest.mark.parametrize(
    ("note", "printed"),
    [
        ("For contrast the long CSV has what no verdict uses: the SD. And more.", ""),
        ("The long CSV also has 95 % intervals.", ""),
        (
            "Brackets: max-SE; the Nadeau-Bengio interval is in the long CSV. Bold: best.",
            "Brackets: max-SE. Bold: best.",
        ),
        ("‡ differs (Welch 1947). Differences are in the long CSV.", "‡ differs (Welch 1947)."),
        ("One; two. Three.", "One; two. Three."),
    ],
)
def test_papers_hear_nothing_of_the_long_csv(note, printed):
    assert latex.without_long_csv(note) == printed
    text = latex.render(dataclasses.replace(SMALL, notes=(note,)))
    assert "long CSV" not in text
    assert (r"\begin{tablenotes}" in text) == bool(printed)


def test_markdown_escape_leaves_plain_words_alone():
    assert markdown.escape("image only, 4/5 of 7,470 lesions (÷ 2)") == "image only, 4/5 of 7,470 lesions (÷ 2)"


def test_a_terminal_can_print_a_table_from_its_text():
    assert header_groups(SMALL) == [("", 2), ("fusion concat", 2), ("", 2)]
    assert column_titles(SMALL)[-2:] == ["p", "nv\n6,705 / 5,403"]
    assert text_rows(SMALL)[1] == ["image +", "✓", "58.1 [56.2, 60.0]", "−1.2 [−2.0, 0.0]†", "<0.001", "–"]


@pytest.mark.parametrize(
    ("cell", "column", "text"),
    [
        (Cell(-0.00001), Column("Δ", "difference"), "0.0"),
        (Cell(0.024), Column("Δ", "difference"), "+2.4"),
        (Cell(1.0), Column("MCR", "percent"), "100.0"),
        (Cell(0.5, 0.012, -0.034), Column("NB", "interval"), "[1.2, −3.4]"),
        (Cell(0.5), Column("p", "p"), "0.500"),
        (Cell(1.0), Column("p", "p"), "1.000"),
        (Cell(0.9996), Column("P", "probability"), ">0.999"),
    ],
)
def test_numbers_as_text(cell, column, text):
    assert cell_text(cell, column) == text


def test_digits_follow_the_uncertainty():
    assert decimals([0.012, 0.019, 0.15]) == 1  # 1.9 points: two digits
    assert decimals([0.004, 0.0061]) == 2  # 0.61 points
    assert decimals([]) == 1


def test_a_table_refuses_a_row_that_does_not_fit():
    with pytest.raises(ValueError, match="a row has 1 cells, the table 2 columns"):
        Table("t", "t", "c", (Column("a"), Column("b")), ((Cell(text="x"),),))


def test_what_cannot_be_printed_is_left_out_of_every_file():
    odd = "a\u202eb\x00c\x1bd\x7fe\ud800f"
    table = dataclasses.replace(
        SMALL,
        title=odd,
        caption=odd,
        notes=(odd,),
        rows=((Cell(text=odd), *SMALL.rows[0][1:]),),
        records=({"label": odd},),
    )
    files = render_all([table])
    assert {text.decode() for text in files.values()}  # half a surrogate pair breaks none
    for ending in (".md", ".csv", "_long.csv", ".html"):
        text = files[f"{table.name}{ending}"].decode()
        assert "abcdef" in text
        assert not set("\u202e\x00\x1b\x7f") & set(text)
