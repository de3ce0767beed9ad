"""The notebook runs from its first cell to its last, in a kernel of its own, and shows what its text says."""

from __future__ import annotations

import asyncio
import os
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

from tests.docs.pages import ROOT

NOTEBOOK = ROOT / "examples" / "question_to_arms.ipynb"


@pytest.fixture(scope="module")
def printed() -> dict[str, str]:
    """What each cell prints, by its id."""
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    client = NotebookClient(notebook, timeout=600, resources={"metadata": {"path": str(NOTEBOOK.parent)}})
    asyncio.run(client.async_execute(env={**os.environ, "PYTHONPATH": str(ROOT), "HF_HUB_OFFLINE": "1"}))
    return {cell.id: text_of(cell) for cell in notebook.cells if cell.cell_type == "code"}


def text_of(cell: Any) -> str:
    """Standard output of a cell."""
    return "".join(output.text for output in cell.outputs if output.get("name") == "stdout")


@pytest.mark.slow
@pytest.mark.models
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning", "ignore::UserWarning")
def test_the_notebook_leads_from_a_question_to_arms(printed):
    assert "40 documents" in printed["index"]
    assert "binnacle" in printed["evidence"].lower()
    assert " | " in printed["facts"]
    assert "Maren Oskevald → will become president of → Binnacle Foundation" in printed["path"]
    assert all(arm in printed["arms"] for arm in ("closed-book", "oracle", "rag", "graph-rag"))
    assert "p = " in printed["test"] and "report.html" in printed["test"]


def test_the_notebook_is_kept_without_outputs():
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert [cell.id for cell in code if cell.outputs or cell.execution_count] == []
