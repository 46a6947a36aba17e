"""Fixtures of all rooms."""

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real data: FUSESEARCH_DATA, else shared/data beside the repository; skips when there is none."""
    folder = Path(os.environ.get("FUSESEARCH_DATA") or Path(__file__).parents[2] / "shared" / "data")
    if not folder.is_dir():
        pytest.skip(f"real data: no folder {folder}; set FUSESEARCH_DATA to run this test")
    return folder
