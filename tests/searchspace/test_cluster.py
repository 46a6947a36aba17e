"""Clusters: what a killed run leaves is removed by the next one, and nothing else; source is told apart."""

import os
import time

from filelock import FileLock

from searchspace import cluster


def test_only_the_remains_of_dead_runs_are_removed(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.gettempdir", lambda: str(tmp_path))
    old = time.time() - 2 * cluster.YOUNG_SECONDS
    folders = {name: tmp_path / f"{cluster.PREFIX}{name}" for name in ("killed", "running", "starting", "late")}
    for folder in folders.values():
        folder.mkdir()
    for name in ("killed", "running"):
        (folders[name] / cluster.ALIVE).touch()
    os.utime(folders["late"], (old, old))
    (tmp_path / "another").mkdir()
    with FileLock(folders["running"] / cluster.ALIVE):
        cluster._remove_remains()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["another", "fusesearch-running", "fusesearch-starting"]


def test_the_source_digest_changes_with_the_source(tmp_path, monkeypatch):
    before = cluster.source_digest()
    assert cluster.source_digest() == before
    package = tmp_path / "models"
    package.mkdir()
    (package / "__init__.py").write_text("")
    monkeypatch.setattr(cluster.models, "__file__", str(package / "__init__.py"))
    assert cluster.source_digest() != before
