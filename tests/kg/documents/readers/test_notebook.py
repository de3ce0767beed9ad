"""Notebooks: text, code and short printed outputs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.kg.documents.readers.office import load, text_of


def notebook(*cells: dict[str, Any], **metadata: Any) -> bytes:
    return json.dumps({"cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}).encode()


def markdown(source: str | list[str]) -> dict[str, Any]:
    return {"cell_type": "markdown", "source": source, "metadata": {}}


def code(source: str | list[str], *outputs: dict[str, Any]) -> dict[str, Any]:
    return {"cell_type": "code", "source": source, "outputs": list(outputs), "execution_count": 1, "metadata": {}}


PNG = {
    "output_type": "display_data",
    "data": {"image/png": "iVBORw0KGgo=" * 50, "text/plain": "<Figure size 640x480 with 1 Axes>"},
}


@pytest.mark.parametrize(
    ("cell", "text"),
    [
        (markdown(["# Weirs\n", "\n", "Stone lasts."]), "# Weirs\n\nStone lasts."),
        (markdown("A ![dam](data:image/png;base64,iVBORw0KGgo=) here"), "A dam here"),
        (markdown("seen <!-- not seen --> again"), "seen  again"),
        (code("flow = 3"), "```python\nflow = 3\n```"),
        (code("flow", {"output_type": "execute_result", "data": {"text/plain": ["3"]}}), "```python\nflow\n```\n\n```\n3\n```"),
        (code("print(3)", {"output_type": "stream", "name": "stdout", "text": ["\x1b[31m3\x1b[0m\n"]}),
         "```python\nprint(3)\n```\n\n```\n3\n```"),
        (code("draw()", PNG), "```python\ndraw()\n```"),
        (code("1/0", {"output_type": "error", "ename": "E", "evalue": "x", "traceback": ["x"]}), "```python\n1/0\n```"),
        (code("s = '```'"), "````python\ns = '```'\n````"),
        ({"cell_type": "raw", "source": "as it is"}, "as it is"),
    ],
)  # fmt: skip
def test_cells_as_text(tmp_path: Path, cell: dict[str, Any], text: str) -> None:
    assert text_of(load(tmp_path, "n.ipynb", notebook(cell, language_info={"name": "python"}))) == text


def test_long_outputs_are_left_out_and_counted(tmp_path: Path) -> None:
    long = {"output_type": "stream", "text": "3 " * 5000}
    loaded = load(tmp_path, "n.ipynb", notebook(markdown("# Weirs"), code("a", long), code("b", long)))
    assert "3 3" not in text_of(loaded)
    assert loaded.notices == ("2 outputs of more than 2,000 characters are left out.",)


def test_titles_and_the_older_format(tmp_path: Path) -> None:
    (document,) = load(tmp_path, "n.ipynb", notebook(code("# no title"), markdown("## Weirs"))).documents
    assert document.title == "Weirs"
    old = {
        "worksheets": [
            {
                "cells": [
                    {"cell_type": "heading", "level": 2, "source": "Weirs"},
                    {"cell_type": "code", "input": "a = 1", "outputs": []},
                ]
            }
        ]
    }
    assert text_of(load(tmp_path, "n.ipynb", json.dumps(old).encode())) == "## Weirs\n\n```\na = 1\n```"


@pytest.mark.parametrize(
    "data", [b"", b"{", b"[]", b'{"a": 1}', b'{"cells": []}', b'{"cells": 3}', b"[" * 100_000, b"\xff\xfe\x00"]
)
def test_what_is_no_notebook_is_one_sentence(tmp_path: Path, data: bytes) -> None:
    loaded = load(tmp_path, "n.ipynb", data)
    assert loaded.errors and not loaded.documents and "cannot be read as .ipynb" not in loaded.error


def test_a_cell_that_is_none_is_named(tmp_path: Path) -> None:
    loaded = load(tmp_path, "n.ipynb", json.dumps({"cells": [3, markdown("Stone."), {"source": "x"}]}).encode())
    assert loaded.documents[0].text == "Stone."
    assert loaded.errors == ("Cell 1 is not a cell.", "Cell 3 is not a cell.")


@pytest.mark.parametrize(
    ("cell", "text"),
    [
        (markdown("See [the weir](https://holm.example)"), "See the weir"),
        (markdown("a <b>dam</b> ![oak](attachment:x.png)"), "a dam oak"),
        (markdown("<span hidden>no</span>Stone &amp; oak"), "Stone & oak"),
        (code("", {"output_type": "display_data", "data": {"text/html": "<table><tr><td>up<td>1871</table>"}}), "```\nup | 1871\n```"),
        (code("", {"output_type": "display_data", "data": {"text/plain": "<HTML object>", "text/html": ["<p>Sto", "ne</p>"]}}), "```\nStone\n```"),
        (code("", {"output_type": "display_data", "data": {"text/plain": "3", "text/html": "<b>3</b>"}}), "```\n3\n```"),
    ],
)  # fmt: skip
def test_markdown_and_pages_in_cells_are_what_a_reader_sees(tmp_path: Path, cell: dict[str, Any], text: str) -> None:
    assert text_of(load(tmp_path, "n.ipynb", notebook(cell))) == text
