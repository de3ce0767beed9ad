"""What the folders of `retrieval` re-export, and that importing them stays light."""

from __future__ import annotations

import subprocess
import sys
from importlib import import_module

import pytest

ROOMS = ["", ".answering", ".index", ".pagerank", ".retrievers", ".traversal"]
HEAVY = {"bm25s", "numba", "scipy", "sklearn", "spacy", "torch", "transformers"}


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_exports_every_name_that_it_lists(room: str) -> None:
    module = import_module(f"retrieval{room}")
    assert module.__all__ == sorted(module.__all__)
    for name in module.__all__:
        assert getattr(module, name) is not None
    with pytest.raises(AttributeError):
        module.no_such_name  # noqa: B018


def test_importing_the_rooms_loads_no_heavy_library() -> None:
    rooms = ", ".join(f"retrieval{room}" for room in ROOMS)
    code = f"import sys, {rooms}; print(*sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not HEAVY & set(run.stdout.split())
