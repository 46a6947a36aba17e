"""A trial of another version is refused by whoever reads the record of its search."""

import json

import pytest
from accounted_runs import make_run

from analysis.accounting import account
from analysis.errors import VersionError
from analysis.loading import load_run


def test_a_trial_of_another_version_is_not_called_damaged(tmp_path, make_study):
    run = make_run(tmp_path / "run", make_study(folds=3, lesions=(6, 6, 6)), role="search")
    path = run.folder / "search" / "000001.json"
    path.write_text(json.dumps(json.loads(path.read_bytes()) | {"version": 2}))
    for read in (account, load_run):
        with pytest.raises(VersionError, match=r"search/000001\.json has schema version 2, this one reads 1"):
            read(run.folder)
