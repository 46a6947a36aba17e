"""Fixtures of all rooms."""

import gc
import os
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture(scope="session", autouse=True)
def quick_garbage_collection() -> Iterator[None]:
    """Leave what is imported out of garbage collection: statsmodels collects at every correction, 0.3 s each time."""
    gc.freeze()
    yield
    gc.unfreeze()


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real data: FUSESEARCH_DATA, else shared/data beside the repository; skips when there is none."""
    folder = Path(os.environ.get("FUSESEARCH_DATA") or Path(__file__).parents[2] / "shared" / "data")
    if not folder.is_dir():
        pytest.skip(f"real data: no folder {folder}; set FUSESEARCH_DATA to run this test")
    return folder
