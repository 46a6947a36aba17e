"""Names made legible, numbers as tables print them, and text that can be read on every colour."""

import matplotlib
import pytest

from analysis.figures.marks import legible, luminance, points, span, text_colour, wrapped


def test_what_cannot_be_printed_is_a_space():
    assert legible("a\x00b\n\tc\u202ed \ud800") == "a b c d"


def test_a_long_name_keeps_both_ends():
    text = wrapped("backbone resnet50, " * 20 + "learning rate 0.01", 20, 2)
    assert text.startswith("backbone")
    assert text.endswith("0.01")
    assert "…" in text
    assert len(text.split("\n")) <= 2
    assert max(map(len, text.split("\n"))) <= 20


@pytest.mark.parametrize("text", ["", "short", "x" * 300, "… " * 50])
def test_every_name_fits(text):
    assert all(len(line) <= 10 for line in wrapped(text, 10, 1).split("\n"))


def test_numbers():
    assert (points(58.14), points(2.44, signed=True), points(-0.04), points(-3.0)) == ("58.1", "+2.4", "0.0", "−3.0")
    assert points(0.04, signed=True) == "0.0"
    assert span((-1.0, 2.25), digits=2) == "[−1.00, 2.25]"


def test_luminance_of_known_colours():
    # WCAG 2.2: white 1, black 0, #777777 on white has contrast 4.48 to 1
    assert luminance("white") == pytest.approx(1.0)
    assert luminance("black") == 0.0
    assert 1.05 / (luminance("#777777") + 0.05) == pytest.approx(4.48, abs=0.005)


@pytest.mark.parametrize("name", ["cividis", "Blues"])
def test_text_contrasts_with_every_colour_of_a_map(name):
    for step in range(256):
        colour = matplotlib.colormaps[name](step / 255)
        high, low = sorted((luminance(colour), luminance(text_colour(colour))), reverse=True)
        assert (high + 0.05) / (low + 0.05) >= 4.5
