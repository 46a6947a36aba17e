"""Every fault of the infrastructure, on three machines: nothing lost, nothing trained twice, the same table.

Minutes long and for Linux as root: `python -m pytest -m cluster tests/faults`.
"""

import random

import pytest
from cluster.hosts import why_not
from faults.arena import arena
from faults.injected import FAULTS

pytestmark = pytest.mark.cluster


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    if reason := why_not():
        pytest.skip(f"no machines of our own here: {reason}")
    with arena(tmp_path_factory.mktemp("arena")) as found:
        yield found


@pytest.mark.parametrize("name", FAULTS)
def test_a_run_with_a_fault_ends_in_the_same_table(place, name):
    found = place.play(FAULTS[name], random.Random(name))
    assert found.violations == (), found.output
    assert found.lost == 0, found.output
    assert found.repeated <= found.damaged, found.output
    assert found.identical, found.output
