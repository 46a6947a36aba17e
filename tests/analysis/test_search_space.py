"""Dimensions and trials of a search as read from its record, by hand."""

import pytest
from made_search import FORMS, choices, search, trial

from analysis.boundaries import boundary_warnings
from analysis.search_space import ENDINGS, Axis, comparable, ending, handed_out, level_text, search_axes

RATE = Axis("training.learning_rate", low=0.001, high=0.1, log=True)


def test_axes_stand_in_the_order_of_the_study_and_know_what_is_conditional():
    rate, fusion, fields, depth = search_axes(search())
    assert rate == RATE
    assert fusion == Axis("fusion.name", levels=("none", "concat"))
    assert fields.levels == ("none", "age", "age + sex")
    assert depth.levels == ("1", "2", "3")
    assert (fusion.conditional, depth.conditional) == (False, True)
    assert [axis.title for axis in (rate, fusion, fields)] == ["learning rate", "fusion", "metadata fields"]


def test_a_dimension_with_one_value_is_none():
    one = FORMS | {"fusion.name": choices("none")}
    assert search_axes([trial(0, 0.5, forms=one), trial(1, 0.6, forms=one)]) == (RATE,)
    assert search_axes(()) == ()


@pytest.mark.parametrize(("rate", "share", "group"), [(0.001, 0, 0), (0.01, 0.5, 2), (0.1, 1, 4), (0.0026, 0.207, 1)])
def test_places_in_a_range_are_those_of_its_logarithm(rate, share, group):
    assert RATE.share(rate) == pytest.approx(share, abs=1e-3)
    assert RATE.at(share) == pytest.approx(rate, rel=0.01)
    assert RATE.group_of(trial(0, 0.5, parameters={"training.learning_rate": rate})) == group
    assert RATE.group_of(trial(0, 0.5, parameters={"fusion.name": "none"})) is None


def test_parts_of_a_range_are_named_by_their_ends():
    assert RATE.groups() == ("0.001 to 0.0025", "0.0025 to 0.0063", "0.0063 to 0.016", "0.016 to 0.04", "0.04 to 0.1")
    assert Axis("head.width", low=0, high=100).groups()[1] == "20 to 40"


@pytest.mark.parametrize(
    ("value", "text"),
    [('["age","sex"]', "age + sex"), ("[]", "none"), ("[broken", "[broken"), ("concat", "concat"), (True, "yes"),
     (None, "none"), (0.00001, "1e-05"), (3, "3")],
)  # fmt: skip
def test_levels_read_as_in_tables(value, text):
    assert level_text(value) == text


def test_trials_end_in_one_of_six_ways_and_compare_by_measured_or_estimated_mcr():
    run = handed_out(search())
    assert [entry.number for entry in run] == [0, 1, 2, 3, 4, 5, 6, 7, 8, 10, 11]
    assert {ending(entry) for entry in run} == set(ENDINGS)
    scores = {entry.number: comparable(entry) for entry in run}
    assert [scores[number] for number in (0, 6, 7, 8, 10)] == [0.5, 0.45, None, None, None]


def rated(rates, values=None):
    values = values or [0.5 + 0.001 * number for number in range(len(rates))]
    return [
        trial(number, value, parameters={"training.learning_rate": rate, "head.width": 50})
        for number, (rate, value) in enumerate(zip(rates, values, strict=True))
    ]


def test_the_best_trials_at_the_end_of_a_range_are_a_warning():
    (line,) = boundary_warnings(rated([0.01] * 9 + [0.05, 0.09, 0.095]))
    assert line.startswith("training.learning_rate: 2 of the best 3 complete trials lie in the highest tenth of 0.001")
    assert "(log scale)" in line
    (low,) = boundary_warnings(rated([0.01] * 9 + [0.001, 0.00101, 0.0012]))
    assert "3 of the best 3" in low
    assert "lowest tenth" in low


def test_best_trials_inside_a_range_or_too_few_of_them_are_none():
    assert boundary_warnings(rated([0.01] * 9 + [0.09, 0.02, 0.03])) == ()
    assert boundary_warnings(rated([0.09] * 9)) == ()
    late = rated([0.09, 0.095, 0.1] + [0.01] * 9)  # at the end, and the worst
    assert boundary_warnings(late) == ()
    barred = [*rated([0.01] * 12), trial(20, 0.9, constraints={"parameters": 1.0},
              parameters={"training.learning_rate": 0.1, "head.width": 50})]  # fmt: skip
    assert boundary_warnings(barred) == ()
    assert boundary_warnings(()) == ()


def test_whole_numbers_count_where_a_tenth_of_them_is_more_than_one():
    def wide(width):
        parameters = {"training.learning_rate": 0.01, "head.width": width}
        return [trial(number, 0.5, parameters=parameters) for number in range(12)]

    assert boundary_warnings(wide(50)) == ()
    (line,) = boundary_warnings(wide(100))
    assert line.startswith("head.width: 3 of the best 3")
    assert "log scale" not in line
