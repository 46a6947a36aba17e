"""Fixtures of all rooms."""

import gc
import os
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from s3_server import S3Server


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with whole runs, which take longest: two processes then end at about the same time."""
    items.sort(key=lambda item: "searchspace/" not in item.nodeid)


@pytest.fixture(scope="session", autouse=True)
def eager_workers() -> Iterator[None]:
    """Let Ray's workers run like any process: by default they wait for whatever else the machine does."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_worker_niceness", "0")
        yield


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


@pytest.fixture(scope="session")
def s3_server() -> "Iterator[S3Server]":
    """An S3 server on loopback."""
    from s3_server import S3Server

    server = S3Server()
    yield server
    server.stop()


@pytest.fixture
def s3(s3_server, monkeypatch) -> "S3Server":
    """The S3 server with an empty bucket of this test, and credentials for it in the environment."""
    from s3_server import CREDENTIALS

    for name, value in CREDENTIALS.items():
        monkeypatch.setenv(name, value)
    s3_server.make_bucket(f"bucket-{uuid.uuid4().hex[:12]}")
    return s3_server
