"""Entries of an invented search, for tests of what the analysis makes of its record."""

import json

from analysis.search_record import Entry, FoldEntry

RATES = {"name": "FloatDistribution", "attributes": {"step": None, "low": 0.001, "high": 0.1, "log": True}}
DEPTHS = {"name": "IntDistribution", "attributes": {"log": False, "step": 1, "low": 1, "high": 3}}
WIDTHS = {"name": "IntDistribution", "attributes": {"log": False, "step": 1, "low": 0, "high": 100}}


def choices(*values):
    return {"name": "CategoricalDistribution", "attributes": {"choices": list(values)}}


FORMS = {
    "training.learning_rate": RATES,
    "fusion.name": choices("none", "concat"),
    "metadata.fields": choices("[]", '["age"]', '["age","sex"]'),
    "fusion.depth": DEPTHS,
    "head.width": WIDTHS,
}


def trial(number, value=None, *, forms=FORMS, scores=(), dropped=None, state=None, **changes):
    """A trial of one second; `dropped` is a rule, and `value` then the last fold-blocked estimate."""
    parameters = changes.pop("parameters", {"training.learning_rate": 0.01, "fusion.name": "none"})
    folds = tuple(
        FoldEntry(repeat=0, fold=fold, key=f"{number}-{fold}", state="done", mcr=score, seconds=1.0)
        for fold, score in enumerate(scores or ([value] if value is not None else []))
    )
    fields = {
        "study": "small",
        "number": number,
        "state": state or ("pruned" if dropped else "complete"),
        "asked": 2 * number,
        "asked_at": float(number),
        "told": 2 * number + 1,
        "told_at": number + 1.0,
        "parameters": parameters,
        "distributions": {name: json.dumps(forms[name]) for name in parameters},
        "configuration": f"id{number}",
        "label": f"configuration {number}",
        "folds": folds,
        "value": None if dropped else value,
        "dropped": {"rule": dropped, "evidence": {}} if dropped else None,
        "intermediate": {1: value} if dropped == "racing" else {},
    }
    return Entry(**fields | changes)


def search():
    """Twelve trials: complete, better at higher rates; one over a limit, raced, halved, failed, skipped, running."""
    rates = (0.001, 0.004, 0.02, 0.05, 0.08)
    fields = {"fusion.name": "concat", "metadata.fields": '["age","sex"]', "fusion.depth": 2}
    complete = [
        trial(number, 0.5 + 0.05 * number, parameters={"training.learning_rate": rate, "fusion.name": "none"},
              intermediate={1: 0.4, 2: 0.5 + 0.05 * number})
        for number, rate in enumerate(rates)
    ]  # fmt: skip
    return (
        *complete,
        trial(5, 0.9, constraints={"parameters": 0.5}, parameters={"training.learning_rate": 0.09} | fields),
        trial(6, 0.45, dropped="racing", parameters={"training.learning_rate": 0.002} | fields),
        trial(7, dropped="halving", inner={2: 0.3}, intermediate={0: 0.3}),
        trial(8, state="failed", reason="out of memory", inner={2: 0.5, 6: 0.6}),
        trial(9, state="skipped"),
        trial(10, state="running", told=None, told_at=None),
        trial(11, 0.65, parameters={"training.learning_rate": 0.03} | fields | {"metadata.fields": "[]"}),
    )
