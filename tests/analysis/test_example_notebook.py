"""The example notebook runs from its first cell to its last on a real run folder, and shows what its text says."""

from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

NOTEBOOK = Path(__file__).parents[2] / "docs" / "reading-a-run.ipynb"


@pytest.fixture(scope="module")
def shown(tmp_path_factory):
    """The text of the last output of every code cell, after running it on a quickstart of two configurations."""
    folder = tmp_path_factory.mktemp("notebook")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("FUSESEARCH_CACHE", str(folder / "cache"))
        patch.setenv("FUSESEARCH_RUN", str(folder / "run"))
        patch.setenv("PYTHONPATH", str(NOTEBOOK.parents[1]))
        from searchspace.command_line import run_command

        settings = ["--set", "scientific.metadata.fields=[[], [age], [site]]", "--set", "training.epochs=2"]
        assert run_command(["--executor", "inline", "--out", "run", "--no-report", *settings]) == 0
        notebook = nbformat.read(NOTEBOOK, as_version=4)
        NotebookClient(notebook, timeout=120, kernel_name="python3", resources={"metadata": {"path": folder}}).execute()
    return [cell.outputs[-1]["data"] for cell in notebook.cells if cell.cell_type == "code"]


def test_every_cell_shows_something(shown):
    assert "fold fits done" in shown[0]["text/plain"]
    assert all("text/html" in data for data in shown[1:])


def test_the_table_is_a_table_of_the_study(shown):
    table = shown[4]["text/html"]
    assert "<caption" in table
    assert "image only" in table


def test_the_committed_notebook_holds_no_outputs():
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    assert all(not cell.get("outputs") and cell.get("execution_count") is None for cell in notebook.cells)
