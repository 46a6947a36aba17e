"""What is said of table settings that cannot be used: setting, value, nearest choice, and the choices."""

import pytest

from analysis.errors import AnalysisError
from analysis.run import specifications


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (
            {"title": "X", "kind": "leaderbord"},
            r"kind='leaderbord' is not known; did you mean 'leaderboard'\? \(choices: ablation, .*, arms\)$",
        ),
        (
            {"title": "X", "kind": "scores", "rowz": "fusion.name"},
            r"rowz is not a known setting; did you mean 'rows'\? \(known: name, title, kind, rows, .*, limit\)$",
        ),
        (
            {"title": "X", "kind": "scores", "metrics": ["mrc"]},
            r"metrics='mrc' is not known; did you mean 'mcr'\? \(choices: mcr, .*, ece\)$",
        ),
        ({"kind": "scores"}, "title is missing$"),
        ({"kind": "scores", "metrics": ["mrc"]}, r"title is missing \(and 1 more\)$"),
        ({"title": "X", "kind": "leaderboard", "limit": 0}, "limit=0: input should be greater than or equal to 1$"),
        (
            {"title": "X", "kind": "scores", "published": "metanet-tabl3"},
            "published='metanet-tabl3' is not known; did you mean 'metanet-table3'",
        ),
        ({"title": "X", "kind": "scores", "metrics": "mcr"}, r"metrics='mcr': must be a list, such as \[a, b\]$"),
        ({"title": "X", "kind": "ablation"}, "an ablation table needs rows"),
    ],
)
def test_a_refusal_names_setting_value_and_choices(settings, message):
    with pytest.raises(AnalysisError, match=f"^my.yaml: table x: {message}") as caught:
        specifications([{"name": "x", **settings}], "my.yaml")
    assert "\n" not in str(caught.value)
