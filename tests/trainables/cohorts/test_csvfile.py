"""Broken CSV files: one line each, that names the file, the place and what was found."""

import pandas as pd
import pytest

from models.errors import InputError
from trainables.cohorts.csvfile import LINE, read_csv, row_positions

BROKEN = {
    "empty": (b"", "the file is empty"),
    "blank lines only": (b"\n\n  \n", "the file is empty"),
    "header only": (b"id,age\n", "there is a header but no line of data"),
    "no header": (b"a,1\nb,2\n", "no column 'id', 'age'; the first line, which must name the columns, has: a, 1"),
    "semicolons": (b"id;age\na;1\n", "separated by semicolons; save the file with commas"),
    "tabs": (b"id\tage\na\t1\n", "separated by tabs; save the file with commas"),
    "missing column": (b"id,aage\na,1\n", "no column 'age'; did you mean 'aage'?"),
    "repeated column": (b"id,age,age\na,1,2\n", "the column 'age' appears 2 times"),
    "too few cells": (b"id,age\na,1\nb\n", "line 3 has 1 cells where the header has 2"),
    "too many cells": (b"id,age\na,1,2\n", "line 2 has 3 cells where the header has 2"),
    "open quote": (b'id,age\na,"1\nb,2\n', "cannot be read as CSV"),
    "stray quote": (b'id,age\n"a"b,1\n', "line 2 cannot be read as CSV"),
    "latin-1": ("id,age\nMüller,1\n".encode("latin-1"), "line 2 is not UTF-8 (byte 0xfc)"),
    "utf-16": ("id,age\na,1\n".encode("utf-16"), "the file is UTF-16"),
    "nul bytes": (b"id,age\na,1\nb\0,2\n", "there is a NUL byte in line 3"),
}


@pytest.mark.parametrize(("content", "message"), BROKEN.values(), ids=BROKEN.keys())
def test_broken_file(tmp_path, content, message):
    path = tmp_path / "samples.csv"
    path.write_bytes(content)
    with pytest.raises(InputError) as caught:
        read_csv(path, ["id", "age"])
    assert str(caught.value).startswith(f"{path}: ")
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def read_names(tmp_path, header: str, **options) -> list[str]:
    path = tmp_path / "samples.csv"
    path.write_text(f"{header}\n1,2,3\n")
    return read_csv(path, ["id", "sex"], **options).iloc[0].tolist()


ALIASES = {"id": ("image", "image_name"), "sex": ("gender",)}


@pytest.mark.parametrize(
    ("header", "cells"),
    [
        ("id,sex,x", ["1", "2"]),
        ("ID, Gender ,x", ["1", "2"]),
        ("image,x,GENDER", ["1", "3"]),
        ("gender,sex,image_name", ["3", "2"]),  # the column's own name goes before the others
        ("SEX,sex,id", ["3", "2"]),  # and the exact one before another letter case
    ],
)
def test_columns_by_their_other_names(tmp_path, header, cells):
    assert read_names(tmp_path, header, aliases=ALIASES) == cells


def test_other_names_are_for_those_who_ask(tmp_path):
    with pytest.raises(InputError, match="no column 'sex'; did you mean 'Sex'"):
        read_names(tmp_path, "id,Sex,x")


def test_a_missing_column_is_named_with_its_other_names_unless_it_is_optional(tmp_path):
    with pytest.raises(InputError, match=r"no column 'sex' \(or 'gender'\)"):
        read_names(tmp_path, "id,x,y", aliases=ALIASES)
    assert read_names(tmp_path, "id,x,y", aliases=ALIASES, optional=["sex"]) == ["1"]


def test_two_columns_that_both_could_be_meant_are_refused(tmp_path):
    with pytest.raises(InputError, match="the column 'Gender' appears 2 times"):
        read_names(tmp_path, "id,Gender,GENDER", aliases=ALIASES)


@pytest.mark.parametrize("name", ["samples.tab", "samples.TSV", "samples"])
def test_tabs_where_the_file_does_not_call_itself_csv(tmp_path, name):
    path = tmp_path / name
    path.write_text("id\tage\na,b\t1\n")
    assert read_csv(path, ["id", "age"]).to_numpy().tolist() == [["a,b", "1"]]


def test_no_file(tmp_path):
    with pytest.raises(InputError, match="cannot be read"):
        read_csv(tmp_path / "samples.csv", ["id"])


def test_cells_are_trimmed_text_by_line_number(tmp_path):
    path = tmp_path / "samples.csv"
    path.write_bytes('\ufeffid, age ,note\r\n a ,01,"x, y"\r\n\r\nb,,"two\nlines"\r\n'.encode())
    table = read_csv(path, ["age", "id"])
    assert table.columns.tolist() == ["age", "id"]
    assert table.to_numpy().tolist() == [["01", "a"], ["", "b"]]
    assert table.index.tolist() == [2, 5]


def test_positions_are_those_of_pandas(tmp_path):
    path = tmp_path / "samples.csv"
    path.write_text('id,note\na,1\n,\n\n   \nb,"two\nlines"\n"",""\nc,3\n')
    cells = pd.read_csv(path)["id"]
    position_of = row_positions(path)
    table = read_csv(path, ["id"])
    assert table.index.name == LINE
    assert {position_of[line]: name for line, name in table["id"].items()} == cells.dropna().to_dict()


def test_a_long_header_is_cut(tmp_path):
    (tmp_path / "samples.csv").write_text("x" * 5000 + ",age\n1,2\n")
    with pytest.raises(InputError) as caught:
        read_csv(tmp_path / "samples.csv", ["id"])
    assert len(str(caught.value)) < 400
