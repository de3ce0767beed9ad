"""The walk over an index: pushed on a large graph, it ranks as the exact one does."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from retrieval.index.graph_index import GraphIndex
from retrieval.traversal.walker import RandomWalk
from tests.retrieval.fakes import MemoryStore, WordEncoder, world


@pytest.fixture
def index(tmp_path: Path) -> GraphIndex:
    return GraphIndex.open(MemoryStore(world()), tmp_path, WordEncoder(64))


def test_pushed_and_exact_visits_are_equal_within_the_bound(index: GraphIndex) -> None:
    seeds = np.zeros(len(index.degree))
    seeds[[0, 3]] = 1.0, 0.25
    exact, pushed = (RandomWalk(index, large).visits(seeds, 0.5) for large in (10**9, 0))
    assert np.all(pushed <= exact + 1e-12)
    assert np.all(exact - pushed <= 0.5e-6 * np.maximum(index.degree, 1))
    assert exact.sum() == pytest.approx(1)


def test_the_strongest_seeds_are_pushed(index: GraphIndex, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("retrieval.traversal.walker._MAX_SEEDS", 1)
    seeds = np.zeros(len(index.degree))
    seeds[[0, 3]] = 0.25, 1.0
    alone = np.zeros(len(index.degree))
    alone[3] = 1.0
    assert np.allclose(RandomWalk(index, 0).visits(seeds, 0.5), RandomWalk(index, 0).visits(alone, 0.5))
