"""HTML tables against golden text and for what screen readers need; JSON tables against the table they came from."""

import json
from html.parser import HTMLParser

import numpy as np

from analysis.tables import Cell, Column, Table
from analysis.tables.renderers import html, structured

TABLE = Table(
    name="fusions",
    title="Fusions",
    caption="Mean class recall, in percent.",
    columns=(Column("inputs"), Column("MCR, %", "percent", "concat"), Column("Δ", "difference", "concat")),
    rows=(
        (Cell(text="image only"), Cell(0.557, 0.536, 0.578, underline=True), Cell(text="reference")),
        (Cell(text="age & sex"), Cell(np.float64(0.581), 0.562, 0.6, bold=True), Cell(-0.012, marks="†")),
    ),
    notes=("† supported at 5 %.",),
    stamps=("INCOMPLETE (4/5 folds)",),
    records=({"label": "age & sex", "estimate": np.float64(0.581), "p": float("nan"), "n": np.int64(5), "ok": True},),
)

BODY = """\
<thead>
<tr class="groups"><td colspan="1"></td><th scope="colgroup" colspan="2">concat</th></tr>
<tr><th scope="col">inputs</th><th scope="col" class="number">MCR, %</th><th scope="col" class="number">Δ</th></tr>
</thead>
<tbody>
<tr><th scope="row"><div>image only</div></th><td class="number" data-value="0.557"><span class="sign" aria-hidden="true">☆ </span><span class="unseen">second: </span><span class="second">55.7 [53.6, 57.8]</span></td><td class="number">reference</td></tr>
<tr><th scope="row"><div>age &amp; sex</div></th><td class="number" data-value="0.581"><span class="sign" aria-hidden="true">★ </span><span class="unseen">best: </span><strong>58.1 [56.2, 60.0]</strong></td><td class="number" data-value="-0.012">−1.2<sup class="mark">†</sup></td></tr>
</tbody>
"""  # noqa: E501


class Elements(HTMLParser):
    """The tags that are opened and closed, in order."""

    def __init__(self, text):
        super().__init__()
        self.open, self.stack, self.attributes = [], [], []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.open.append(tag)
        self.attributes.append((tag, dict(attrs)))
        if tag not in ("br", "meta"):
            self.stack.append(tag)

    def handle_endtag(self, tag):
        assert self.stack.pop() == tag


def test_head_and_rows_are_as_they_should_be():
    text = html.fragment(TABLE)
    assert BODY in text
    assert '<strong class="stamp">INCOMPLETE (4/5 folds)</strong></caption>' in text
    assert "<li>† supported at 5 %.</li>\n<li>★ best, ☆ second.</li>" in text


def test_every_element_is_closed_and_the_table_is_named_and_described():
    found = Elements(html.render(TABLE))
    assert found.stack == []
    assert found.open.count("table") == found.open.count("caption") == 1
    ids = {attributes["id"] for _, attributes in found.attributes if "id" in attributes}
    named = [attributes for _, attributes in found.attributes]
    assert {one["aria-labelledby"] for one in named if "aria-labelledby" in one} <= ids
    assert {one["aria-describedby"] for one in named if "aria-describedby" in one} <= ids


def test_a_table_without_marks_rows_or_notes_has_no_legend():
    text = html.fragment(Table("t", "T", "C.", (Column(""), Column("n", "number")), ()))
    assert "★" not in text
    assert "<ul>" not in text
    assert '<th scope="col"><span class="unseen">configuration</span></th>' in text


def test_text_that_would_run_or_turn_the_page_around_is_shown_or_dropped():
    hostile = '<script>alert(1)</script>" onload=x \u202e\x00\ud800&amp;'
    text = html.render(Table("t", hostile, hostile, (Column(hostile),), ((Cell(text=hostile),),)))
    assert "<script" not in text
    assert text.count("&lt;script&gt;alert(1)&lt;/script&gt;&quot; onload=x &amp;amp;") == 5
    text.encode("utf-8")


def test_json_holds_numbers_as_fractions_and_no_nan():
    found = json.loads(structured.render(TABLE))
    assert found["rows"][1][1] == {"value": 0.581, "low": 0.562, "high": 0.6, "bold": True}
    assert found["rows"][1][2] == {"value": -0.012, "marks": "†"}
    assert found["records"] == [{"label": "age & sex", "estimate": 0.581, "p": None, "n": 5, "ok": True}]
    assert [column["group"] for column in found["columns"]] == ["", "concat", "concat"]
    assert (found["stamps"], found["notes"]) == (["INCOMPLETE (4/5 folds)"], ["† supported at 5 %."])
